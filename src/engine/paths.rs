//! Which paths are the endpoint's. It must not know what else is served.

use super::Engine;

/// The path of the endpoint, matched as a prefix.
#[derive(Debug)]
pub(super) struct Path(Box<str>);

impl Path {
    pub(super) fn new(path: &str, trailing_slash: bool) -> Self {
        let path = path.trim_end_matches('/');
        Self(if trailing_slash { format!("{path}/") } else { path.to_owned() }.into())
    }
}

impl Engine {
    /// Whether a path is that of the endpoint itself.
    pub(crate) fn is_endpoint(&self, path: &str) -> bool {
        path == &*self.path.0
    }

    /// Whether a path is the endpoint's, or one under it.
    pub(crate) fn covers(&self, path: &str) -> bool {
        path.starts_with(&*self.path.0)
    }
}
