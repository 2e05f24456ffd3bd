//! Calendar arithmetic of `os.date` and `os.time` (manual §6.9): seconds since 1970 ↔ fields of a date, and C99's
//! `strftime` in the C locale.
//!
//! Only the offset of the local time zone comes from outside; the calendar is the proleptic Gregorian one, computed
//! here. Years range over what fits in C's `struct tm`, far more than the time zone rules cover; outside of them the
//! rules repeat with the calendar's period of 400 years.

use std::fmt;

use jiff::tz::{Dst, TimeZone};

const DAY: i64 = 86_400;
/// The Gregorian calendar repeats after 400 years, weekdays included.
const DAYS_PER_CYCLE: i64 = 146_097;
const CYCLE: i64 = DAYS_PER_CYCLE * DAY;
/// Days from the first of March of year 0 to the first of January 1970.
const EPOCH: i64 = 719_468;
/// The largest magnitude of a field of `os.time`: half of C's `int`.
const MAX_FIELD: i64 = (i32::MAX / 2) as i64;
/// How far to look for a period with the other daylight saving setting: a bit over a year, in steps of a week.
const DST_SEARCH_WEEKS: i64 = 54;

/// From Sunday on.
pub const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// From January on.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Why a date cannot be computed or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DateError {
    /// A field of `os.time` is too large.
    FieldOutOfBound(&'static str),
    /// The year does not fit.
    NotRepresentable,
    /// No conversion specifier; holds the rest of the format behind the `%`.
    InvalidSpecifier(String),
}

impl fmt::Display for DateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DateError::FieldOutOfBound(name) => write!(f, "field '{name}' is out-of-bound"),
            DateError::NotRepresentable => f.write_str("time result cannot be represented in this installation"),
            DateError::InvalidSpecifier(rest) => write!(f, "invalid conversion specifier '%{rest}'"),
        }
    }
}

impl std::error::Error for DateError {}

/// Whose clock a date is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Coordinated universal time (`!` in `os.date`).
    Utc,
    /// The system's time zone.
    Local,
}

/// A moment as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date {
    /// Astronomical: year 0 exists.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59; leap seconds do not exist here.
    pub second: i64,
    /// 0 (Sunday) to 6.
    pub weekday: i64,
    /// 1 to 366.
    pub yearday: i64,
    /// Whether daylight saving time is in effect.
    pub is_dst: bool,
    /// Seconds east of universal time.
    pub offset: i64,
    /// The abbreviated name of the time zone.
    pub zone: String,
}

/// The table `os.time` takes; fields may lie outside their ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// See [`Date::year`].
    pub year: i64,
    /// See [`Date::month`].
    pub month: i64,
    /// See [`Date::day`].
    pub day: i64,
    /// See [`Date::hour`].
    pub hour: i64,
    /// See [`Date::minute`].
    pub minute: i64,
    /// See [`Date::second`].
    pub second: i64,
    /// `None`: to be found out.
    pub is_dst: Option<bool>,
}

/// Refuses values of a field that `os.time` refuses. `name` is the field's name in Lua.
pub fn check_field(name: &'static str, value: i64) -> Result<(), DateError> {
    // C counts years from 1900 and months from 0, but the limit is on the number in the table.
    if (-MAX_FIELD..=MAX_FIELD).contains(&value) { Ok(()) } else { Err(DateError::FieldOutOfBound(name)) }
}

impl Date {
    /// The date at `timestamp`, seconds since 1970 in universal time.
    pub fn at(timestamp: i64, zone: Zone) -> Result<Date, DateError> {
        match zone {
            Zone::Utc => Date::with_offset(timestamp, 0, false, "GMT"),
            Zone::Local => Date::in_zone(timestamp, &TimeZone::system()),
        }
    }

    fn in_zone(timestamp: i64, zone: &TimeZone) -> Result<Date, DateError> {
        let info = zone.to_offset_info(covered(timestamp));
        let offset = i64::from(info.offset().seconds());
        Date::with_offset(timestamp, offset, info.dst() == Dst::Yes, info.abbreviation())
    }

    fn with_offset(timestamp: i64, offset: i64, is_dst: bool, zone: &str) -> Result<Date, DateError> {
        let local = timestamp.checked_add(offset).ok_or(DateError::NotRepresentable)?;
        let days = local.div_euclid(DAY);
        let second = local.rem_euclid(DAY);
        let (year, month, day) = civil_from_days(days);
        if i32::try_from(year - 1900).is_err() {
            return Err(DateError::NotRepresentable);
        }
        Ok(Date {
            year,
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            // The first of January 1970 was a Thursday.
            weekday: (days + 4).rem_euclid(7),
            yearday: days - days_from_civil(year, 1, 1) + 1,
            is_dst,
            offset,
            zone: zone.to_owned(),
        })
    }

