//! Values in the text format of the protocol: parameters as the server reads them, results as it prints them.

use std::fmt::Write as _;

use bytes::{BufMut, BytesMut};
use postgres_protocol::IsNull;

use crate::modules::sql::value::{Cell, Param};
use crate::number::float_to_int;

/// A column of a result.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: Box<str>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Bool,
    Integer,
    Float,
    Bytes,
    /// A point in time, with or without a zone.
    Time,
    /// Whatever the server prints.
    Text,
}

impl Column {
    /// A column of the type with this number in the server's catalogue.
    pub fn new(name: &str, type_oid: u32) -> Column {
        let kind = match type_oid {
            16 => Kind::Bool,
            20 | 21 | 23 | 26 => Kind::Integer,
            700 | 701 => Kind::Float,
            17 => Kind::Bytes,
            1114 | 1184 => Kind::Time,
            _ => Kind::Text,
        };
        Column { name: name.into(), kind }
    }

    /// A value of this column that is not null. What does not read as it should stays text.
    pub fn cell(&self, text: &[u8]) -> Cell {
        let parsed = match self.kind {
            Kind::Text => None,
            Kind::Bool => Some(Cell::Bool(text == b"t")),
            Kind::Integer => as_str(text).and_then(|text| text.parse().ok()).map(Cell::Int),
            // `NaN` and `Infinity` are read as well.
            Kind::Float => as_str(text).and_then(|text| text.parse().ok()).map(Cell::Float),
            Kind::Bytes => unhex(text).map(|bytes| Cell::Bytes(bytes.into())),
            Kind::Time => as_str(text).and_then(rfc3339).map(|text| Cell::text(&text)),
        };
        parsed.unwrap_or_else(|| Cell::Bytes(text.into()))
    }
}

fn as_str(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok()
}

/// The bytes of `\x0a1b…`.
fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = text.strip_prefix(b"\\x")?.as_chunks::<2>() else { return None };
    pairs.iter().map(|pair| u8::from_str_radix(as_str(pair)?, 16).ok()).collect()
}

/// `2024-05-01 10:00:00.5+02` as `2024-05-01T08:00:00.5Z`; without a zone the time is taken to be UTC.
fn rfc3339(text: &str) -> Option<String> {
    let (date, time) = text.split_once(' ')?;
    if date.len() != 10 || time.len() < 8 || time.contains(' ') {
        // `infinity`, and years that RFC 3339 does not have.
        return None;
    }
    let zone = time.find(['+', '-', 'Z']).map_or("", |at| &time[at..]);
    if matches!(zone, "" | "+00" | "Z") {
        let time = &time[..time.len() - zone.len()];
        return Some(format!("{date}T{time}Z"));
    }
    text.parse::<jiff::Timestamp>().ok().map(|moment| moment.to_string())
}

/// Appends a parameter.
pub fn write_parameter(param: &Param, buffer: &mut BytesMut) -> IsNull {
    match param {
        Param::Null => return IsNull::Yes,
        Param::Bool(b) => buffer.put_slice(if *b { b"t" } else { b"f" }),
        Param::Int(i) => write(buffer, format_args!("{i}")),
        Param::Float(f) => match float_to_int(*f) {
            // An integral value may go to a column of integers, too.
            Some(i) => write(buffer, format_args!("{i}")),
            None if f.is_infinite() => buffer.put_slice(if *f > 0.0 { b"Infinity" } else { b"-Infinity" }),
            None => write(buffer, format_args!("{f:?}")),
        },
        Param::Text(text) => buffer.put_slice(text.as_bytes()),
        Param::Blob(bytes) => {
            buffer.put_slice(b"\\x");
            bytes.iter().for_each(|byte| write(buffer, format_args!("{byte:02x}")));
        }
        Param::Time(time) => buffer.put_slice(&time.rfc3339()),
    }
    IsNull::No
}

fn write(buffer: &mut BytesMut, text: std::fmt::Arguments<'_>) {
    buffer.write_fmt(text).expect("a buffer can be written to");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_utc() {
        assert_eq!(rfc3339("2024-05-01 10:00:00").as_deref(), Some("2024-05-01T10:00:00Z"));
        assert_eq!(rfc3339("2024-05-01 10:00:00.25+00").as_deref(), Some("2024-05-01T10:00:00.25Z"));
        assert_eq!(rfc3339("2024-05-01 10:00:00.5+02").as_deref(), Some("2024-05-01T08:00:00.5Z"));
        assert_eq!(rfc3339("2024-05-01 01:00:00-05:30").as_deref(), Some("2024-05-01T06:30:00Z"));
        assert_eq!(rfc3339("infinity"), None);
        assert_eq!(rfc3339("0044-03-15 12:00:00 BC"), None);
    }

    #[test]
    fn bytes_are_hexadecimal() {
        assert_eq!(unhex(b"\\x00ff41"), Some(vec![0, 0xff, 0x41]));
        assert_eq!(unhex(b"\\x"), Some(vec![]));
        assert_eq!(unhex(b"\\x0"), None);
        assert_eq!(unhex(b"plain"), None);
    }
}
