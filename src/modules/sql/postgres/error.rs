//! What the server complains of.

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::ErrorResponseBody;

use crate::modules::sql::error::SqlError;
use crate::runtime::errors::{
    ALREADY_EXISTS, CANCELED, CONFLICT, INTERNAL, INVALID, PERMISSION_DENIED, TIMEOUT, UNAVAILABLE,
};

/// An error the server has sent. Its detail and hint may show parameters and are left out.
pub fn server_error(body: &ErrorResponseBody) -> SqlError {
    let (mut code, mut text, mut constraint) = (String::new(), String::new(), None);
    let mut fields = body.fields();
    while let Ok(Some(field)) = fields.next() {
        let value = String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'C' => code = value,
            b'M' => text = value,
            b'n' => constraint = Some(value),
            _ => {}
        }
    }
    let kind = kind(&code, &text);
    SqlError { constraint, code: Some(code), ..SqlError::new(kind, without_value(text)) }
}

/// The server quotes a value it cannot convert: `invalid input syntax for type integer: "secret"`.
fn without_value(text: String) -> String {
    match text.split_once(": \"") {
        Some((before, _)) if before.starts_with("invalid input") => before.to_owned(),
        _ if text.starts_with("value \"") => "value out of range".to_owned(),
        _ => text,
    }
}

/// The kind for a SQLSTATE. Only the text tells a statement that somebody has stopped from one that took too long; in
/// another language than English it says nothing to us, and timeouts are more frequent.
fn kind(code: &str, text: &str) -> &'static str {
    match code {
        "57014" if text.contains("user request") => CANCELED,
        "23505" => ALREADY_EXISTS,
        "40001" | "40P01" | "55P03" => CONFLICT,
        "57014" => TIMEOUT,
        "42501" | "28000" | "28P01" => PERMISSION_DENIED,
        "57P01" | "57P02" | "57P03" => UNAVAILABLE,
        // The protocol, as by a statement that gets another number of parameters than it has.
        "08P01" => INVALID,
        _ => match code.get(..2) {
            Some("08" | "53") => UNAVAILABLE,
            // Data, constraints, transactions, statements, syntax and names, cursors, features.
            Some("0A" | "21" | "22" | "23" | "25" | "26" | "2B" | "34" | "3B" | "3D" | "3F" | "42" | "44" | "55") => {
                INVALID
            }
            _ => INTERNAL,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_told() {
        let text = "invalid input syntax for type integer: \"hidden\"".to_owned();
        assert_eq!(without_value(text), "invalid input syntax for type integer");
        assert_eq!(
            without_value("value \"99999999999\" is out of range for type integer".to_owned()),
            "value out of range"
        );
        let plain = "column \"x\" does not exist".to_owned();
        assert_eq!(without_value(plain.clone()), plain);
    }
}
