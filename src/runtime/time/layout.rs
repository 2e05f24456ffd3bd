//! The layout language (`runtime.md` §7.4): times as text and back. Pure: fields in, fields out.
//!
//! A layout is cut into elements and literal text by [`next_element`]; [`format`] and [`parse`] walk over the same cuts.

use crate::stdlib::date::{MONTHS, WEEKDAYS, days_from_civil};

/// A moment as a clock in some zone shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
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
    /// 0 to 59.
    pub second: i64,
    /// 0 to 999,999,999.
    pub nanos: u32,
    /// Seconds to the east.
    pub offset: i64,
    /// The zone's abbreviation; may be empty.
    pub abbreviation: String,
}

impl Shown {
    /// Days since 1970.
    fn days(&self) -> i64 {
        days_from_civil(self.year, self.month, self.day)
    }

    /// 0 (Sunday) to 6.
    pub fn weekday(&self) -> i64 {
        (self.days() + 4).rem_euclid(7)
    }

    /// 1 to 366.
    pub fn year_day(&self) -> i64 {
        self.days() - days_from_civil(self.year, 1, 1) + 1
    }
}

/// What a text says about its zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParsedZone {
    /// Nothing.
    Unnamed,
    /// It is universal time.
    Utc,
    /// Seconds to the east, with an abbreviation, which may be empty.
    Offset(i64, String),
    /// An abbreviation alone.
    Abbreviation(String),
}

/// What a text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Seconds since 1970 on the clock that is shown.
    pub local: i64,
    /// 0 to 999,999,999.
    pub nanos: u32,
    /// Where that clock is.
    pub zone: ParsedZone,
}

