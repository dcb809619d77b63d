//! Times in msgpack as JavaScript writes them in JSON. It must not read a clock.

use std::io::Write as _;

/// The times that JavaScript has a date for, in milliseconds to both sides of 1970.
const FARTHEST: i64 = 8_640_000_000_000_000;

/// Milliseconds since 1970 that an extension stands for, if it is a time.
pub(super) fn millis(kind: i8, bytes: &[u8]) -> Option<i64> {
    let whole = |bytes: &[u8]| bytes.iter().fold(0u64, |number, &byte| number << 8 | u64::from(byte));
    let time = |seconds: i64, nanos: u64| {
        seconds.checked_mul(1000)?.checked_add(i64::try_from(nanos / 1_000_000).ok()?)
    };
    match (kind, bytes.len()) {
        (-1, 4) => time(whole(bytes).cast_signed(), 0),
        (-1, 8) => time((whole(bytes) & ((1 << 34) - 1)).cast_signed(), whole(bytes) >> 34),
        (-1, 12) => {
            let (nanos, seconds) = bytes.split_at_checked(4)?;
            time(whole(seconds).cast_signed(), whole(nanos))
        }
        // What notepack.io wrote before there were times in msgpack.
        (0, 8) => Some(whole(bytes).cast_signed()),
        _ => None,
    }
}

/// Whether an extension is none of those that have a meaning.
pub(super) fn unknown(kind: i8, bytes: &[u8]) -> bool {
    // One byte of type 0 is how notepack.io wrote `undefined`.
    millis(kind, bytes).is_none()
        && (kind, bytes.len()) != (0, 1)
        && !(kind == -1 && matches!(bytes.len(), 4 | 8 | 12))
}

/// Appends `Date.toJSON` of a time, or `null` if there is no such date.
pub(super) fn write(out: &mut Vec<u8>, millis: i64) {
    if !(-FARTHEST..=FARTHEST).contains(&millis) {
        return out.extend_from_slice(b"null");
    }
    const DAY: i64 = 86_400_000;
    let (year, month, day) = civil(millis.div_euclid(DAY));
    let clock = millis.rem_euclid(DAY);
    let (hour, minute, second) = (clock / 3_600_000, clock / 60_000 % 60, clock / 1000 % 60);
    // Writing to a Vec cannot fail.
    let _ =
        if (0..10_000).contains(&year) { write!(out, "\"{year:04}") } else { write!(out, "\"{year:+07}") };
    let _ = write!(out, "-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z\"", clock % 1000);
}

/// Year, month and day of a day since 1970, in the calendar that has always been as it is now: 400 years are as many days each time,
/// and a year that begins in March has its leap day last.
#[expect(clippy::arithmetic_side_effects, reason = "days within 275,000 years of 1970")]
fn civil(day: i64) -> (i64, i64, i64) {
    const CYCLE: i64 = 146_097;
    let day = day + 719_468;
    let (cycle, day) = (day.div_euclid(CYCLE), day.rem_euclid(CYCLE));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let of_month = day - (153 * month + 2) / 5 + 1;
    let (later, month) = if month < 10 { (0, month + 3) } else { (1, month - 9) };
    (cycle * 400 + year + later, month, of_month)
}
