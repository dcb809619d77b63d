//! Which Redis, and who speaks to it: the URL. It must not look a name up.

use super::secured::Secured;
use crate::engine::bus::Endpoint;
use crate::host::tls::Trust;
use std::fmt;

const PORT: u16 = 6379;

/// What is wrong with a URL, in words. It is as small as an error has to be.
pub(crate) type Why = &'static &'static str;

/// Where a Redis is, and what it wants to know of who speaks to it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RedisOptions {
    pub(super) endpoint: Endpoint,
    /// Who knows where it is, in place of `endpoint`.
    pub(super) sentinels: Option<Sentinels>,
    /// Some servers of a Redis Cluster, in place of `endpoint`.
    seeds: Option<Vec<Endpoint>>,
    /// It is one server of a Redis Cluster: what belongs to another one is told, to be brought there.
    pub(super) is_part: bool,
    pub(super) login: Option<Login>,
    /// How it is known for who it is, if connections are secured.
    pub(super) trust: Option<Trust>,
    /// 0 is where everybody begins.
    pub(super) database: u32,
    /// Bytes of the longest message.
    pub(super) max_message: usize,
}

/// Sentinels, and the name by which they know a Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sentinels {
    pub(super) hosts: Vec<Endpoint>,
    pub(super) service: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// The user `default`, if none is named.
    pub(super) user: Option<Vec<u8>>,
    pub(super) password: Vec<u8>,
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Passwords are for nobody's log.
        f.debug_struct("RedisOptions")
            .field("endpoint", &self.endpoint)
            .field("sentinels", &self.sentinels)
            .field("seeds", &self.seeds)
            .field("trust", &self.trust)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl RedisOptions {
    /// Reads `redis://user:password@host:port/database`, the same with `rediss://` for TLS, or `unix://user:password@/path?db=database`, as
    /// Python's and Node's clients take them, or `redis+sentinel://user:password@host:port,host:port/database/service` as python-socketio
    /// does, or servers of a Redis Cluster: `redis+cluster://user:password@host:port,host:port`, or `rediss+cluster://` for TLS. Messages may
    /// have 8 MiB.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn parse(url: &str) -> Result<Self, Why> {
        let (scheme, rest) = url.split_once("://").ok_or(&"it begins with no scheme, such as redis://")?;
        if rest.contains('#') {
            return Err(&"it has a #, which is written as %23");
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let (login, host) =
            authority.rsplit_once('@').map_or((None, authority), |(who, host)| (Some(who), host));
        let mut secured = None;
        let mut options = match scheme.to_ascii_lowercase().as_str() {
            "redis" | "valkey" => Self::new(tcp(host)?, path_database(path)?),
            "unix" | "redis+unix" | "valkey+unix" | "redis-socket" => Self::new(unix(host, path)?, 0),
            "rediss" | "valkeys" => {
                secured = Some(Secured::new()?);
                Self::new(tcp(host)?, path_database(path)?)
            }
            "redis+sentinel" | "redis-sentinel" => sentinels(host, path)?,
            "redis+cluster" | "redis-cluster" => seeds(host, path)?,
            "rediss+cluster" | "rediss-cluster" => {
                secured = Some(Secured::new()?);
                seeds(host, path)?
            }
            _ => return Err(&"its scheme is none of redis://, rediss:// and unix://"),
        };
        if let Some(login) = login {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            options.login = Some(Login { user: named(user)?, password: decode(password)? });
        }
        for option in query.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').ok_or(&"an option behind its ? has no value")?;
            match name {
                "db" => options.database = database(value)?,
                "username" => options.login().user = named(value)?,
                "password" => options.login().password = decode(value)?,
                _ => match &mut secured {
                    Some(secured) => secured.take(name, decode(value)?)?,
                    None if name.starts_with("ssl_") => return Err(&"its ssl_ options are for rediss://"),
                    None => return Err(&"the options behind its ? are db, username and password"),
                },
            }
        }
        if options.seeds.is_some() && options.database > 0 {
            return Err(&"a Redis Cluster has the database 0 alone");
        }
        options.trust = secured.map(Secured::trust).transpose()?;
        Ok(options)
    }

    fn new(endpoint: Endpoint, database: u32) -> Self {
        let (sentinels, seeds, login, trust) = (None, None, None, None);
        Self { endpoint, sentinels, seeds, is_part: false, login, trust, database, max_message: 8 << 20 }
    }

    fn login(&mut self) -> &mut Login {
        self.login.get_or_insert_with(|| Login { user: None, password: Vec::new() })
    }

    /// The same for a sentinel, which knows neither users nor databases.
    pub(super) fn of_sentinel(&self) -> Self {
        Self { login: None, database: 0, ..self.clone() }
    }

    /// Some servers of the Redis Cluster, if it is one.
    pub(crate) fn seeds(&self) -> Option<&[Endpoint]> {
        self.seeds.as_deref()
    }

    /// The same for one server of the Redis Cluster.
    pub(crate) fn of_server(&self, endpoint: Endpoint) -> Self {
        Self { endpoint, seeds: None, is_part: true, ..self.clone() }
    }

    /// The same with another bound for messages.
    pub(crate) fn with_max_message(self, max_message: usize) -> Self {
        Self { max_message, ..self }
    }
}