/// How wide a number is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pad {
    /// As wide as it is.
    None,
    /// Filled up with zeros.
    Zero,
    /// Filled up with spaces.
    Space,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Element {
    Year,
    ShortYear,
    MonthName,
    ShortMonthName,
    Month(Pad),
    Day(Pad),
    YearDay(Pad),
    WeekdayName,
    ShortWeekdayName,
    Hour,
    Hour12(Pad),
    Minute(Pad),
    Second(Pad),
    /// Upper case or not.
    HalfDay(bool),
    /// So many digits, or as many as are needed up to so many.
    Fraction {
        digits: usize,
        trimmed: bool,
    },
    Abbreviation,
    /// Whether universal time is written `Z`; its parts.
    Offset {
        z: bool,
        form: OffsetForm,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum OffsetForm {
    Hours,
    Minutes,
    ColonMinutes,
    Seconds,
    ColonSeconds,
}

/// Elements by their text, longer ones before those they begin with.
const ELEMENTS: &[(&[u8], Element)] = &[
    (b"2006", Element::Year),
    (b"January", Element::MonthName),
    (b"Jan", Element::ShortMonthName),
    (b"Monday", Element::WeekdayName),
    (b"Mon", Element::ShortWeekdayName),
    (b"MST", Element::Abbreviation),
    (b"002", Element::YearDay(Pad::Zero)),
    (b"01", Element::Month(Pad::Zero)),
    (b"02", Element::Day(Pad::Zero)),
    (b"03", Element::Hour12(Pad::Zero)),
    (b"04", Element::Minute(Pad::Zero)),
    (b"05", Element::Second(Pad::Zero)),
    (b"06", Element::ShortYear),
    (b"15", Element::Hour),
    (b"1", Element::Month(Pad::None)),
    (b"2", Element::Day(Pad::None)),
    (b"__2", Element::YearDay(Pad::Space)),
    (b"_2", Element::Day(Pad::Space)),
    (b"3", Element::Hour12(Pad::None)),
    (b"4", Element::Minute(Pad::None)),
    (b"5", Element::Second(Pad::None)),
    (b"PM", Element::HalfDay(true)),
    (b"pm", Element::HalfDay(false)),
    (b"-070000", Element::Offset { z: false, form: OffsetForm::Seconds }),
    (b"-07:00:00", Element::Offset { z: false, form: OffsetForm::ColonSeconds }),
    (b"-0700", Element::Offset { z: false, form: OffsetForm::Minutes }),
    (b"-07:00", Element::Offset { z: false, form: OffsetForm::ColonMinutes }),
    (b"-07", Element::Offset { z: false, form: OffsetForm::Hours }),
    (b"Z070000", Element::Offset { z: true, form: OffsetForm::Seconds }),
    (b"Z07:00:00", Element::Offset { z: true, form: OffsetForm::ColonSeconds }),
    (b"Z0700", Element::Offset { z: true, form: OffsetForm::Minutes }),
    (b"Z07:00", Element::Offset { z: true, form: OffsetForm::ColonMinutes }),
    (b"Z07", Element::Offset { z: true, form: OffsetForm::Hours }),
];

/// The element at the beginning of a layout, and its length. `after_second` tells that a seconds element ends there.
fn element_at(layout: &[u8], after_second: bool) -> Option<(Element, usize)> {
    if after_second && let [b'.' | b',', digit @ (b'0' | b'9'), ..] = layout {
        let digits = layout[1..].iter().take_while(|byte| *byte == digit).count();
        let ends = !layout.get(digits + 1).is_some_and(u8::is_ascii_digit);
        return ends.then_some((Element::Fraction { digits, trimmed: *digit == b'9' }, digits + 1));
    }
    let (text, element) = ELEMENTS.iter().find(|(text, _)| layout.starts_with(text))?;
    let next = layout.get(text.len());
    match element {
        // `Month` and `Janus` are words, not elements.
        Element::ShortMonthName | Element::ShortWeekdayName if next.is_some_and(u8::is_ascii_lowercase) => None,
        // `_2006` is an underscore and a year.
        Element::Day(Pad::Space) if layout.starts_with(b"_2006") => None,
        _ => Some((*element, text.len())),
    }
}

/// Cuts a layout: the literal text before its first element, the element, and what follows.
fn next_element(layout: &[u8], after_second: bool) -> (&[u8], Option<Element>, &[u8]) {
    for at in 0..layout.len() {
        if let Some((element, len)) = element_at(&layout[at..], after_second && at == 0) {
            return (&layout[..at], Some(element), &layout[at + len..]);
        }
    }
    (layout, None, &[])
}

// ---- out

/// Appends a time as a layout says.
pub fn format(mut layout: &[u8], time: &Shown, out: &mut Vec<u8>) {
    let mut after_second = false;
    loop {
        let (literal, element, rest) = next_element(layout, after_second);
        out.extend_from_slice(literal);
        let Some(element) = element else { return };
        put(out, element, time);
        after_second = matches!(element, Element::Second(_));
        layout = rest;
    }
}

fn put(out: &mut Vec<u8>, element: Element, time: &Shown) {
    match element {
        Element::Year if time.year < 0 => out.extend(format!("-{:04}", -time.year).bytes()),
        Element::Year => put_number(out, time.year, 4, Pad::Zero),
        Element::ShortYear => put_number(out, time.year.rem_euclid(100), 2, Pad::Zero),
        Element::MonthName => out.extend(MONTHS[time.month as usize - 1].bytes()),
        Element::ShortMonthName => out.extend(MONTHS[time.month as usize - 1].bytes().take(3)),
        Element::Month(pad) => put_number(out, time.month, 2, pad),
        Element::Day(pad) => put_number(out, time.day, 2, pad),
        Element::YearDay(pad) => put_number(out, time.year_day(), 3, pad),
        Element::WeekdayName => out.extend(WEEKDAYS[time.weekday() as usize].bytes()),
        Element::ShortWeekdayName => out.extend(WEEKDAYS[time.weekday() as usize].bytes().take(3)),
        Element::Hour => put_number(out, time.hour, 2, Pad::Zero),
        Element::Hour12(pad) => put_number(out, (time.hour + 11) % 12 + 1, 2, pad),
        Element::Minute(pad) => put_number(out, time.minute, 2, pad),
        Element::Second(pad) => put_number(out, time.second, 2, pad),
        Element::HalfDay(upper) => out.extend_from_slice(half_day(time.hour >= 12, upper)),
        Element::Fraction { digits, trimmed } => put_fraction(out, time.nanos, digits, trimmed),
        Element::Abbreviation if time.abbreviation.is_empty() => put_offset(out, time.offset, OffsetForm::Minutes),
        Element::Abbreviation => out.extend(time.abbreviation.bytes()),
        Element::Offset { z: true, .. } if time.offset == 0 => out.push(b'Z'),
        Element::Offset { form, .. } => put_offset(out, time.offset, form),
    }
}

fn put_number(out: &mut Vec<u8>, number: i64, width: usize, pad: Pad) {
    let text = match pad {
        Pad::None => format!("{number}"),
        Pad::Zero => format!("{number:0width$}"),
        Pad::Space => format!("{number:width$}"),
    };
    out.extend(text.bytes());
}

fn half_day(afternoon: bool, upper: bool) -> &'static [u8; 2] {
    match (afternoon, upper) {
        (false, true) => b"AM",
        (true, true) => b"PM",
        (false, false) => b"am",
        (true, false) => b"pm",
    }
}

fn put_fraction(out: &mut Vec<u8>, nanos: u32, digits: usize, trimmed: bool) {
    let text = format!("{nanos:09}");
    let shown = if digits > 9 { format!("{text:0<digits$}") } else { text[..digits].to_owned() };
    let shown = if trimmed { shown.trim_end_matches('0') } else { &shown };
    if !shown.is_empty() {
        out.push(b'.');
        out.extend(shown.bytes());
    }
}

fn put_offset(out: &mut Vec<u8>, offset: i64, form: OffsetForm) {
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes, seconds) = (offset.abs() / 3600, offset.abs() / 60 % 60, offset.abs() % 60);
    let text = match form {
        OffsetForm::Hours => format!("{sign}{hours:02}"),
        OffsetForm::Minutes => format!("{sign}{hours:02}{minutes:02}"),
        OffsetForm::ColonMinutes => format!("{sign}{hours:02}:{minutes:02}"),
        OffsetForm::Seconds => format!("{sign}{hours:02}{minutes:02}{seconds:02}"),
        OffsetForm::ColonSeconds => format!("{sign}{hours:02}:{minutes:02}:{seconds:02}"),
    };
    out.extend(text.bytes());
}

