//! The drain and the metrics in C: what an operator needs. Conversion only.

use super::broker::{Host, roomcast_broker};
use super::given::Given;
use super::guard::Fault;
use super::types::*;
use crate::host::metrics::Histogram;
use std::ffi::c_char;

/// What was last asked for, while it is lent.
#[derive(Default)]
pub(super) struct Figures {
    text: String,
    times: Histogram,
}

/// Sends all clients away, `per_second` of them each second, and takes no new ones: handshakes are answered with 503 and
/// Retry-After, and so is health_path. When no connection is left, ROOMCAST_EVENT_DRAINED comes, once for
/// each drain.
///
/// A client's transport is closed, over WebSocket with code 1012 and `reason` (at most 123 bytes), after what is queued for
/// it has gone out. Stock clients see "transport close" and connect anew by themselves, which they would not do after
/// roomcast_disconnect. ROOMCAST_EVENT_DISCONNECT comes with ROOMCAST_REASON_SERVER_SHUTTING_DOWN. Called again before
/// the end it changes pace and reason; afterwards it is another drain.
///
/// Errors: ROOMCAST_ERROR_BAD_VALUE if `per_second` is 0, ROOMCAST_ERROR_TOO_LARGE for a longer reason,
/// ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL.
/// Ownership: the reason is copied.
/// Threads: the broker's; for others there is roomcast_remote_drain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_drain(
    broker: *mut roomcast_broker,
    per_second: u32,
    reason: *const c_char,
    reason_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let reason = given.text(reason, reason_len, "reason")?;
        Ok(host.broker.drain(per_second, reason)?)
    };
    given.host(broker, "roomcast_drain", body)
}

/// Takes clients in again. Those that are gone stay gone. Does nothing if the broker is not draining; whether it is tells
/// "draining" among roomcast_stats.
///
/// Errors: ROOMCAST_ERROR_NULL.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_stop_draining(broker: *mut roomcast_broker) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        host.broker.stop_draining();
        Ok(())
    };
    given.host(broker, "roomcast_stop_draining", body)
}

/// Lends out all figures in Prometheus' text format, version 0.0.4: those of roomcast_stats and both of roomcast_times.
/// Meant for a monitor that asks every few seconds; metrics_path serves the same.
///
/// `metrics` is set to the text.
///
/// Errors: ROOMCAST_ERROR_NULL.
/// Ownership: the broker's, until the next call of roomcast_metrics or roomcast_free.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_metrics(
    broker: *mut roomcast_broker,
    metrics: *mut roomcast_slice,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.out(metrics, "metrics")?;
        host.figures.text = host.broker.metrics().to_string();
        out.set(roomcast_slice::lend(host.figures.text.as_bytes()));
        Ok(())
    };
    given.host(broker, "roomcast_metrics", body)
}

/// Gives the times that something took since the broker was made.
///
/// `what` is a ROOMCAST_TIMES_ number. `times` is filled in as far as its `struct_size` reaches.
///
/// Errors: ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_NULL.
/// Ownership: the buckets are the broker's, until the next call of roomcast_times or roomcast_free.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_times(
    broker: *mut roomcast_broker,
    what: u32,
    times: *mut roomcast_histogram,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.filled(times, "times")?;
        let metrics = host.broker.metrics();
        host.figures.times = match what {
            ROOMCAST_TIMES_STEPS => metrics.steps,
            ROOMCAST_TIMES_FLUSHES => metrics.flushes,
            _ => return Err(Fault::value("what", "it is one of ROOMCAST_TIMES_")),
        };
        let times = &host.figures.times;
        out.fill(roomcast_histogram {
            struct_size: out.size(),
            reserved: 0,
            count: times.count(),
            sum: u64::try_from(times.sum().as_nanos()).unwrap_or(u64::MAX),
            buckets: times.counts().as_ptr(),
            bucket_count: times.counts().len(),
        });
        Ok(())
    };
    given.host(broker, "roomcast_times", body)
}
