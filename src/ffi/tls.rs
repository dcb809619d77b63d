//! Listening over TLS, in C. It must not read a certificate.

use super::broker::{Host, roomcast_broker};
use super::given::Given;
use super::guard::{Fault, Outcome};
use super::listen;
use super::types::*;
use crate::base::errors::Error;
use crate::host::tls::TlsConfig;
use std::ffi::c_char;

fn config(given: &Given, tls: *const roomcast_tls) -> Outcome<TlsConfig> {
    let asked = given.sized(tls, "tls")?;
    if asked.flags & !ROOMCAST_TLS_REQUIRE_CLIENTS != 0 {
        return Err(Fault::value("tls.flags", "they are ROOMCAST_TLS_ flags"));
    }
    let identities = given.list(asked.identities, asked.identity_count, "tls.identities")?;
    let mut config: Option<TlsConfig> = None;
    for (nth, identity) in identities.iter().enumerate() {
        let bytes = |piece: roomcast_slice| given.list(piece.ptr.cast::<u8>(), piece.len, "tls.identities");
        let (chain, key) = (bytes(identity.chain)?, bytes(identity.key)?);
        let fault = |error| Fault::of(error, "tls.identities").nth(nth);
        match &mut config {
            None => config = Some(TlsConfig::from_pem(chain, key).map_err(fault)?),
            Some(config) => config.add_pem(chain, key).map_err(fault)?,
        }
    }
    let mut config = config.ok_or(Fault::value("tls.identities", "there is one at least"))?;
    let authorities = asked.client_authorities;
    let authorities = given.list(authorities.ptr.cast::<u8>(), authorities.len, "tls.client_authorities")?;
    let required = asked.flags & ROOMCAST_TLS_REQUIRE_CLIENTS != 0;
    match authorities {
        [] if required => {
            return Err(Fault::value("tls.client_authorities", "there is one where clients need them"));
        }
        [] => {}
        pem => {
            let fault = |error| Fault::of(error, "tls.client_authorities");
            config.ask_clients(pem, required).map_err(fault)?;
        }
    }
    Ok(config)
}

/// Listens on an address and a port as roomcast_listen does, over TLS 1.2 and 1.3: for wss:// and https://. What is not TLS is closed, and
/// counted: roomcast_stats has it by cause, with names that begin with "tls_". A handshake has `tls_handshake_timeout`. Who comes
/// again resumes his session, for which nothing is kept.
///
/// `options` may be NULL: all defaults. `bound` may be NULL; it is set to the port it got.
///
/// Errors: as those of roomcast_listen_with, and ROOMCAST_ERROR_BAD_VALUE for what is no certificate or no key, or a key of another
/// certificate; the last error says which and why.
/// Ownership: all is copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_listen_tls(
    broker: *mut roomcast_broker,
    host: *const c_char,
    host_len: usize,
    port: u16,
    tls: *const roomcast_tls,
    options: *const roomcast_listen_options,
    bound: *mut u16,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |state: &mut Host| {
        let options = listen::options(&given, options)?;
        let bound = given.nullable(bound, "bound")?;
        let host = given.text(host, host_len, "host")?;
        if host.is_empty() {
            return Err(Fault::of(Error::BadAddress, "host"));
        }
        let config = config(&given, tls)?;
        let listened = state.broker.listen_tls_with((host, port), &config, &options);
        bound.set(listened.map_err(|error| Fault::from(error).about(host))?.port());
        Ok(())
    };
    given.host(broker, "roomcast_listen_tls", body)
}

/// Shows something else from now on, on a port that is listened on over TLS: new certificates, mostly. Nobody is disconnected. Sessions from
/// before can be resumed, unless clients are asked for certificates.
///
/// Errors: ROOMCAST_ERROR_BAD_VALUE if nothing listens over TLS on this port, and as roomcast_listen_tls has it; then all is as before.
/// Ownership: all is copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_set_tls(
    broker: *mut roomcast_broker,
    port: u16,
    tls: *const roomcast_tls,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |state: &mut Host| {
        let config = config(&given, tls)?;
        state.broker.set_tls(port, &config).map_err(|error| Fault::of(error, "port"))
    };
    given.host(broker, "roomcast_set_tls", body)
}
