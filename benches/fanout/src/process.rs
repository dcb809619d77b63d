//! What the kernel says about the server's process and about the machine: CPU time, memory, stolen time.

use std::fs;
use std::io;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// CPU time that a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// All threads, to the nanosecond (the scheduler's own account).
    pub total: Duration,
    /// The kernel's split of it, in steps of 10 ms.
    pub user: Duration,
    pub system: Duration,
}

impl Cpu {
    fn and(self, other: Cpu) -> Cpu {
        Cpu {
            total: self.total + other.total,
            user: self.user + other.user,
            system: self.system + other.system,
        }
    }

    pub fn since(self, earlier: Cpu) -> Cpu {
        Cpu {
            total: self.total.saturating_sub(earlier.total),
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

/// CPU time of processes together; `None` when one is gone, or there is none.
pub fn cpu(pids: &[u32]) -> Option<Cpu> {
    let all = pids.iter().map(|&pid| cpu_of(pid));
    all.reduce(|sum, one| sum.zip(one).map(|(sum, one)| sum.and(one)))?
}

/// `schedstat` is exact while a thread sleeps, which is when this is called: the load has drained. Threads that
/// ended in between are missing there, so whatever `stat` knows beyond it counts as well.
fn cpu_of(pid: u32) -> Option<Cpu> {
    let mut total = Duration::ZERO;
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        total +=
            Duration::from_nanos(text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0));
    }
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the fields after it are numbers. utime and stime are 14 and 15.
    let fields: Vec<&str> = text.get(text.rfind(')')? + 2..)?.split(' ').collect();
    let ticks = |index: usize| fields.get(index - 3).and_then(|field| field.parse().ok()).unwrap_or(0);
    let [user, system] = [14, 15].map(|field| Duration::from_millis(ticks(field) * 10));
    let ended = (user + system).saturating_sub(total);
    let total = if ended > Duration::from_millis(40) { user + system } else { total };
    Some(Cpu { total, user, system })
}

/// Memory that only this process uses, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Resident anonymous pages: heap and stacks. Neither the program's code nor kernel buffers.
    pub anonymous: u64,
    /// Private pages written to, file-backed data segments included.
    pub private_dirty: u64,
}

/// Memory of processes together; `None` when one is gone, or there is none.
pub fn memory(pids: &[u32]) -> Option<Memory> {
    let all = pids.iter().map(|&pid| memory_of(pid));
    all.reduce(|sum, one| {
        sum.zip(one).map(|(sum, one)| Memory {
            anonymous: sum.anonymous + one.anonymous,
            private_dirty: sum.private_dirty + one.private_dirty,
        })
    })?
}

fn memory_of(pid: u32) -> Option<Memory> {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    };
    Some(Memory {
        anonymous: field("status", "RssAnon:")?,
        private_dirty: field("smaps_rollup", "Private_Dirty:")?,
    })
}

/// Time that all processors together spent so far, from their boot.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    busy: f64,
    stolen: f64,
    processors: f64,
    at: Instant,
}

impl Machine {
    pub fn now() -> Option<Machine> {
        let text = fs::read_to_string("/proc/stat").ok()?;
        let fields: Vec<f64> =
            text.lines().next()?.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal
        let &[user, nice, system, _, _, irq, softirq, steal, ..] = fields.as_slice() else { return None };
        Some(Machine {
            busy: (user + nice + system + irq + softirq) / 100.0,
            stolen: steal / 100.0,
            processors: text.lines().filter(|line| line.starts_with("cpu")).count() as f64 - 1.0,
            at: Instant::now(),
        })
    }

    /// The shares of the machine that the hypervisor took and that went to anything but `ours`.
    pub fn disturbance(self, earlier: Machine, ours: Duration) -> (f64, f64) {
        let all = self.at.duration_since(earlier.at).as_secs_f64() * self.processors;
        let others = self.busy - earlier.busy - ours.as_secs_f64();
        ((self.stolen - earlier.stolen) / all, others.max(0.0) / all)
    }
}

/// Counts the processes' system calls with `perf stat`, from `start` to `stop`.
pub struct SyscallCounter(Child);

impl SyscallCounter {
    pub fn start(pids: &[u32]) -> io::Result<SyscallCounter> {
        let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
        let child = Command::new("perf")
            .args(["stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", &pids.join(",")])
            .stderr(Stdio::piped())
            .spawn()?;
        // perf says nothing when it has attached.
        std::thread::sleep(Duration::from_millis(300));
        Ok(SyscallCounter(child))
    }

    pub fn stop(self) -> io::Result<u64> {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
        let output = self.0.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        let count = text.split(',').next().and_then(|first| first.trim().parse().ok());
        count.ok_or_else(|| io::Error::other(format!("perf: {text}")))
    }
}