    /// The hour on a twelve-hour clock.
    fn hour12(&self) -> i64 {
        (self.hour + 11) % 12 + 1
    }

    /// The number of the week whose first day is `first` (0 = Sunday) that the date falls in; days before the first
    /// such day are in week 0.
    fn week(&self, first: i64) -> i64 {
        (self.yearday + 6 - (self.weekday - first).rem_euclid(7)) / 7
    }

    /// Year and week of ISO 8601: the week belongs to the year that has its Thursday.
    fn iso_week(&self) -> (i64, i64) {
        let days = days_from_civil(self.year, self.month, self.day);
        let thursday = days - (self.weekday - 1).rem_euclid(7) + 3;
        let (year, ..) = civil_from_days(thursday);
        (year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1)
    }
}

/// The timestamp of a date in local time.
///
/// A time that the clock skips or shows twice is taken as the clock showed it before the change forward, after the
/// change back. With `is_dst` given, the time is read on the clock with that setting that is nearest in time, even if
/// it does not hold then, as C's `mktime` does.
pub fn timestamp(fields: &Fields) -> Result<i64, DateError> {
    timestamp_in_zone(fields, &TimeZone::system())
}

fn timestamp_in_zone(fields: &Fields, zone: &TimeZone) -> Result<i64, DateError> {
    let numbers = [
        ("year", fields.year),
        ("month", fields.month),
        ("day", fields.day),
        ("hour", fields.hour),
        ("min", fields.minute),
        ("sec", fields.second),
    ];
    for (name, value) in numbers {
        check_field(name, value)?;
    }
    let months = fields.month - 1;
    let year = fields.year + months.div_euclid(12);
    let days = days_from_civil(year, months.rem_euclid(12) + 1, 1) + fields.day - 1;
    let local = days * DAY + fields.hour * 3600 + fields.minute * 60 + fields.second;
    let timestamp = universal(local, fields.is_dst, zone);
    Date::in_zone(timestamp, zone)?;
    Ok(timestamp)
}

/// The offset of a zone at `timestamp`, in seconds to the east, and its abbreviation there.
pub fn offset_at(timestamp: i64, zone: &TimeZone) -> (i64, String) {
    let info = zone.to_offset_info(covered(timestamp));
    (i64::from(info.offset().seconds()), info.abbreviation().to_owned())
}

/// The moment at which clocks in `zone` show `local`, seconds since 1970 on that clock; see [`timestamp`] for times that
/// are skipped or shown twice.
pub fn universal(local: i64, wanted_dst: Option<bool>, zone: &TimeZone) -> i64 {
    let offset_at = |timestamp: i64| {
        let info = zone.to_offset_info(covered(timestamp));
        (i64::from(info.offset().seconds()), info.dst() == Dst::Yes)
    };
    // No offset exceeds a day, so these lie on both sides of any change near by.
    let (before, _) = offset_at(local - DAY);
    let (after, _) = offset_at(local + DAY);
    let shows_local = |offset: &i64| offset_at(local - offset).0 == *offset;
    let offset = [after, before].into_iter().find(shows_local).unwrap_or(before);
    let guess = local - offset;
    let Some(wanted) = wanted_dst else {
        return guess;
    };
    let week = 7 * DAY;
    let nearest = (0..=DST_SEARCH_WEEKS)
        .flat_map(|weeks| [guess - weeks * week, guess + weeks * week, guess + DAY, guess - DAY])
        .map(offset_at)
        .find(|(_, dst)| *dst == wanted);
    match nearest {
        Some((offset, _)) => local - offset,
        // A zone without daylight saving time: assume that it would be the usual hour.
        None if wanted => guess - 3600,
        None => guess + 3600,
    }
}

/// A moment with the same time zone rules that the time zone library can represent.
fn covered(timestamp: i64) -> jiff::Timestamp {
    let (first, last) = (jiff::Timestamp::MIN.as_second(), jiff::Timestamp::MAX.as_second());
    let moved = if timestamp < first {
        first
    } else if timestamp > last {
        last - CYCLE + (timestamp - last).rem_euclid(CYCLE)
    } else {
        timestamp
    };
    jiff::Timestamp::from_second(moved).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// Days since 1970 of a date. Years begin in March here, so that the leap day comes last.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (cycle, year_of_cycle) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    cycle * DAYS_PER_CYCLE + year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year - EPOCH
}

