//! JSON strings for hosts without a JSON library. It must not know what a text is for.

use super::given::Given;
use super::guard::{Fault, unguarded};
use super::types::roomcast_status;
use crate::base::errors::Error;
use crate::wire::json;
use std::ffi::c_char;

/// Writes a text as a JSON string, with its quotes, to `out`: what a client gets of it is the text again, whatever is in it.
///
/// `written` is set to the bytes written, at most 6 * text_len + 2; no NUL is among them. Nothing is written on failure.
///
/// Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_TOO_LARGE, ROOMCAST_ERROR_TOO_SMALL if it needs more
/// than `cap` bytes.
/// Ownership: nothing is kept. `out` must not overlap `text`.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_json_escape(
    text: *const c_char,
    text_len: usize,
    out: *mut c_char,
    cap: usize,
    written: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    unguarded("roomcast_json_escape", || {
        let written = given.out(written, "written")?;
        let text = given.text(text, text_len, "text")?;
        // It is never shorter, so that what is made here is bounded by the caller's room.
        if text.len() > cap {
            return Err(Fault::of(Error::TooSmall, "out"));
        }
        let mut string = Vec::with_capacity(text.len().saturating_add(2));
        json::write_string(&mut string, text);
        given.give(&string, out, cap)?;
        written.set(string.len());
        Ok(())
    })
}

/// Writes the text that a JSON string, with its quotes, stands for to `out`, for example an argument of an event. Half of a
/// surrogate pair becomes U+FFFD.
///
/// `written` is set to the bytes written, at most string_len - 2; no NUL ends them, and one may be among them. Nothing is
/// written on failure.
///
/// Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_TOO_LARGE, ROOMCAST_ERROR_BAD_DATA if it is no JSON
/// string, ROOMCAST_ERROR_TOO_SMALL if it needs more than `cap` bytes.
/// Ownership: nothing is kept. `out` must not overlap `string`.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_json_unescape(
    string: *const c_char,
    string_len: usize,
    out: *mut c_char,
    cap: usize,
    written: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    unguarded("roomcast_json_unescape", || {
        let written = given.out(written, "written")?;
        let string = given.text(string, string_len, "string")?;
        let place = if json::is_string(string) { json::locate(string, 0) } else { Err(0) };
        place.map_err(|at| Fault::of(Error::BadData(at.try_into().unwrap_or(u32::MAX)), "string"))?;
        let text = json::unescape(string);
        given.give(text.as_bytes(), out, cap)?;
        written.set(text.len());
        Ok(())
    })
}
