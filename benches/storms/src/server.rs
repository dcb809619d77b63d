//! A server under test, in a process of its own: started with limits, asked for its figures, ended with the value.

use crate::{Outcome, process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

pub struct Server {
    child: Child,
    /// Kept open: it prints when it is drained.
    _output: BufReader<ChildStdout>,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(host: &str, limits: &[&str]) -> Outcome<Server> {
        let mut child = Command::new(host).arg("0").args(limits).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
        output.read_line(&mut line)?;
        let address = line.trim().rsplit(' ').next().unwrap_or_default().parse()?;
        Ok(Server { child, _output: output, address })
    }

    /// Resident anonymous memory, in bytes.
    pub fn memory(&self) -> Outcome<u64> {
        Ok(process::memory(self.child.id()).ok_or("the server is gone")?.anonymous)
    }

    /// A request on a connection of its own; the answer whole.
    pub fn get(&self, path: &str) -> Outcome<String> {
        let mut stream = TcpStream::connect(self.address)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// The server's figures in Prometheus' format.
    pub fn figures(&self) -> Outcome<Figures> {
        Ok(Figures(self.get("/metrics")?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `/metrics` said.
pub struct Figures(String);

impl Figures {
    pub fn value(&self, name: &str) -> f64 {
        let sample = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        self.0.lines().find_map(sample).unwrap_or(f64::NAN)
    }

    /// An upper bound of the longest time in a histogram beyond what `before` has, and of the 99th percentile.
    pub fn times_since(&self, before: &Figures, name: &str) -> (f64, f64) {
        let buckets = |figures: &Figures| -> Vec<(f64, f64)> {
            let start = format!("{name}_bucket{{le=\"");
            let bucket = |line: &str| {
                let (bound, count) = line.strip_prefix(&start)?.split_once("\"} ")?;
                let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
                Some((bound, count.parse().ok()?))
            };
            figures.0.lines().filter_map(bucket).collect()
        };
        let grown: Vec<(f64, f64)> =
            buckets(self).iter().zip(buckets(before)).map(|(now, old)| (now.0, now.1 - old.1)).collect();
        let total = grown.last().map_or(0.0, |last| last.1);
        let reach = |share: f64| {
            grown
                .iter()
                .find(|(_, count)| *count >= (total * share).ceil())
                .map_or(f64::NAN, |(bound, _)| *bound)
        };
        (reach(1.0), reach(0.99))
    }
}
