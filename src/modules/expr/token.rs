//! From the text of an expression to its tokens.

use super::value::Value;
use crate::number::parse_number;

/// A token.
#[derive(Clone, Debug)]
pub enum Token {
    /// A number or a string.
    Literal(Value),
    /// A name; also those of operators such as `and`.
    Name(Box<[u8]>),
    /// Punctuation.
    Symbol(&'static str),
    /// What follows the last.
    End,
}

/// Punctuation; of several that fit, the longest, which comes first.
const SYMBOLS: [&str; 30] = [
    "**", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "..", "+", "-", "*", "/", "%", "<", ">", "!", "?", ":", ".",
    ",", "(", ")", "[", "]", "{", "}", "|", "#",
];

/// The tokens of a text with the places where they begin.
///
/// # Errors
/// What is none, and where.
pub fn tokens(text: &[u8]) -> Result<Vec<(Token, usize)>, String> {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        at += text[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let start = at;
        let rest = &text[at..];
        let token = match rest {
            [] => {
                found.push((Token::End, start));
                return Ok(found);
            }
            [b'0'..=b'9', ..] => {
                let len = number_length(rest);
                at += len;
                let number = parse_number(&rest[..len]).ok_or_else(|| wrong("malformed number", start))?;
                Token::Literal(Value::Number(number))
            }
            [b'"' | b'\'', ..] => {
                let (bytes, len) = string(rest).map_err(|message| wrong(message, start))?;
                at += len;
                Token::Literal(Value::text(bytes))
            }
            [first, ..] if is_letter(*first) => {
                let len = rest.iter().take_while(|byte| is_letter(**byte) || byte.is_ascii_digit()).count();
                at += len;
                Token::Name(rest[..len].into())
            }
            rest => match SYMBOLS.iter().find(|symbol| rest.starts_with(symbol.as_bytes())) {
                Some(symbol) => {
                    at += symbol.len();
                    Token::Symbol(symbol)
                }
                None => return Err(wrong("unexpected character", start)),
            },
        };
        found.push((token, start));
    }
}

/// A message with a place, counted from 1.
pub fn wrong(message: &str, at: usize) -> String {
    format!("{message} at position {}", at + 1)
}

/// Letters of names; those beyond ASCII are in UTF-8.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// Digits, a fraction, an exponent. The two dots of a range are no fraction.
fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if let [b'0', b'x' | b'X', ..] = text {
        return 2 + text[2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    }
    let mut len = digits(0);
    if text.get(len) == Some(&b'.') && text.get(len + 1).is_some_and(u8::is_ascii_digit) {
        len += 1 + digits(len + 1);
    }
    if matches!(text.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(len + 1), Some(b'+' | b'-')));
        let exponent = digits((len + 1 + sign).min(text.len()));
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    len
}

/// The content of the string at the beginning of a text, and how long it is there.
fn string(text: &[u8]) -> Result<(Vec<u8>, usize), &'static str> {
    const UNFINISHED: &str = "unfinished string";
    let quote = text[0];
    let mut bytes = Vec::new();
    let mut at = 1;
    loop {
        match text.get(at).ok_or(UNFINISHED)? {
            byte if *byte == quote => return Ok((bytes, at + 1)),
            b'\\' => {
                let escaped = text.get(at + 1).ok_or(UNFINISHED)?;
                bytes.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'\\' | b'"' | b'\'' => *escaped,
                    _ => return Err("unknown escape in the string"),
                });
                at += 2;
            }
            byte => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
}
