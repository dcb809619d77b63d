//! Who gets in, and who has to go, in C: namespaces, decisions, disconnects.

use super::broker::{Host, roomcast_broker};
use super::convert::{flag, namespace};
use super::given::Given;
use super::guard::{Fault, Outcome};
use super::types::*;
use crate::base::errors::Error;
use crate::base::open::Open;
use crate::hub::namespaces::{NamespaceOptions, PatternOptions};
use std::ffi::c_char;

/// Makes a namespace, or finds it. "abc" and "/abc" are the same; "/" is there from the beginning.
///
/// `flags` are ROOMCAST_NAMESPACE_ bits; with 0 everybody is let in. `ns` is set to the namespace.
///
/// Errors: ROOMCAST_ERROR_BAD_NAMESPACE, ROOMCAST_ERROR_EXISTS if it is there with other flags ("/" takes whatever it is given
/// while it is empty), ROOMCAST_ERROR_TOO_MANY, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_VALUE for a
/// flag that there is not.
/// Ownership: the name is copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_add_namespace(
    broker: *mut roomcast_broker,
    name: *const c_char,
    name_len: usize,
    flags: u32,
    ns: *mut roomcast_namespace,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.out(ns, "ns")?;
        let name = given.text(name, name_len, "name")?;
        let [guarded, recovery, ask_again] = options(flags)?;
        let options = NamespaceOptions { guarded, recovery, ask_again, open: Open::default() };
        out.set(host.broker.add_namespace(name, options)?.to_bits());
        Ok(())
    };
    given.host(broker, "roomcast_add_namespace", body)
}

/// Whether namespaces are guarded, whether they have recovery, and whether they ask again.
fn options(flags: u32) -> Outcome<[bool; 3]> {
    const ALL: [u32; 3] =
        [ROOMCAST_NAMESPACE_GUARDED, ROOMCAST_NAMESPACE_RECOVERY, ROOMCAST_NAMESPACE_ASK_AGAIN];
    if flags & !ALL.iter().fold(0, |all, flag| all | flag) != 0 {
        return Err(Fault::value("flags", "it is made of ROOMCAST_NAMESPACE_ bits"));
    }
    Ok(ALL.map(|flag| flags & flag != 0))
}

/// Lets clients bring namespaces to life whose names fit `glob`, in which each '*' stands for any characters. Of several
/// patterns that fit, the first one added counts.
///
/// `flags` are as for roomcast_add_namespace. `remove_when_empty` is 1 to remove a namespace with its last socket, which
/// is the one to choose; 0 keeps it, and then clients decide how many there are, up to max_namespaces, past which no other can be
/// made. One in which nobody was ever let in goes in any case.
///
/// Errors: ROOMCAST_ERROR_BAD_NAMESPACE for a glob that no name can fit, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_VALUE.
/// Ownership: the glob is copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_add_pattern(
    broker: *mut roomcast_broker,
    glob: *const c_char,
    glob_len: usize,
    flags: u32,
    remove_when_empty: u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let glob = given.text(glob, glob_len, "glob")?;
        let [guarded, recovery, ask_again] = options(flags)?;
        let remove_when_empty = flag(remove_when_empty, "remove_when_empty")?;
        let options =
            PatternOptions { guarded, recovery, ask_again, remove_when_empty, open: Open::default() };
        host.broker.add_pattern(glob, options)?;
        Ok(())
    };
    given.host(broker, "roomcast_add_pattern", body)
}

/// Finds a namespace by its name.
///
/// Errors: ROOMCAST_ERROR_NOT_FOUND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_find_namespace(
    broker: *mut roomcast_broker,
    name: *const c_char,
    name_len: usize,
    ns: *mut roomcast_namespace,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.out(ns, "ns")?;
        let name = given.text(name, name_len, "name")?;
        let found = host.broker.find_namespace(name).ok_or(Fault::of(Error::NotFound, "name"))?;
        out.set(found.to_bits());
        Ok(())
    };
    given.host(broker, "roomcast_find_namespace", body)
}

/// Lends out a namespace's name, with its slash.
///
/// `name` is set to it.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_GONE, ROOMCAST_ERROR_NULL.
/// Ownership: the broker's, until the next question that lends.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_namespace_name(
    broker: *mut roomcast_broker,
    ns: roomcast_namespace,
    name: *mut roomcast_slice,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.out(name, "name")?;
        host.answers.clear();
        out.set(host.answers.keep(host.broker.namespace_name(namespace(ns, "ns")?)?.as_bytes()));
        Ok(())
    };
    given.host(broker, "roomcast_namespace_name", body)
}
