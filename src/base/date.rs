//! Dates as people and HTTP write them, from milliseconds since 1970. It must not read a clock.

use std::io::Write;

/// The last millisecond of the year 9999: later ones do not fit into the dates of HTTP.
pub(crate) const LAST: u64 = 253_402_300_799_999;

/// A moment of the calendar, in UTC.
pub(crate) struct Moment {
    pub(crate) weekday: &'static str,
    pub(crate) year: u64,
    pub(crate) month: &'static str,
    pub(crate) day: u64,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
}

impl Moment {
    #[expect(clippy::indexing_slicing, reason = "a remainder of 7, of 7")]
    pub(crate) fn new(millis: u64) -> Self {
        let seconds = millis.min(LAST) / 1000;
        let (days, clock) = (seconds / 86_400, seconds % 86_400);
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(days % 7) as usize];
        let (year, month, day) = civil(days);
        Self { weekday, year, month, day, hour: clock / 3600, minute: clock / 60 % 60, second: clock % 60 }
    }
}

/// A moment as JSON has it: `2026-11-28T07:40:33.020Z`.
pub(crate) fn iso(millis: u64) -> String {
    let millis = millis.min(LAST);
    let Moment { year, month, day, hour, minute, second, .. } = Moment::new(millis);
    let month = MONTHS.iter().zip(1_u32..).find_map(|(name, number)| (*name == month).then_some(number));
    let (month, millis) = (month.unwrap_or(1), millis % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// The months, by their names.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The value of HTTP's `Date` (RFC 9110, 5.6.7), written once for each second.
#[derive(Debug)]
pub(crate) struct HttpDate {
    second: u64,
    text: [u8; 29],
}

impl Default for HttpDate {
    fn default() -> Self {
        Self { second: 0, text: *b"Thu, 01 Jan 1970 00:00:00 GMT" }
    }
}

impl HttpDate {
    pub(crate) fn at(&mut self, millis: u64) -> [u8; 29] {
        let second = millis.min(LAST) / 1000;
        if second != self.second {
            self.second = second;
            let Moment { weekday, year, month, day, hour, minute, second } = Moment::new(millis);
            // It fits.
            let _ = write!(
                &mut self.text[..],
                "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT"
            );
        }
        self.text
    }
}

/// Year, month and day of a day since 1970, by counting: a few hundred steps, and not often.
#[expect(clippy::arithmetic_side_effects, reason = "days of years up to 9999, and never more than are left")]
fn civil(mut days: u64) -> (u64, &'static str, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let months = [
        ("Jan", 31),
        ("Feb", february),
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
    ];
    for (name, length) in months {
        if days < length {
            return (year, name, days + 1);
        }
        days -= length;
    }
    (year, "Dec", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(civil(0), (1970, "Jan", 1));
        assert_eq!(civil(19_782), (2024, "Feb", 29));
        assert_eq!(civil(20_779), (2026, "Nov", 22));
        assert_eq!(civil(20_818), (2026, "Dec", 31));
    }

    #[test]
    fn http_dates() {
        let mut date = HttpDate::default();
        assert_eq!(&date.at(0), b"Thu, 01 Jan 1970 00:00:00 GMT");
        // RFC 9110's example.
        assert_eq!(&date.at(784_111_777_999), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(&date.at(784_111_777_000), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(&date.at(1_709_251_199_999), b"Thu, 29 Feb 2024 23:59:59 GMT");
        assert_eq!(&date.at(1_709_251_200_000), b"Fri, 01 Mar 2024 00:00:00 GMT");
        assert_eq!(&date.at(0), b"Thu, 01 Jan 1970 00:00:00 GMT");
        for late in [LAST, LAST + 1, u64::MAX] {
            assert_eq!(&date.at(late), b"Fri, 31 Dec 9999 23:59:59 GMT");
        }
    }
}
