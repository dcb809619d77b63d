//! The scenarios. Each prints what it measured; each fails when somebody who should be served is not.

use crate::Outcome;
use crate::crowd::{Crowd, Got, State, UPGRADE_REQUEST, dial};
use crate::histogram::Histogram;
use crate::server::Server;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

type Scenario = fn(&str) -> Outcome<()>;

pub const ALL: &[(&str, Scenario)] = &[
    ("stalled", stalled),
    ("megabyte", megabyte),
    ("reconnect", reconnect),
    ("restore", restore),
    ("drain", drain),
    ("slow", slow),
];

/// No scenario waits longer than this for anything.
const PATIENCE: Duration = Duration::from_secs(120);

fn crowd(server: &Server, count: usize, receive: Option<usize>) -> Outcome<Crowd> {
    let mut crowd = Crowd::new(server.address, receive)?;
    fill(&mut crowd, count)?;
    Ok(crowd)
}

/// Adds clients until there are so many in the room.
fn fill(crowd: &mut Crowd, count: usize) -> Outcome<()> {
    while crowd.ready() < count {
        while crowd.clients.len() < count && crowd.clients.len() - crowd.ready() < 256 {
            crowd.join()?;
        }
        crowd.wait(Instant::now() + PATIENCE, |_, _, _| {})?;
    }
    Ok(())
}

/// How long messages of client 0 take to everybody else of whom `hears` is true: `count` of them, `pause` apart.
fn latencies(
    crowd: &mut Crowd,
    event: &str,
    size: usize,
    count: usize,
    pause: Duration,
    hears: impl Fn(usize) -> bool,
) -> Outcome<Histogram> {
    let mut times = Histogram::new();
    let listeners = (1..crowd.clients.len()).filter(|&at| hears(at)).count();
    let padding = "x".repeat(size);
    let begin = Instant::now();
    for number in 0..count {
        // From when it was due: what is late delays what comes after it.
        let due = begin + pause * number as u32;
        while Instant::now() < due {
            crowd.wait(due, |_, _, _| {})?;
        }
        crowd.say(0, &format!("42[\"{event}\",\"{number}:{padding}\"]"))?;
        let mut heard = 0;
        let word = format!("\"{number}:");
        while heard < listeners {
            if due.elapsed() > PATIENCE {
                return Err(format!("{heard} of {listeners} heard message {number}").into());
            }
            crowd.wait(Instant::now() + PATIENCE, |at, got, now| {
                if let Got::Event(text) = got
                    && hears(at)
                    && text.contains(&word)
                {
                    times.record((now - due).as_nanos() as u64, 1);
                    heard += 1;
                }
            })?;
        }
    }
    Ok(times)
}

fn ms(nanos: u64) -> String {
    format!("{:.2}", nanos as f64 / 1e6)
}

fn percentiles(times: &Histogram) -> String {
    format!("{} | {} | {}", ms(times.quantile(0.5)), ms(times.quantile(0.99)), ms(times.max()))
}

/// One and a hundred of a thousand stop reading: what the others notice, what it costs, what becomes of them.
fn stalled(host: &str) -> Outcome<()> {
    const CLIENTS: usize = 1_000;
    const MESSAGES: usize = 100;
    let pause = Duration::from_millis(100);
    println!("\n### Readers that stop, among 1,000\n");
    println!(
        "4 KiB to the room every 100 ms, 100 times; a backlog of 64 KiB. Latency of the others in ms.\n"
    );
    println!("| class | stopped | p50 | p99 | most | memory, KiB | queued, KiB | closed | not sent |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for event in ["pub", "volatile", "latest", "oldest"] {
        for count in [0, 1, 100] {
            let server = Server::start(host, &["max_backlog=65536"])?;
            // Client 0 publishes; those that stop come next, and their kernels are filled before the others join.
            let mut crowd = crowd(&server, 1 + count, Some(4_096))?;
            for at in 1..=count {
                crowd.stop_reading(at)?;
            }
            // The kernel goes on finding room for a while: it is full when something has waited for all of them for long.
            let filler = format!("42[\"latest\",\"{}\"]", "x".repeat(16_000));
            let mut full = if count == 0 { 30 } else { 0 };
            while full < 30 {
                crowd.say(0, &filler)?;
                let queued = server.figures()?.value("roomcast_queued_bytes") as usize;
                full = if queued >= count * 8_000 { full + 1 } else { 0 };
            }
            let before = server.figures()?.value("roomcast_messages_dropped_total{cause=\"latest\"}");
            fill(&mut crowd, CLIENTS)?;
            let hears = |at| at > count;
            let memory = server.memory()?;
            let times = latencies(&mut crowd, event, 4_096, MESSAGES, pause, hears)?;
            let figures = server.figures()?;
            let drops = ["volatile", "latest", "oldest"]
                .map(|cause| figures.value(&format!("roomcast_messages_dropped_total{{cause=\"{cause}\"}}")));
            println!(
                "| {event} | {count} | {} | {} | {:.0} | {} | {} |",
                percentiles(&times),
                server.memory()?.saturating_sub(memory) / 1024,
                figures.value("roomcast_queued_bytes") / 1024.0,
                figures.value("roomcast_slow_consumers_total"),
                drops.iter().sum::<f64>() - before,
            );
        }
    }
    Ok(())
}

