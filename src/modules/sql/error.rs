//! Errors of databases, and how programs see them (`modules.md` §2.9).

use super::value::TooLarge;
use crate::runtime::data::Data;
use crate::runtime::errors::{CONFLICT, ErrorData, INTERNAL, INVALID, TIMEOUT, UNAVAILABLE};

/// What went wrong in a database or on the way to it.
#[derive(Debug)]
pub struct SqlError {
    /// The kind programs see.
    pub kind: &'static str,
    /// The engine's own text.
    pub text: String,
    /// SQLSTATE, MySQL's number, or the name of SQLite's result.
    pub code: Option<String>,
    /// The constraint that was violated.
    pub constraint: Option<String>,
}

impl SqlError {
    /// An error with kind and text.
    pub fn new(kind: &'static str, text: impl Into<String>) -> SqlError {
        SqlError { kind, text: text.into(), code: None, constraint: None }
    }

    /// What programs see of it. `operation` begins the message.
    pub fn to_data(&self, operation: &str, engine: &'static str) -> ErrorData {
        let mut details = vec![(Data::from("engine"), Data::from(engine))];
        for (field, value) in [("code", &self.code), ("constraint", &self.constraint)] {
            if let Some(value) = value {
                details.push((field.into(), value.as_str().into()));
            }
        }
        ErrorData {
            retryable: Some([CONFLICT, UNAVAILABLE, TIMEOUT].contains(&self.kind)),
            details: Some(Data::Map(details)),
            ..ErrorData::plain(self.kind, &format!("{operation}: {}", self.text))
        }
    }
}

impl From<TooLarge> for SqlError {
    fn from(_: TooLarge) -> SqlError {
        SqlError::new(INTERNAL, "the result does not fit into the memory of the process")
    }
}

/// The error of an argument or a call that cannot be right.
pub fn invalid(text: impl Into<String>) -> SqlError {
    SqlError::new(INVALID, text)
}
