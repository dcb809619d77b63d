//! An event loop and a protocol on it, each without the other: drive a [`Core`](crate::Core) by any transport through [`Service`], or
//! a protocol of your own by [`Loop`]. It must not add anything to what it shows.

pub use crate::engine::service::{
    Flow, Output, Owed, Parcel, ProxyFailure, Sent, Service, TlsFailure, TlsInfo,
};
pub use crate::net::{Loop, LoopOptions, Waker};