/// The inverse of [`days_from_civil`].
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let (cycle, day_of_cycle) = (days.div_euclid(DAYS_PER_CYCLE), days.rem_euclid(DAYS_PER_CYCLE));
    // Remove the leap days that have passed: one in 4 years, none in 100, one in 400.
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (cycle * 400 + year_of_cycle + i64::from(month <= 2), month, day)
}

/// Appends `date` as `format` says, by the specifiers of C99. The format excludes a leading `!`.
pub fn format_date(format: &[u8], date: &Date, out: &mut Vec<u8>) -> Result<(), DateError> {
    let mut rest = format;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let (specifier, length) = match *rest {
            // The C locale has no alternative representations; the modifiers are only checked.
            [b'E', letter @ (b'c' | b'C' | b'x' | b'X' | b'y' | b'Y'), ..] => (letter, 2),
            [
                b'O',
                letter @ (b'd' | b'e' | b'H' | b'I' | b'm' | b'M' | b'S' | b'u' | b'U' | b'V' | b'w' | b'W' | b'y'),
                ..,
            ] => (letter, 2),
            [letter, ..] => (letter, 1),
            [] => (0, 0),
        };
        let Some(text) = specified(specifier, date) else {
            return Err(DateError::InvalidSpecifier(String::from_utf8_lossy(rest).into_owned()));
        };
        out.extend_from_slice(text.as_bytes());
        rest = &rest[length..];
    }
    Ok(())
}

