//! Points in time: wall clock plus, if taken from the clock, monotonic time for differences; and the zone in which they
//! are shown.

use super::duration::Duration;
use super::layout::{Parsed, ParsedZone, Shown};
use super::zone::Zone;
use crate::runtime::driver::Driver;
use crate::stdlib::date::{civil_from_days, days_from_civil};

/// A point in time.
#[derive(Clone, Debug)]
pub struct Time {
    /// Unix time, rounded down.
    seconds: i64,
    /// 0 ..= 999 999 999, counted forwards from `seconds`.
    nanos: u32,
    /// The driver's monotonic time, if it was read from the clock.
    monotonic: Option<u64>,
    zone: Zone,
}

const NANOS: i64 = super::SECOND;
const DAY: i64 = 86_400;
/// The zero time, the beginning of year 1, in Unix seconds.
const ZERO: i64 = -62_135_596_800;
/// Years further from year 0 are not told apart: their seconds would not fit.
const MAX_YEAR: i128 = 200_000_000_000;

/// Fields of a date and a clock, each of which may lie outside its range.
pub struct Fields {
    /// Year, month, day, hour, minute, second, nanosecond.
    pub values: [i64; 7],
}

impl Fields {
    /// Seconds since 1970 on the clock that shows the fields, and nanoseconds.
    fn local(&self) -> (i64, u32) {
        let [year, month, day, hour, minute, second, nanos] = self.values.map(i128::from);
        let months = month - 1;
        let year = (year + months.div_euclid(12)).clamp(-MAX_YEAR, MAX_YEAR);
        let first = days_from_civil(year as i64, months.rem_euclid(12) as i64 + 1, 1);
        let days = i128::from(first) + day - 1;
        let second = second + nanos.div_euclid(i128::from(NANOS));
        let seconds = days * i128::from(DAY) + hour * 3600 + minute * 60 + second;
        let limit = MAX_YEAR * 366 * i128::from(DAY);
        (seconds.clamp(-limit, limit) as i64, nanos.rem_euclid(i128::from(NANOS)) as u32)
    }
}

impl Time {
    /// The present, in the system's zone.
    pub fn now(driver: &dyn Driver) -> Time {
        let wall = driver.wall_clock();
        Time { seconds: wall.seconds, nanos: wall.nanos, monotonic: Some(driver.now().0), zone: Zone::Local }
    }

    /// From Unix seconds and any number of nanoseconds, in the system's zone.
    pub fn from_unix(seconds: i64, nanos: i64) -> Time {
        Time {
            seconds: seconds.saturating_add(nanos.div_euclid(NANOS)),
            nanos: nanos.rem_euclid(NANOS) as u32,
            monotonic: None,
            zone: Zone::Local,
        }
    }

    /// The moment at which clocks in a zone show these fields.
    pub fn from_fields(fields: &Fields, zone: Zone) -> Time {
        let (local, nanos) = fields.local();
        Time { seconds: zone.moment_of(local), nanos, monotonic: None, zone }
    }

    /// The moment that a text names. `zone` is meant where it names none.
    pub fn from_parsed(parsed: Parsed, zone: Zone) -> Time {
        let local = parsed.local;
        let (seconds, zone) = match parsed.zone {
            ParsedZone::Unnamed => (zone.moment_of(local), zone),
            ParsedZone::Utc => (local, Zone::Utc),
            ParsedZone::Offset(offset, name) => {
                let seconds = local - offset;
                let (usual, abbreviation) = zone.at(seconds);
                let known = usual == offset && (name.is_empty() || name == abbreviation);
                (seconds, if known { zone } else { Zone::Fixed { name: name.into(), offset } })
            }
            ParsedZone::Abbreviation(name) => {
                let seconds = zone.moment_of(local);
                if zone.at(seconds).1 == name {
                    (seconds, zone)
                } else {
                    (local, Zone::Fixed { name: name.into(), offset: 0 })
                }
            }
        };
        Time { seconds, nanos: parsed.nanos, monotonic: None, zone }
    }

    /// The same moment in another zone.
    pub fn in_zone(self, zone: Zone) -> Time {
        Time { zone, ..self }
    }

    /// The zone it is shown in.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Unix time, rounded down.
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// Unix time in nanoseconds.
    pub fn wall_nanos(&self) -> i128 {
        i128::from(self.seconds) * i128::from(NANOS) + i128::from(self.nanos)
    }