// ---- in

/// What has been read so far.
#[derive(Default)]
struct Reading {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: u32,
    afternoon: Option<bool>,
    zone: Option<ParsedZone>,
}

/// Reads a text by a layout. `None` if it does not fit, or names no moment.
pub fn parse(mut layout: &[u8], mut text: &[u8]) -> Option<Parsed> {
    let mut reading = Reading::default();
    let mut after_second = false;
    loop {
        let (literal, element, rest) = next_element(layout, after_second);
        text = skip_literal(literal, text)?;
        let Some(element) = element else { break };
        text = reading.take(element, text)?;
        after_second = matches!(element, Element::Second(_));
        let says_fraction = matches!(element_at(rest, after_second), Some((Element::Fraction { .. }, _)));
        if after_second && !says_fraction {
            text = reading.take_fraction(text, 0)?;
        }
        layout = rest;
    }
    if text.is_empty() { reading.finish() } else { None }
}

/// Skips text that stands for itself; spaces stand for any number of them.
fn skip_literal<'a>(mut literal: &[u8], mut text: &'a [u8]) -> Option<&'a [u8]> {
    while let Some((first, rest)) = literal.split_first() {
        if *first == b' ' {
            if !text.is_empty() && text[0] != b' ' {
                return None;
            }
            literal = literal.trim_ascii_start();
            text = text.trim_ascii_start();
            continue;
        }
        text = text.strip_prefix(&[*first])?;
        literal = rest;
    }
    Some(text)
}

