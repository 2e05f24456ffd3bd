//! What scanners of files and streams find (`modules.md` §4.2). Pure.

use std::ops::Range;

/// Bytes that a token may have.
pub const MAX_TOKEN: usize = 64 << 10;

/// What the tokens are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// Lines without their ends.
    Lines,
    /// What lies between white space.
    Words,
    /// Single bytes.
    Bytes,
    /// Characters of UTF-8; bytes that belong to none are found one by one.
    Runes,
}

impl Split {
    /// What a program calls it.
    pub fn named(name: &[u8]) -> Option<Split> {
        Some(match name {
            b"lines" => Split::Lines,
            b"words" => Split::Words,
            b"bytes" => Split::Bytes,
            b"runes" => Split::Runes,
            _ => return None,
        })
    }

    /// The first token of some bytes, and how many bytes belong to it. `None` if there is none, or if more bytes could
    /// belong to it and `all` have not been read.
    pub fn find(self, bytes: &[u8], all: bool) -> Option<(Range<usize>, usize)> {
        match self {
            Split::Lines => match memchr::memchr(b'\n', bytes) {
                Some(end) => {
                    let stripped = bytes[..end].strip_suffix(b"\r").map_or(end, <[u8]>::len);
                    Some((0..stripped, end + 1))
                }
                None if all && !bytes.is_empty() => {
                    let stripped = bytes.strip_suffix(b"\r").map_or(bytes.len(), <[u8]>::len);
                    Some((0..stripped, bytes.len()))
                }
                None => None,
            },
            Split::Words => {
                let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
                match bytes[start..].iter().position(u8::is_ascii_whitespace) {
                    Some(len) => Some((start..start + len, start + len + 1)),
                    None => all.then_some((start..bytes.len(), bytes.len())),
                }
            }
            Split::Bytes => (!bytes.is_empty()).then_some((0..1, 1)),
            Split::Runes => {
                let first = *bytes.first()?;
                let len = match first {
                    0xc2..=0xdf => 2,
                    0xe0..=0xef => 3,
                    0xf0..=0xf4 => 4,
                    _ => 1,
                };
                if bytes.len() < len && !all {
                    return None;
                }
                let valid = bytes.get(..len).is_some_and(|rune| std::str::from_utf8(rune).is_ok());
                let len = if valid { len } else { 1 };
                Some((0..len, len))
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// The tokens of a text that comes in pieces of `step` bytes.
    fn tokens(split: Split, text: impl AsRef<[u8]>, step: usize) -> Vec<String> {
        let (mut buffer, mut found) = (Vec::new(), Vec::new());
        let mut pieces = text.as_ref().chunks(step);
        let mut all = false;
        loop {
            match split.find(&buffer, all) {
                Some((token, used)) => {
                    found.push(String::from_utf8_lossy(&buffer[token]).into_owned());
                    buffer.drain(..used);
                }
                None if all => return found,
                None => match pieces.next() {
                    Some(piece) => buffer.extend_from_slice(piece),
                    None => all = true,
                },
            }
        }
    }

    #[test]
    fn splits() {
        for step in [1, 2, 3, 100] {
            assert_eq!(tokens(Split::Lines, "a\r\n\nb c\n\rd", step), ["a", "", "b c", "\rd"]);
            assert_eq!(tokens(Split::Lines, "", step), [""; 0]);
            assert_eq!(tokens(Split::Words, "  one\ttwo\n three", step), ["one", "two", "three"]);
            assert_eq!(tokens(Split::Words, " \n ", step), [""; 0]);
            assert_eq!(tokens(Split::Bytes, "ab", step), ["a", "b"]);
            assert_eq!(tokens(Split::Runes, "aé€😀", step), ["a", "é", "€", "😀"]);
            let broken: &[u8] = b"a\xff\xc3z\xe2\x82";
            assert_eq!(tokens(Split::Runes, broken, step), ["a", "\u{fffd}", "\u{fffd}", "z", "\u{fffd}", "\u{fffd}"]);
        }
    }
}
