//! The figures that the page is told at intervals. It must not keep any for those who do not look.

use crate::host::sights::strings;
use crate::host::stats::Counters;
use std::fmt::Write;

/// What the figures are made of.
pub(super) struct Figures<'a> {
    pub(super) server_id: &'a str,
    pub(super) hostname: &'a str,
    /// Seconds.
    pub(super) uptime: f64,
    pub(super) clients: usize,
    pub(super) polling: usize,
    pub(super) namespaces: &'a [(String, usize)],
    /// The counters now, and those of the last time; and this second, in milliseconds since 1970.
    pub(super) counters: (&'a Counters, &'a Counters),
    /// The connections that ended since then, by why they did.
    pub(super) ended: &'a [(&'static str, u64)],
    pub(super) second: u64,
}

impl Figures<'_> {
    /// As the one argument of `server_stats`.
    pub(super) fn to_args(&self) -> String {
        let Self { uptime, clients, polling, second, .. } = self;
        let mut out = String::new();
        // To write into a text does not fail.
        let _ = write!(
            out,
            r#"[{{"serverId":{},"hostname":{},"pid":{},"uptime":{uptime},"clientsCount":{clients},"pollingClientsCount":{polling},"aggregatedEvents":["#,
            strings(&[self.server_id]),
            strings(&[self.hostname]),
            std::process::id(),
        );
        let mut first = true;
        for (kind, count) in self.events().into_iter().filter(|&(_, count)| count > 0) {
            let comma = if std::mem::take(&mut first) { "" } else { "," };
            let _ = write!(out, r#"{comma}{{"timestamp":{second},"type":"{kind}","count":{count}}}"#);
        }
        for (why, count) in self.ended {
            let comma = if std::mem::take(&mut first) { "" } else { "," };
            let _ = write!(
                out,
                r#"{comma}{{"timestamp":{second},"type":"rawDisconnection","subType":"{why}","count":{count}}}"#
            );
        }
        out.push_str(r#"],"namespaces":["#);
        for (at, (name, count)) in self.namespaces.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let _ = write!(out, r#"{comma}{{"name":{},"socketsCount":{count}}}"#, strings(&[name]));
        }
        out.push_str("]}]");
        out
    }

    /// What has happened since the last time. Packets are messages and their copies: pings are not counted.
    fn events(&self) -> [(&'static str, u64); 5] {
        let (now, last) = self.counters;
        let since = |read: fn(&Counters) -> u64| read(now).wrapping_sub(read(last));
        [
            ("rawConnection", since(|counters| counters.connections_opened)),
            ("packetsIn", since(|counters| counters.messages_in)),
            ("packetsOut", since(|counters| counters.deliveries)),
            ("bytesIn", since(|counters| counters.bytes_in)),
            ("bytesOut", since(|counters| counters.bytes_out)),
        ]
    }
}

/// The name of this machine.
pub(super) fn hostname() -> String {
    let read = |path| std::fs::read_to_string(path).ok();
    let named = read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname"));
    let named = named.or_else(|| std::env::var("COMPUTERNAME").or_else(|_| std::env::var("HOSTNAME")).ok());
    named
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_json_and_say_what_has_happened_since_the_last_time() {
        let last = Counters { messages_in: 5, bytes_in: 7, ..Counters::default() };
        let now = Counters { messages_in: 8, bytes_in: 7, deliveries: 2, ..Counters::default() };
        let figures = Figures {
            server_id: "a \"server\"",
            hostname: "here",
            uptime: 1.5,
            clients: 3,
            polling: 1,
            namespaces: &[("/".into(), 2), ("/admin".into(), 1)],
            counters: (&now, &last),
            ended: &[("transport close", 2)],
            second: 17_000,
        };
        let value: serde_json::Value = serde_json::from_str(&figures.to_args()).unwrap();
        assert_eq!(
            value,
            serde_json::json!([{
                "serverId": "a \"server\"", "hostname": "here", "pid": std::process::id(), "uptime": 1.5,
                "clientsCount": 3, "pollingClientsCount": 1,
                "aggregatedEvents": [
                    {"timestamp": 17_000, "type": "packetsIn", "count": 3},
                    {"timestamp": 17_000, "type": "packetsOut", "count": 2},
                    {"timestamp": 17_000, "type": "rawDisconnection", "subType": "transport close", "count": 2},
                ],
                "namespaces": [{"name": "/", "socketsCount": 2}, {"name": "/admin", "socketsCount": 1}],
            }])
        );
        assert!(!hostname().is_empty());
    }
}
