//! Pages of other origins: which of them are not let in. It must not answer them.

use super::Engine;
use super::link::Link;
use crate::wire::cors;
use crate::wire::http::Request;

impl Engine {
    /// The origin of a page that is not let in.
    pub(super) fn unwanted_origin(&self, link: u32, request: &Request<'_>) -> Option<String> {
        if !self.config.check_origin {
            return None;
        }
        let Some(Link::Http(http)) = self.links.get(link as usize) else { return None };
        // Proxies join names as they join addresses. A page cannot name one: no browser lets it set this header unasked.
        let forwarded = self.proxies.trust(&http.peer).then(|| request.all("x-forwarded-host"));
        let forwarded = forwarded.into_iter().flatten().flat_map(|line| line.split(|&byte| byte == b','));
        let hosts: Vec<&[u8]> =
            request.header("host").into_iter().chain(forwarded).map(<[u8]>::trim_ascii).collect();
        let wanted = |origin: &[u8]| {
            hosts.iter().any(|host| cors::is_own(origin, host))
                || self.config.cors.as_ref().is_some_and(|cors| cors.origin.allows(origin))
        };
        let unwanted = request.all("origin").find(|origin| !wanted(origin))?;
        Some(String::from_utf8_lossy(unwanted).into_owned())
    }
}