/// The number in the first `least` to `most` digits, and the rest.
fn number(text: &[u8], least: usize, most: usize) -> Option<(i64, &[u8])> {
    let digits = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(digits).filter(|(digits, _)| digits.len() >= least)?;
    Some((digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')), rest))
}

/// As [`number`], padded as an element says, within bounds.
fn padded(text: &[u8], width: usize, pad: Pad, range: std::ops::RangeInclusive<i64>) -> Option<(i64, &[u8])> {
    let (least, text) = match pad {
        Pad::None => (1, text),
        Pad::Zero => (width, text),
        Pad::Space => {
            let spaces = text.iter().take(width - 1).take_while(|byte| **byte == b' ').count();
            (1, &text[spaces..])
        }
    };
    number(text, least, width).filter(|(number, _)| range.contains(number))
}

/// The index of the name that a text begins with, whatever its case, and the rest. Only the first `len` letters count.
fn name<'a>(names: &[&str], len: usize, text: &'a [u8]) -> Option<(i64, &'a [u8])> {
    names.iter().enumerate().find_map(|(index, name)| {
        let name = &name.as_bytes()[..name.len().min(len)];
        let (head, rest) = text.split_at_checked(name.len())?;
        head.eq_ignore_ascii_case(name).then_some((index as i64, rest))
    })
}

impl Reading {
    /// Reads an element from the beginning of a text; returns the rest.
    fn take<'a>(&mut self, element: Element, text: &'a [u8]) -> Option<&'a [u8]> {
        let all = usize::MAX;
        let (value, rest) = match element {
            Element::Year => number(text, 4, 4)?,
            Element::ShortYear => number(text, 2, 2)?,
            Element::MonthName => name(&MONTHS, all, text)?,
            Element::ShortMonthName => name(&MONTHS, 3, text)?,
            Element::WeekdayName => name(&WEEKDAYS, all, text)?,
            Element::ShortWeekdayName => name(&WEEKDAYS, 3, text)?,
            Element::Month(pad) => padded(text, 2, pad, 1..=12)?,
            Element::Day(pad) => padded(text, 2, pad, 1..=31)?,
            Element::YearDay(pad) => padded(text, 3, pad, 1..=366)?,
            Element::Hour => padded(text, 2, Pad::None, 0..=23)?,
            Element::Hour12(pad) => padded(text, 2, pad, 0..=12)?,
            Element::Minute(pad) | Element::Second(pad) => padded(text, 2, pad, 0..=59)?,
            Element::HalfDay(upper) => {
                let (head, rest) = text.split_at_checked(2)?;
                let afternoon = [false, true].into_iter().find(|afternoon| half_day(*afternoon, upper) == head)?;
                (i64::from(afternoon), rest)
            }
            Element::Fraction { digits, trimmed } => return self.take_fraction(text, if trimmed { 0 } else { digits }),
            Element::Abbreviation => return self.take_abbreviation(text),
            Element::Offset { z, form } => return self.take_offset(text, z, form),
        };
        match element {
            Element::Year => self.year = value,
            Element::ShortYear => self.year = value + if value >= 69 { 1900 } else { 2000 },
            Element::MonthName | Element::ShortMonthName => self.month = Some(value + 1),
            Element::Month(_) => self.month = Some(value),
            Element::Day(_) => self.day = Some(value),
            Element::YearDay(_) => self.year_day = Some(value),
            Element::Hour | Element::Hour12(_) => self.hour = value,
            Element::Minute(_) => self.minute = value,
            Element::Second(_) => self.second = value,
            Element::HalfDay(_) => self.afternoon = Some(value == 1),
            // The day of the week is not checked against the date.
            _ => {}
        }
        Some(rest)
    }

    /// Reads a fraction of exactly `digits` digits; 0: of any number of them, or none at all.
    fn take_fraction<'a>(&mut self, text: &'a [u8], digits: usize) -> Option<&'a [u8]> {
        let found = match text {
            [b'.' | b',', rest @ ..] => rest.iter().take_while(|byte| byte.is_ascii_digit()).count(),
            _ => 0,
        };
        if digits == 0 && found == 0 {
            return Some(text);
        }
        if digits != 0 && found < digits {
            return None;
        }
        let taken = if digits == 0 { found } else { digits };
        let nanos = text[1..=taken].iter().chain(std::iter::repeat(&b'0')).take(9);
        self.nanos = nanos.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
        Some(&text[taken + 1..])
    }

    fn take_abbreviation<'a>(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        if let Some(rest) = text.strip_prefix(b"UTC") {
            self.zone.get_or_insert(ParsedZone::Utc);
            return Some(rest);
        }
        let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let len = if letters == 0 {
            // Some zones are called by their offset.
            let digits = text.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
            (matches!(text.first(), Some(b'+' | b'-')) && matches!(digits, 2 | 4)).then_some(digits + 1)?
        } else {
            (3..=5).contains(&letters).then_some(letters)?
        };
        let (name, rest) = text.split_at(len);
        let name = String::from_utf8_lossy(name).into_owned();
        self.zone = Some(match self.zone.take() {
            Some(ParsedZone::Offset(offset, _)) => ParsedZone::Offset(offset, name),
            _ => ParsedZone::Abbreviation(name),
        });
        Some(rest)
    }

    fn take_offset<'a>(&mut self, text: &'a [u8], z: bool, form: OffsetForm) -> Option<&'a [u8]> {
        if z && let Some(rest) = text.strip_prefix(b"Z") {
            self.zone = Some(ParsedZone::Utc);
            return Some(rest);
        }
        let (sign, rest) = text.split_first()?;
        let sign = match sign {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (parts, colon) = match form {
            OffsetForm::Hours => (1, false),
            OffsetForm::Minutes => (2, false),
            OffsetForm::ColonMinutes => (2, true),
            OffsetForm::Seconds => (3, false),
            OffsetForm::ColonSeconds => (3, true),
        };
        let (mut offset, mut rest) = (0, rest);
        for (part, (unit, most)) in [(3600, 24), (60, 59), (1, 59)].into_iter().take(parts).enumerate() {
            if part > 0 && colon {
                rest = rest.strip_prefix(b":")?;
            }
            let (value, after) = number(rest, 2, 2).filter(|(value, _)| *value <= most)?;
            (offset, rest) = (offset + value * unit, after);
        }
        let name = match self.zone.take() {
            Some(ParsedZone::Abbreviation(name)) => name,
            _ => String::new(),
        };
        self.zone = Some(ParsedZone::Offset(sign * offset, name));
        Some(rest)
    }

    fn finish(self) -> Option<Parsed> {
        let first = days_from_civil(self.year, 1, 1);
        let days = match self.year_day {
            Some(year_day) => {
                let days = first + year_day - 1;
                let (year, month, day) = crate::stdlib::date::civil_from_days(days);
                let agrees = |given: Option<i64>, is: i64| given.is_none_or(|given| given == is);
                (year == self.year && agrees(self.month, month) && agrees(self.day, day)).then_some(days)?
            }
            None => {
                let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
                let days = days_from_civil(self.year, month, day);
                // The 31st of a shorter month would be a day of the next one.
                (crate::stdlib::date::civil_from_days(days) == (self.year, month, day)).then_some(days)?
            }
        };
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let local = days * 86_400 + hour * 3600 + self.minute * 60 + self.second;
        Some(Parsed { local, nanos: self.nanos, zone: self.zone.unwrap_or(ParsedZone::Unnamed) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown() -> Shown {
        Shown {
            year: 2024,
            month: 2,
            day: 9,
            hour: 15,
            minute: 4,
            second: 5,
            nanos: 120_000_000,
            offset: -7 * 3600,
            abbreviation: "MST".into(),
        }
    }

    fn text(layout: &str, time: &Shown) -> String {
        let mut out = Vec::new();
        format(layout.as_bytes(), time, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_element() {
        for (layout, expected) in [
            ("2006 06", "2024 24"),
            ("January Jan 01 1", "February Feb 02 2"),
            ("02|2|_2", "09|9| 9"),
            ("002 __2", "040  40"),
            ("Monday Mon", "Friday Fri"),
            ("15 03 3 PM pm", "15 03 3 PM pm"),
            ("04 4 05 5", "04 4 05 5"),
            ("05.000 05,000000 05.999 05.999999999", "05.120 05.120000 05.12 05.12"),
            ("MST -0700 -07:00 -07", "MST -0700 -07:00 -07"),
            ("-070000 -07:00:00", "-070000 -07:00:00"),
            ("Z0700 Z07:00 Z07", "-0700 -07:00 -07"),
            ("Month Janus _2006 .000 x", "Month Janus _2024 .000 x"),
        ] {
            assert_eq!(text(layout, &shown()), expected, "{layout}");
        }
        let utc = Shown { offset: 0, abbreviation: String::new(), nanos: 0, hour: 0, year: -7, ..shown() };
        assert_eq!(text("Z0700 Z07:00 Z07 MST 03PM 05.999 2006", &utc), "Z Z Z +0000 12AM 05 -0007");
    }

    fn read(layout: &str, text: &str) -> Option<Parsed> {
        parse(layout.as_bytes(), text.as_bytes())
    }

    #[test]
    fn what_was_written_is_read() {
        let local = 1_707_491_045;
        for layout in [
            "2006-01-02T15:04:05.999999999Z07:00",
            "Mon, 02 Jan 2006 15:04:05.000 -0700",
            "Monday January _2 2006 3:04:05.000PM -07:00:00",
            "06 002 03:04:05.99 pm -070000",
            "2006 __2 15:4:5,000000 MST",
        ] {
            let read = read(layout, &text(layout, &shown())).unwrap_or_else(|| panic!("{layout}"));
            assert_eq!((read.local, read.nanos), (local, 120_000_000), "{layout}");
            match read.zone {
                ParsedZone::Offset(offset, name) => assert_eq!((offset, &*name), (-7 * 3600, "")),
                zone => assert_eq!(zone, ParsedZone::Abbreviation("MST".into())),
            }
        }
    }

    #[test]
    fn defaults_and_refusals() {
        assert_eq!(read("15:04", "00:00").unwrap().local, days_from_civil(0, 1, 1) * 86_400);
        assert_eq!(read("2006", "1970").unwrap().local, 0);
        assert_eq!(read("2006-01-02 15:04:05", "1970-01-01 00:00:01.5").unwrap().nanos, 500_000_000);
        assert_eq!(read("2006 MST", "1970 UTC").unwrap().zone, ParsedZone::Utc);
        assert_eq!(read("a  2006", "a 1970").unwrap().local, 0);
        assert_eq!(read("Z07:00 2006", "Z 1970").unwrap().zone, ParsedZone::Utc);
        for (layout, text) in [
            ("2006-01-02", "2023-02-29"),
            ("2006-01-02", "2023-13-01"),
            ("2006-01-02", "2023-1-01"),
            ("2006-01-02", "2023-01-01 "),
            ("2006-01-02", "2023-01-01T"),
            ("15:04", "24:00"),
            ("15:04:05.000", "10:00:00.12"),
            ("Jan", "Foo"),
            ("03PM", "13PM"),
            ("-07:00", "+0100"),
            ("2006 002", "2023 366"),
            ("MST", "X"),
        ] {
            assert_eq!(read(layout, text), None, "{text} as {layout}");
        }
    }
}