    fn from_wall_nanos(nanos: i128, zone: Zone) -> Time {
        let seconds = nanos.div_euclid(i128::from(NANOS)) as i64;
        Time { seconds, nanos: nanos.rem_euclid(i128::from(NANOS)) as u32, monotonic: None, zone }
    }

    /// How long after `other` it is, limited to what a duration can hold.
    pub fn since(&self, other: &Time) -> Duration {
        let nanos = match (self.monotonic, other.monotonic) {
            (Some(a), Some(b)) => i128::from(a) - i128::from(b),
            _ => self.wall_nanos() - other.wall_nanos(),
        };
        Duration(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// So much later.
    pub fn plus(&self, duration: Duration) -> Time {
        let nanos = i64::from(self.nanos) + duration.0 % NANOS;
        let moved = Time::from_unix(self.seconds.saturating_add(duration.0 / NANOS), nanos);
        let monotonic = self.monotonic.and_then(|at| at.checked_add_signed(duration.0));
        Time { monotonic, zone: self.zone.clone(), ..moved }
    }

    /// The same time of the day so many years, months and days later.
    pub fn plus_date(&self, years: i64, months: i64, days: i64) -> Time {
        let shown = self.shown();
        let sums =
            [shown.year.saturating_add(years), shown.month.saturating_add(months), shown.day.saturating_add(days)];
        let [year, month, day] = sums;
        let values = [year, month, day, shown.hour, shown.minute, shown.second, i64::from(shown.nanos)];
        Time::from_fields(&Fields { values }, self.zone.clone())
    }

    /// The last multiple of `unit` since the zero time; with `half_up` the nearest.
    pub fn rounded(&self, unit: Duration, half_up: bool) -> Time {
        let unit = i128::from(unit.0);
        let plain = Time { monotonic: None, ..self.clone() };
        if unit <= 0 {
            return plain;
        }
        let since_zero = self.wall_nanos() - i128::from(ZERO) * i128::from(NANOS);
        let over = since_zero.rem_euclid(unit);
        let up = half_up && over * 2 >= unit;
        Time::from_wall_nanos(self.wall_nanos() - over + if up { unit } else { 0 }, plain.zone)
    }

    /// Whether it is the zero time, the beginning of year 1.
    pub fn is_zero(&self) -> bool {
        self.seconds == ZERO && self.nanos == 0
    }

    /// What a clock in its zone shows.
    pub fn shown(&self) -> Shown {
        let (offset, abbreviation) = self.zone.at(self.seconds);
        let local = self.seconds.saturating_add(offset);
        let (year, month, day) = civil_from_days(local.div_euclid(DAY));
        let second = local.rem_euclid(DAY);
        Shown {
            year,
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            nanos: self.nanos,
            offset,
            abbreviation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(values: [i64; 7]) -> Time {
        Time::from_fields(&Fields { values }, Zone::Utc)
    }

    #[test]
    fn fields_are_normalised() {
        assert_eq!(date([1970, 1, 1, 0, 0, 0, 0]).seconds, 0);
        assert_eq!(date([2023, 13, 1, 0, 0, 0, 0]).shown().year, 2024);
        assert_eq!(date([2024, 3, 0, 25, -1, 61, -1]).seconds, date([2024, 3, 1, 1, 0, 0, 0]).seconds);
        assert_eq!(date([1, 1, 1, 0, 0, 0, 0]).seconds, ZERO);
        assert!(date([1, 1, 1, 0, 0, 0, 0]).is_zero() && !Time::from_unix(0, 0).is_zero());
        // No sum overflows.
        for extreme in [i64::MIN, i64::MAX] {
            let _ = date([extreme; 7]).plus_date(extreme, extreme, extreme).shown();
        }
    }

    #[test]
    fn sums_and_differences() {
        let late = Time::from_unix(10, -1);
        assert_eq!((late.seconds, late.nanos), (9, 999_999_999));
        assert_eq!(late.plus(Duration(1)).since(&Time::from_unix(0, 0)), Duration(10 * NANOS));
        assert_eq!(date([2024, 1, 31, 0, 0, 0, 0]).plus_date(0, 1, 0).seconds, date([2024, 3, 2, 0, 0, 0, 0]).seconds);
        let noon = date([2024, 6, 15, 11, 59, 30, 5]);
        let hour = Duration(3600 * NANOS);
        assert_eq!(noon.rounded(hour, true).seconds, date([2024, 6, 15, 12, 0, 0, 0]).seconds);
        assert_eq!(noon.rounded(hour, false).seconds, date([2024, 6, 15, 11, 0, 0, 0]).seconds);
    }
}