/// Sentinels, and behind them a database, if that is not 0, and the name of the service.
fn sentinels(hosts: &str, path: &str) -> Result<RedisOptions, Why> {
    const PORT: u16 = 26379;
    let mut parts = path.split('/').skip(1);
    let (database, service) = match (parts.next(), parts.next(), parts.next()) {
        (Some(service), None, None) => ("", service),
        (Some(database), Some(service), None) => (database, service),
        _ => ("", ""),
    };
    if service.is_empty() {
        return Err(
            &"behind sentinels stands the name of their service: redis+sentinel://host:26379/0/mymaster",
        );
    }
    let hosts: Vec<Endpoint> = hosts.split(',').map(|host| tcp_or(host, PORT)).collect::<Result<_, _>>()?;
    let first = hosts.first().cloned().ok_or(&"it names no sentinel")?;
    let database = if database.is_empty() { 0 } else { self::database(database)? };
    let sentinels = Some(Sentinels { hosts, service: decode(service)? });
    Ok(RedisOptions { sentinels, ..RedisOptions::new(first, database) })
}

/// Servers of a Redis Cluster, by which the others are found.
fn seeds(hosts: &str, path: &str) -> Result<RedisOptions, Why> {
    let seeds: Vec<Endpoint> = hosts.split(',').map(tcp).collect::<Result<_, _>>()?;
    let first = seeds.first().cloned().ok_or(&"it names no server")?;
    Ok(RedisOptions { seeds: Some(seeds), ..RedisOptions::new(first, path_database(path)?) })
}

fn tcp(host: &str) -> Result<Endpoint, Why> {
    tcp_or(host, PORT)
}

/// A host, and a port if it is not the usual one.
fn tcp_or(host: &str, usual: u16) -> Result<Endpoint, Why> {
    let (host, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(&"its [ has no ]")?;
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(&"what stands between [ and ] is no IPv6 address");
            }
            (address.to_owned(), port)
        }
        None => {
            let (host, port) = host.find(':').map_or((host, ""), |colon| host.split_at(colon));
            (text(host)?, port)
        }
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => usual,
        Some("") => usual,
        Some(port) => {
            port.parse().ok().filter(|&port| port > 0).ok_or(&"its port is no number from 1 to 65535")?
        }
        None => return Err(&"behind its ] stands no port"),
    };
    // As Python's client has it.
    let host = if host.is_empty() { "localhost".to_owned() } else { host };
    Ok(Endpoint::Tcp(host, port))
}

fn unix(host: &str, path: &str) -> Result<Endpoint, Why> {
    let path = text(path)?;
    if !host.is_empty() || path.len() < 2 {
        return Err(&"a Unix socket's path begins with a third slash: unix:///run/redis.sock");
    }
    if path.contains('\0') {
        return Err(&"its path has a NUL");
    }
    Ok(Endpoint::Unix(path.into()))
}

fn path_database(path: &str) -> Result<u32, Why> {
    match path.strip_prefix('/').unwrap_or(path) {
        "" => Ok(0),
        number => database(number),
    }
}

fn database(number: &str) -> Result<u32, Why> {
    number.parse().map_err(|_| &"its database is no number")
}

fn named(user: &str) -> Result<Option<Vec<u8>>, Why> {
    Ok(Some(decode(user)?).filter(|user| !user.is_empty()))
}

fn text(text: &str) -> Result<String, Why> {
    String::from_utf8(decode(text)?).map_err(|_| &"it is no UTF-8 behind its %")
}

