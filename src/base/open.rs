//! What keeps a struct of options open to further fields. It must not hold anything.

/// The last field of every struct of options. Nobody but this crate can name one, so that such a struct is always written with
/// `..Default::default()`, and a later version may add a field without breaking it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open(());