/// What one conversion specifier stands for; `None` if there is no such specifier.
fn specified(specifier: u8, date: &Date) -> Option<String> {
    let d = date;
    let weekday = WEEKDAYS[d.weekday as usize];
    let month = MONTHS[d.month as usize - 1];
    let half = if d.hour < 12 { "AM" } else { "PM" };
    Some(match specifier {
        b'a' => weekday[..3].to_owned(),
        b'A' => weekday.to_owned(),
        b'b' | b'h' => month[..3].to_owned(),
        b'B' => month.to_owned(),
        b'c' => {
            let (weekday, month) = (&weekday[..3], &month[..3]);
            format!("{weekday} {month} {:2} {:02}:{:02}:{:02} {}", d.day, d.hour, d.minute, d.second, d.year)
        }
        b'C' => d.year.div_euclid(100).to_string(),
        b'd' => format!("{:02}", d.day),
        b'D' | b'x' => format!("{:02}/{:02}/{:02}", d.month, d.day, d.year.rem_euclid(100)),
        b'e' => format!("{:2}", d.day),
        b'F' => format!("{}-{:02}-{:02}", d.year, d.month, d.day),
        b'g' => format!("{:02}", d.iso_week().0.rem_euclid(100)),
        b'G' => d.iso_week().0.to_string(),
        b'H' => format!("{:02}", d.hour),
        b'I' => format!("{:02}", d.hour12()),
        b'j' => format!("{:03}", d.yearday),
        b'm' => format!("{:02}", d.month),
        b'M' => format!("{:02}", d.minute),
        b'n' => "\n".to_owned(),
        b'p' => half.to_owned(),
        b'r' => format!("{:02}:{:02}:{:02} {half}", d.hour12(), d.minute, d.second),
        b'R' => format!("{:02}:{:02}", d.hour, d.minute),
        b'S' => format!("{:02}", d.second),
        b't' => "\t".to_owned(),
        b'T' | b'X' => format!("{:02}:{:02}:{:02}", d.hour, d.minute, d.second),
        b'u' => ((d.weekday + 6) % 7 + 1).to_string(),
        b'U' => format!("{:02}", d.week(0)),
        b'V' => format!("{:02}", d.iso_week().1),
        b'w' => d.weekday.to_string(),
        b'W' => format!("{:02}", d.week(1)),
        b'y' => format!("{:02}", d.year.rem_euclid(100)),
        b'Y' => d.year.to_string(),
        b'z' => {
            let minutes = d.offset.abs() / 60;
            let sign = if d.offset < 0 { '-' } else { '+' };
            format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
        }
        b'Z' => d.zone.clone(),
        b'%' => "%".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utc(format: &str, timestamp: i64) -> Result<String, String> {
        let show = || {
            let mut out = Vec::new();
            format_date(format.as_bytes(), &Date::at(timestamp, Zone::Utc)?, &mut out)?;
            Ok(String::from_utf8_lossy(&out).into_owned())
        };
        show().map_err(|error: DateError| error.to_string())
    }

    fn fields(year: i64, month: i64, day: i64, hour: i64, minute: i64) -> Fields {
        Fields { year, month, day, hour, minute, second: 0, is_dst: None }
    }

    /// Central European time, by its rule.
    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("valid rule")
    }

    #[test]
    fn specifiers() {
        for (specifier, expected) in [
            ("a", "Sun"),
            ("A", "Sunday"),
            ("b", "Sep"),
            ("B", "September"),
            ("c", "Sun Sep  9 01:46:40 2001"),
            ("C", "20"),
            ("d", "09"),
            ("D", "09/09/01"),
            ("e", " 9"),
            ("F", "2001-09-09"),
            ("g", "01"),
            ("G", "2001"),
            ("h", "Sep"),
            ("H", "01"),
            ("I", "01"),
            ("j", "252"),
            ("m", "09"),
            ("M", "46"),
            ("n", "\n"),
            ("p", "AM"),
            ("r", "01:46:40 AM"),
            ("R", "01:46"),
            ("S", "40"),
            ("t", "\t"),
            ("T", "01:46:40"),
            ("u", "7"),
            ("U", "36"),
            ("V", "36"),
            ("w", "0"),
            ("W", "36"),
            ("x", "09/09/01"),
            ("X", "01:46:40"),
            ("y", "01"),
            ("Y", "2001"),
            ("z", "+0000"),
            ("Z", "GMT"),
            ("%", "%"),
            ("Ec", "Sun Sep  9 01:46:40 2001"),
            ("EY", "2001"),
            ("OV", "36"),
        ] {
            assert_eq!(utc(&format!("%{specifier}"), 1_000_000_000).as_deref(), Ok(expected), "{specifier}");
        }
        assert_eq!(utc("<%H>%%", 0).as_deref(), Ok("<00>%"));
        assert_eq!(utc("%I %p", 12 * 3600).as_deref(), Ok("12 PM"));
    }

    #[test]
    fn invalid_specifiers() {
        for (format, expected) in [
            ("%k abc", "invalid conversion specifier '%k abc'"),
            ("x%Ez abc", "invalid conversion specifier '%Ez abc'"),
            ("%", "invalid conversion specifier '%'"),
            ("%E", "invalid conversion specifier '%E'"),
            ("%Oa", "invalid conversion specifier '%Oa'"),
        ] {
            assert_eq!(utc(format, 0), Err(expected.to_owned()));
        }
    }

    #[test]
    fn distant_years() {
        assert_eq!(utc("%c", -1).as_deref(), Ok("Wed Dec 31 23:59:59 1969"));
        assert_eq!(utc("%c %C %y", -62_135_596_801).as_deref(), Ok("Sun Dec 31 23:59:59 0 0 00"));
        assert_eq!(utc("%c", -99_999_999_999_999).as_deref(), Ok("Mon Feb 24 14:13:21 -3166904"));
        assert_eq!(utc("%c", 99_999_999_999_999).as_deref(), Ok("Sat Nov  7 09:46:39 3170843"));
        assert_eq!(utc("%Y|%C|%y|%F", -70_000_000_000).as_deref(), Ok("-249|-3|51|-249-10-15"));
        let refused = Err("time result cannot be represented in this installation".to_owned());
        assert!(utc("%Y", 67_768_036_191_676_799).is_ok());
        assert_eq!(utc("%Y", 67_768_036_191_676_800), refused);
        assert_eq!(utc("%Y", i64::MIN), refused);
        assert_eq!(utc("%Y", i64::MAX), refused);
    }

    #[test]
    fn iso_weeks_at_the_turn_of_the_year() {
        for (day, expected) in [
            ((2005, 1, 1), "2004-W53-6"),
            ((2007, 12, 31), "2008-W01-1"),
            ((2010, 1, 3), "2009-W53-7"),
            ((2012, 1, 1), "2011-W52-7"),
            ((2020, 12, 31), "2020-W53-4"),
        ] {
            let timestamp = days_from_civil(day.0, day.1, day.2) * DAY;
            assert_eq!(utc("%G-W%V-%u", timestamp).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn fields_are_normalised() {
        let at = |fields: &Fields| timestamp_in_zone(fields, &TimeZone::UTC);
        assert_eq!(at(&fields(2020, 1, 1, 12, 0)), Ok(1_577_880_000));
        let odd = Fields { second: 1_000_000, ..fields(2020, 14, -3, 55, -7) };
        assert_eq!(at(&odd), Ok(1_612_989_580));
        assert_eq!(at(&fields(1969, 12, 31, 24, 0)), Ok(0));
        assert_eq!(at(&fields(1 << 31, 1, 1, 0, 0)), Err(DateError::FieldOutOfBound("year")));
        assert_eq!(at(&fields(2020, 1 << 31, 1, 0, 0)), Err(DateError::FieldOutOfBound("month")));
        assert_eq!(at(&Fields { second: i64::MIN, ..odd }), Err(DateError::FieldOutOfBound("sec")));
        assert_eq!(at(&Fields { is_dst: Some(true), ..fields(2020, 1, 1, 12, 0) }), Ok(1_577_876_400));
        assert_eq!(at(&Fields { is_dst: Some(false), ..fields(2020, 1, 1, 12, 0) }), Ok(1_577_880_000));
    }

    #[test]
    fn daylight_saving_time() {
        let at = |fields: Fields, is_dst| timestamp_in_zone(&Fields { is_dst, ..fields }, &berlin());
        let skipped = fields(2024, 3, 31, 2, 30);
        assert_eq!(at(skipped, None), Ok(1_711_848_600));
        assert_eq!(at(skipped, Some(true)), Ok(1_711_845_000));
        assert_eq!(at(skipped, Some(false)), Ok(1_711_848_600));
        let repeated = fields(2024, 10, 27, 2, 30);
        assert_eq!(at(repeated, None), Ok(1_729_992_600));
        assert_eq!(at(repeated, Some(true)), Ok(1_729_989_000));
        assert_eq!(at(repeated, Some(false)), Ok(1_729_992_600));
        assert_eq!(at(fields(2024, 7, 1, 12, 0), None), Ok(1_719_828_000));
        assert_eq!(at(fields(2024, 7, 1, 12, 0), Some(false)), Ok(1_719_831_600));
        assert_eq!(at(fields(2024, 1, 1, 12, 0), Some(true)), Ok(1_704_103_200));
        assert_eq!(at(fields(20000, 7, 1, 12, 0), None), Ok(568_987_581_600));
        let summer = Date::in_zone(1_719_828_000, &berlin()).expect("in range");
        let mut shown = Vec::new();
        format_date(b"%c %z %Z", &summer, &mut shown).expect("valid format");
        assert_eq!(shown, b"Mon Jul  1 12:00:00 2024 +0200 CEST");
        assert!(summer.is_dst);
    }

    proptest! {
        #[test]
        fn days_survive_the_calendar(days in -1_000_000_000i64..1_000_000_000) {
            let (year, month, day) = civil_from_days(days);
            prop_assert!((1..=12).contains(&month) && (1..=31).contains(&day));
            prop_assert_eq!(days_from_civil(year, month, day), days);
        }

        #[test]
        fn dates_survive_in_a_zone(timestamp in -20_000_000_000i64..400_000_000_000) {
            let date = Date::in_zone(timestamp, &berlin()).expect("in range");
            let fields = Fields {
                year: date.year, month: date.month, day: date.day, hour: date.hour, minute: date.minute,
                second: date.second, is_dst: Some(date.is_dst),
            };
            prop_assert_eq!(timestamp_in_zone(&fields, &berlin()), Ok(timestamp));
        }

        #[test]
        fn agrees_with_the_time_zone_library(timestamp in -200_000_000_000i64..200_000_000_000) {
            let theirs = jiff::Timestamp::from_second(timestamp).expect("in range").to_zoned(TimeZone::UTC);
            let ours = Date::at(timestamp, Zone::Utc).expect("in range");
            prop_assert_eq!(
                (ours.year, ours.month, ours.day, ours.hour, ours.minute, ours.second, ours.yearday),
                (
                    i64::from(theirs.year()), i64::from(theirs.month()), i64::from(theirs.day()),
                    i64::from(theirs.hour()), i64::from(theirs.minute()), i64::from(theirs.second()),
                    i64::from(theirs.day_of_year()),
                )
            );
            prop_assert_eq!(ours.weekday, i64::from(theirs.weekday().to_sunday_zero_offset()));
        }
    }
}
