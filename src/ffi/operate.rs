//! The drain and the metrics in C: what an operator needs. Conversion only.

use super::broker::{Host, roomcast_broker};
use super::given::Given;
use super::guard::Fault;
use super::types::*;
use crate::host::metrics::Histogram;

/// What was last asked for, while it is lent.
#[derive(Default)]
pub(super) struct Figures {
    text: String,
    times: Histogram,
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