/// One megabyte to five thousand readers that have stopped, and what a good client beside them notices.
fn megabyte(host: &str) -> Outcome<()> {
    const CLIENTS: usize = 5_000;
    let server = Server::start(host, &["max_backlog=67108864"])?;
    let mut crowd = crowd(&server, CLIENTS, Some(4_096))?;
    for at in 1..CLIENTS {
        crowd.stop_reading(at)?;
    }
    println!("\n### One megabyte for 5,000 stopped readers\n");
    println!(
        "| broadcast | queued by the server, MiB | growth of its memory, MiB | longest step, ms | all was sent after, s | another's echo meanwhile, ms: p50 | p99 | most |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let memory = server.memory()?;
    for number in 1..=3 {
        let before = server.figures()?;
        let begin = Instant::now();
        crowd.say(0, "42[\"blast\",1000000]")?;
        let (mut echo, mut queued, mut same, mut sent) = (Histogram::new(), 0.0, 0, begin);
        // The kernels have what they take when the queues stay as they are.
        while same < 20 {
            let asked = Instant::now();
            crowd.say(0, "421[\"echo\"]")?;
            let mut answered = false;
            while !answered {
                crowd.wait(Instant::now() + PATIENCE, |at, got, now| {
                    if at == 0
                        && let Got::Event(_) = got
                    {
                        answered = true;
                        echo.record((now - asked).as_nanos() as u64, 1);
                    }
                })?;
            }
            let now = server.figures()?.value("roomcast_queued_bytes");
            same = if now == queued { same + 1 } else { 0 };
            if same == 0 {
                (queued, sent) = (now, Instant::now());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let figures = server.figures()?;
        println!(
            "| {number} | {:.0} | {:.1} | {:.0} | {:.1} | {} |",
            figures.value("roomcast_queued_bytes") / 1048576.0,
            server.memory()?.saturating_sub(memory) as f64 / 1048576.0,
            figures.times_since(&before, "roomcast_step_seconds").0 * 1e3,
            (sent - begin).as_secs_f64(),
            percentiles(&echo),
        );
    }
    Ok(())
}

/// Ten thousand are cut off and come back at once.
fn reconnect(host: &str) -> Outcome<()> {
    const CLIENTS: usize = 10_000;
    println!("\n### 10,000 reconnect within a second and rejoin their room\n");
    println!(
        "| let in per second | all served after, s | refused with 503 | step p99, ms | longest step, ms | a member's echo meanwhile, ms: p50 | p99 | most |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for rate in [0, 2_000] {
        let server = Server::start(host, &[&format!("max_handshakes_per_second={rate}")])?;
        let mut watcher = crowd(&server, 2, None)?;
        let mut crowd = Crowd::new(server.address, None)?;
        let before = server.figures()?;
        let begin = Instant::now();
        let (mut refused, mut echo) = (0, Histogram::new());
        let mut sent = None;
        while crowd.ready() < CLIENTS {
            if begin.elapsed() > PATIENCE {
                return Err(format!("{} of {CLIENTS} served", crowd.ready()).into());
            }
            // Within a second, however slow the machine: the kernel queues them.
            for _ in 0..256 {
                if crowd.clients.len() < CLIENTS {
                    crowd.join()?;
                }
            }
            let now = Instant::now();
            for at in 0..crowd.clients.len() {
                if matches!(crowd.clients[at].state, State::Refused(due) if due <= now) {
                    crowd.rejoin(at)?;
                }
            }
            if sent.is_none() {
                // Answered by the server alone: a message to the room would be thousands.
                watcher.say(0, "421[\"echo\"]")?;
                sent = Some(Instant::now());
            }
            crowd.wait(Instant::now() + Duration::from_millis(2), |_, got, _| {
                refused += u64::from(matches!(got, Got::Refused));
            })?;
            watcher.wait(Instant::now(), |at, got, now| {
                if at == 0
                    && let Got::Event(_) = got
                    && let Some(sent) = sent.take()
                {
                    echo.record((now - sent).as_nanos() as u64, 1);
                }
            })?;
        }
        let time = begin.elapsed();
        let figures = server.figures()?;
        let (longest, p99) = figures.times_since(&before, "roomcast_step_seconds");
        println!(
            "| {} | {:.2} | {refused} | {:.0} | {:.0} | {} |",
            if rate == 0 { "any number".to_owned() } else { rate.to_string() },
            time.as_secs_f64(),
            p99 * 1e3,
            longest * 1e3,
            percentiles(&echo),
        );
        if figures.value("roomcast_sockets") as usize != CLIENTS + 2 {
            return Err("not all are in the namespace".into());
        }
    }
    Ok(())
}

/// Ten thousand lose their connections, miss a hundred messages each, and come back for them at once.
fn restore(host: &str) -> Outcome<()> {
    const CLIENTS: usize = 10_000;
    const MISSED: usize = 100;
    let server = Server::start(host, &["recovery=1"])?;
    // Client 0 talks, and client 1 hears it at once.
    let mut watcher = crowd(&server, 2, None)?;
    let mut crowd = crowd(&server, CLIENTS, None)?;
    for at in 0..CLIENTS {
        crowd.cut(at)?;
    }
    while server.figures()?.value("roomcast_away") as usize != CLIENTS {
        std::thread::sleep(Duration::from_millis(10));
    }
    let (padding, mut live) = ("x".repeat(64), 0);
    for number in 0..MISSED {
        watcher.say(0, &format!("42[\"pub\",{number},\"{padding}\"]"))?;
        let before = live;
        while live == before {
            watcher.wait(Instant::now() + PATIENCE, |_, got, _| {
                if let Got::Event(text) = got {
                    // A frame of this length has a head of two bytes.
                    live += text.len() + 2;
                }
            })?;
        }
    }
    let before = server.figures()?;
    let begin = Instant::now();
    let mut heard = vec![0; CLIENTS];
    let (mut echo, mut sent, mut next) = (Histogram::new(), None, 0);
    while crowd.ready() < CLIENTS {
        if begin.elapsed() > PATIENCE {
            return Err(format!("{} of {CLIENTS} are back", crowd.ready()).into());
        }
        for _ in 0..256 {
            if next < CLIENTS {
                crowd.rejoin(next)?;
                next += 1;
            }
        }
        if sent.is_none() {
            watcher.say(0, "421[\"echo\"]")?;
            sent = Some(Instant::now());
        }
        crowd.wait(Instant::now() + Duration::from_millis(2), |at, got, _| {
            if let Got::Event(text) = got {
                let expected = format!("42[\"msg\",{},", heard[at]);
                assert!(text.starts_with(&expected), "client {at} got {text} instead of {expected}");
                heard[at] += 1;
            }
        })?;
        watcher.wait(Instant::now(), |at, got, now| {
            if at == 0
                && let Got::Event(_) = got
                && let Some(sent) = sent.take()
            {
                echo.record((now - sent).as_nanos() as u64, 1);
            }
        })?;
    }
    let time = begin.elapsed();
    let figures = server.figures()?;
    let (longest, p99) = figures.times_since(&before, "roomcast_step_seconds");
    let bytes = figures.value("roomcast_bytes_out_total") - before.value("roomcast_bytes_out_total");
    println!("\n### {CLIENTS} come back within a second for {MISSED} messages each\n");
    println!(
        "| all had theirs after, s | bytes sent, of those of the messages | step p99, ms | longest step, ms | another's echo meanwhile, ms: p50 | p99 | most |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    println!(
        "| {:.2} | {:.3} | {:.0} | {:.0} | {} |",
        time.as_secs_f64(),
        bytes / (live * CLIENTS) as f64,
        p99 * 1e3,
        longest * 1e3,
        percentiles(&echo),
    );
    let recovered = figures.value("roomcast_sessions_recovered_total") as usize;
    if recovered != CLIENTS || heard.iter().any(|&count| count != MISSED) {
        return Err(format!("{recovered} of {CLIENTS} have their session").into());
    }
    Ok(())
}

/// A deploy: a thousand clients are sent away, 500 a second, and go elsewhere.
fn drain(host: &str) -> Outcome<()> {
    const CLIENTS: usize = 1_000;
    let server = Server::start(host, &[])?;
    let mut crowd = crowd(&server, CLIENTS, None)?;
    let before = server.figures()?;
    crowd.say(0, "42[\"drain\",500,\"deploy\"]")?;
    let begin = Instant::now();
    let mut gone = Vec::new();
    while gone.len() < CLIENTS {
        if begin.elapsed() > PATIENCE {
            return Err(format!("{} of {CLIENTS} are gone", gone.len()).into());
        }
        crowd.wait(Instant::now() + PATIENCE, |_, got, now| {
            if let Got::Closed(code) = got {
                assert_eq!(code, Some(1012), "closed without the code");
                gone.push(now - begin);
            }
        })?;
    }
    let most = (0..gone.len())
        .map(|at| gone[at..].partition_point(|&time| time <= gone[at] + Duration::from_millis(100)));
    let (longest, _) = server.figures()?.times_since(&before, "roomcast_step_seconds");
    println!("\n### A drain of 1,000 clients at 500 a second\n");
    println!("| the last one gone after, s | most within 100 ms | longest step, ms |");
    println!("| ---: | ---: | ---: |");
    println!(
        "| {:.2} | {} | {:.1} |",
        gone.iter().max().copied().unwrap_or_default().as_secs_f64(),
        most.max().unwrap_or(0),
        longest * 1e3
    );
    Ok(())
}

/// A thousand slow clients in each phase, while a room of a hundred talks.
fn slow(host: &str) -> Outcome<()> {
    const EACH: usize = 1_000;
    println!("\n### 1,000 slow clients in each phase, while 100 members talk\n");
    println!(
        "| they stop in | members' p50, ms | p99 | most | memory for each, KiB | left after their time |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let times = [
        "head_timeout=3000",
        "body_timeout=3000",
        "idle_timeout=3000",
        "connect_timeout=3000",
        "upgrade_timeout=3000",
        "ping_interval=1500",
        "ping_timeout=1500",
    ];
    for phase in
        ["(nobody)", "TCP", "head", "POST body", "WebSocket handshake", "upgrade", "namespace CONNECT"]
    {
        let server = Server::start(host, &times)?;
        let mut crowd = crowd(&server, 100, None)?;
        let memory = server.memory()?;
        let mut slow = Vec::new();
        for at in 0..if phase == "(nobody)" { 0 } else { EACH } {
            slow.extend(dawdle(&server, phase, at)?);
        }
        let held = server.memory()?.saturating_sub(memory);
        // They go on, one byte at a time, while the room talks.
        let pause = Duration::from_millis(20);
        let talk = latencies(&mut crowd, "pub", 64, 50, pause, |_| true)?;
        for stream in &mut slow {
            let _ = stream.write(b"x");
        }
        let mut all = latencies(&mut crowd, "pub", 64, 250, pause, |_| true)?;
        if talk.max() > all.max() {
            all = talk;
        }
        let deadline = Instant::now() + PATIENCE;
        let mut left = usize::MAX;
        while left > 0 && Instant::now() < deadline {
            crowd.wait(Instant::now() + Duration::from_millis(100), |_, _, _| {})?;
            // But the hundred, and the connection that asks.
            left = (server.figures()?.value("roomcast_links") as usize).saturating_sub(101);
        }
        println!("| {phase} | {} | {:.1} | {left} |", percentiles(&all), held as f64 / 1024.0 / EACH as f64);
        if left > 0 || crowd.ready() != 100 {
            return Err(format!("{phase}: {left} are left, {} of 100 members", crowd.ready()).into());
        }
    }
    Ok(())
}

/// The connections of one slow client.
fn dawdle(server: &Server, phase: &str, at: usize) -> Outcome<Vec<TcpStream>> {
    let session = || -> Outcome<(TcpStream, String)> {
        let request = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n";
        let mut stream = dial(server.address, at, None, request)?;
        let mut buffer = [0; 4_096];
        let count = stream.read(&mut buffer)?;
        let answer = String::from_utf8_lossy(&buffer[..count]).into_owned();
        let sid = answer.split("\"sid\":\"").nth(1).and_then(|rest| rest.split('"').next());
        Ok((stream, sid.ok_or("no sid")?.to_owned()))
    };
    Ok(match phase {
        "TCP" => vec![dial(server.address, at, None, b"")?],
        "head" => vec![dial(server.address, at, None, b"GET /socket.io/?EIO=4")?],
        "WebSocket handshake" => vec![dial(server.address, at, None, &UPGRADE_REQUEST.as_bytes()[..120])?],
        "namespace CONNECT" => vec![dial(server.address, at, None, UPGRADE_REQUEST.as_bytes())?],
        "POST body" => {
            let (stream, sid) = session()?;
            let post = format!(
                "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n4"
            );
            vec![stream, dial(server.address, at, None, post.as_bytes())?]
        }
        _ => {
            let (stream, sid) = session()?;
            let request = UPGRADE_REQUEST.replace("websocket HTTP", &format!("websocket&sid={sid} HTTP"));
            vec![stream, dial(server.address, at, None, request.as_bytes())?]
        }
    })
}