/// Bytes for their percent-encoding.
fn decode(text: &str) -> Result<Vec<u8>, Why> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let Some((&[high, low], behind)) = rest.split_first_chunk() else {
            return Err(&"a % has no two digits");
        };
        let digit = |digit: u8| char::from(digit).to_digit(16).ok_or(&"a % has no two digits");
        decoded.push((digit(high)? << 4 | digit(low)?) as u8);
        rest = behind;
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> RedisOptions {
        RedisOptions::new(Endpoint::Tcp(host.into(), port), 0)
    }

    fn sentinels(hosts: &[(&str, u16)], database: u32) -> RedisOptions {
        let hosts: Vec<_> = hosts.iter().map(|&(host, port)| Endpoint::Tcp(host.into(), port)).collect();
        let all = Some(Sentinels { hosts: hosts.clone(), service: b"mymaster".into() });
        RedisOptions { sentinels: all, ..RedisOptions::new(hosts[0].clone(), database) }
    }

    fn seeds(hosts: &[(&str, u16)]) -> RedisOptions {
        let hosts: Vec<_> = hosts.iter().map(|&(host, port)| Endpoint::Tcp(host.into(), port)).collect();
        RedisOptions { seeds: Some(hosts.clone()), ..RedisOptions::new(hosts[0].clone(), 0) }
    }

    fn unix(path: &str) -> RedisOptions {
        RedisOptions::new(Endpoint::Unix(path.into()), 0)
    }

    fn login(options: RedisOptions, user: Option<&str>, password: &str) -> RedisOptions {
        let user = user.map(Into::into);
        RedisOptions { login: Some(Login { user, password: password.into() }), ..options }
    }

    #[test]
    fn urls_as_other_clients_take_them() {
        let in_database = |options, database| RedisOptions { database, ..options };
        for (url, expected) in [
            ("redis://", tcp("localhost", 6379)),
            ("redis://redis.example", tcp("redis.example", 6379)),
            ("REDIS://127.0.0.1:7000/", tcp("127.0.0.1", 7000)),
            ("valkey://h:1/15", in_database(tcp("h", 1), 15)),
            ("redis://h?db=3", in_database(tcp("h", 6379), 3)),
            ("redis://[::1]:7000", tcp("::1", 7000)),
            ("redis://[fe80::1]", tcp("fe80::1", 6379)),
            ("redis://h:", tcp("h", 6379)),
            ("redis://:secret@h", login(tcp("h", 6379), None, "secret")),
            ("redis://alice@h", login(tcp("h", 6379), Some("alice"), "")),
            ("redis://al%3Aice:p%40%2f%23:w@h:7", login(tcp("h", 7), Some("al:ice"), "p@/#:w")),
            ("redis://h?username=a&password=b%26", login(tcp("h", 6379), Some("a"), "b&")),
            ("unix:///run/redis.sock", unix("/run/redis.sock")),
            ("redis+unix:///a%20b", unix("/a b")),
            ("redis-socket:///s?db=2", in_database(unix("/s"), 2)),
            ("unix://u:p@/s?db=1", in_database(login(unix("/s"), Some("u"), "p"), 1)),
            ("redis+sentinel://a,b:7/mymaster", sentinels(&[("a", 26379), ("b", 7)], 0)),
            ("redis-sentinel://u:p@a/3/mymaster", login(sentinels(&[("a", 26379)], 3), Some("u"), "p")),
            ("redis+cluster://a:7000,b,[::1]:7", seeds(&[("a", 7000), ("b", 6379), ("::1", 7)])),
            ("redis-cluster://u:p@a/0", login(seeds(&[("a", 6379)]), Some("u"), "p")),
            ("unix:///s?password=p", login(unix("/s"), None, "p")),
        ] {
            assert!(
                RedisOptions::parse(url).as_ref() == Ok(&expected),
                "{url}: {:?}",
                RedisOptions::parse(url)
            );
        }
        assert_eq!(tcp("h", 1).with_max_message(5).max_message, 5);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (url, word) in [
            ("127.0.0.1:6379", "scheme"),
            ("http://h", "scheme"),
            ("redis://h?ssl_cert_reqs=none", "rediss://"),
            ("redis+sentinel://h/mymaster?ssl_cert_reqs=none", "rediss://"),
            ("redis+sentinel://a,b", "service"),
            ("redis+sentinel://a,b/0/", "service"),
            ("redis+sentinel://a,b/x/mymaster", "database"),
            ("redis+sentinel://a:0/mymaster", "port"),
            ("redis+cluster://a,b/1", "database 0"),
            ("redis+cluster://a?db=2", "database 0"),
            ("redis+cluster://a/mymaster", "database"),
            ("redis+cluster://a,b:x", "port"),
            ("redis://h:port", "port"),
            ("redis://h:0", "port"),
            ("redis://h:65536", "port"),
            ("redis://[::1", "]"),
            ("redis://[h]", "IPv6"),
            ("redis://[::1]7", "port"),
            ("redis://h/zero", "database"),
            ("redis://h/-1", "database"),
            ("redis://:p#w@h", "%23"),
            ("redis://:p%w@h", "%"),
            ("redis://:p%4@h", "%"),
            ("redis://%ff", "UTF-8"),
            ("redis://h?ssl=1", "options"),
            ("redis://h?db", "no value"),
            ("unix://run/redis.sock", "third slash"),
            ("unix://", "third slash"),
            ("unix:///", "third slash"),
            ("unix:///a%00b", "NUL"),
        ] {
            let error = RedisOptions::parse(url).unwrap_err();
            assert!(error.contains(word), "{url}: {error}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let shown = format!("{:?}", RedisOptions::parse("redis://alice:secret@h"));
        assert!(!shown.contains("secret") && !shown.contains("alice"), "{shown}");
    }
}
