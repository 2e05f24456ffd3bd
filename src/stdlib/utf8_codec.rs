//! UTF-8 as Lua 5.3's `utf8` library understands it (manual §6.5).
//!
//! Code points run up to 10FFFF. Overlong sequences are refused, surrogates are not: the library deals in numbers, not
//! in Unicode text. Positions are byte offsets counted from 0; the caller translates Lua's.

/// The largest code point that can be written or read.
pub const MAX_CODE_POINT: u32 = 0x10_FFFF;

/// The library's `charpattern`: one character of a valid string.
pub const CHARACTER_PATTERN: &[u8] = b"[\0-\x7F\xC2-\xF4][\x80-\xBF]*";

/// Whether `byte` continues a character begun by an earlier one.
#[inline]
pub fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// Reads the character at the beginning of `text`: its code point and its length in bytes. `None` if there is none or
/// it is not valid.
pub fn decode(text: &[u8]) -> Option<(u32, usize)> {
    let (&first, rest) = text.split_first()?;
    let (length, first_bits, smallest) = match first {
        0x00..=0x7F => return Some((u32::from(first), 1)),
        0xC0..=0xDF => (2, first & 0x1F, 0x80),
        0xE0..=0xEF => (3, first & 0x0F, 0x800),
        0xF0..=0xF7 => (4, first & 0x07, 0x1_0000),
        _ => return None,
    };
    let mut code = u32::from(first_bits);
    for &byte in rest.get(..length - 1)? {
        if !is_continuation(byte) {
            return None;
        }
        code = (code << 6) | u32::from(byte & 0x3F);
    }
    (smallest..=MAX_CODE_POINT).contains(&code).then_some((code, length))
}

/// Appends the encoding of `code`, which is at most [`MAX_CODE_POINT`].
pub fn encode(code: u32, out: &mut Vec<u8>) {
    debug_assert!(code <= MAX_CODE_POINT);
    let tail = |shift: u32| 0x80 | ((code >> shift) & 0x3F) as u8;
    match code {
        0..=0x7F => out.push(code as u8),
        0x80..=0x7FF => out.extend([0xC0 | (code >> 6) as u8, tail(0)]),
        0x800..=0xFFFF => out.extend([0xE0 | (code >> 12) as u8, tail(6), tail(0)]),
        _ => out.extend([0xF0 | (code >> 18) as u8, tail(12), tail(6), tail(0)]),
    }
}

/// The number of characters that begin in `text[from..until]`; the last one may end later. `Err` holds the offset of
/// the first byte that is not a valid character.
pub fn count(text: &[u8], from: usize, until: usize) -> Result<usize, usize> {
    let mut at = from;
    let mut characters = 0;
    while at < until {
        at += decode(&text[at..]).ok_or(at)?.1;
        characters += 1;
    }
    Ok(characters)
}

/// Why [`offset`] has no starting point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InsideCharacter;

/// The offset of the `n`-th character counted from the one at `from` (`utf8.offset`): 1 is that character itself, 0
/// the character that contains the byte at `from`. Only continuation bytes are looked at. `None` if `text` has no
/// such character; the one just behind the end counts as one.
pub fn offset(text: &[u8], n: i64, from: usize) -> Result<Option<usize>, InsideCharacter> {
    let continues = |at: usize| text.get(at).is_some_and(|&byte| is_continuation(byte));
    let back = |mut at: usize| {
        while at > 0 && continues(at) {
            at -= 1;
        }
        at
    };
    if n == 0 {
        return Ok(Some(back(from)));
    }
    if continues(from) {
        return Err(InsideCharacter);
    }
    let mut at = from;
    let mut remaining = if n > 0 { n - 1 } else { n };
    while remaining < 0 && at > 0 {
        at = back(at - 1);
        remaining += 1;
    }
    while remaining > 0 && at < text.len() {
        at += 1;
        while continues(at) {
            at += 1;
        }
        remaining -= 1;
    }
    Ok((remaining == 0).then_some(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(code: u32) -> Vec<u8> {
        let mut out = Vec::new();
        encode(code, &mut out);
        out
    }

    #[test]
    fn known_encodings() {
        assert_eq!(encoded(0), b"\0");
        assert_eq!(encoded(0x7F), b"\x7F");
        assert_eq!(encoded(0x80), b"\xC2\x80");
        assert_eq!(encoded(0x7FF), b"\xDF\xBF");
        assert_eq!(encoded(0x800), b"\xE0\xA0\x80");
        assert_eq!(encoded(0xD800), b"\xED\xA0\x80");
        assert_eq!(encoded(0xFFFF), b"\xEF\xBF\xBF");
        assert_eq!(encoded(0x1_0000), b"\xF0\x90\x80\x80");
        assert_eq!(encoded(MAX_CODE_POINT), b"\xF4\x8F\xBF\xBF");
    }

    #[test]
    fn invalid_sequences() {
        for text in [
            &b""[..],
            b"\x80",
            b"\xC0\x80",
            b"\xC1\xBF",
            b"\xE0\x9F\xBF",
            b"\xF0\x8F\xBF\xBF",
            b"\xE4",
            b"\xE4z",
            b"\xE4\x80",
            b"\xF4\x90\x80\x80",
            b"\xF8\x88\x80\x80\x80",
            b"\xFF",
        ] {
            assert_eq!(decode(text), None, "{text:?}");
        }
        assert_eq!(decode(b"\xED\xA0\x80"), Some((0xD800, 3)));
    }

    #[test]
    fn counting() {
        let text = "a\u{e4}\u{20ac}\u{1f600}".as_bytes();
        assert_eq!(count(text, 0, text.len()), Ok(4));
        assert_eq!(count(text, 1, 2), Ok(1));
        assert_eq!(count(text, 2, text.len()), Err(2));
        assert_eq!(count(b"ab\xFFc", 0, 4), Err(2));
        assert_eq!(count(b"", 0, 0), Ok(0));
    }

    #[test]
    fn offsets() {
        let text = "a\u{e4}\u{20ac}b".as_bytes();
        assert_eq!(offset(text, 1, 0), Ok(Some(0)));
        assert_eq!(offset(text, 3, 0), Ok(Some(3)));
        assert_eq!(offset(text, 5, 0), Ok(Some(7)));
        assert_eq!(offset(text, 6, 0), Ok(None));
        assert_eq!(offset(text, -1, text.len()), Ok(Some(6)));
        assert_eq!(offset(text, -4, text.len()), Ok(Some(0)));
        assert_eq!(offset(text, -5, text.len()), Ok(None));
        assert_eq!(offset(text, 0, 5), Ok(Some(3)));
        assert_eq!(offset(text, 0, text.len()), Ok(Some(7)));
        assert_eq!(offset(text, 1, 2), Err(InsideCharacter));
    }

    proptest! {
        #[test]
        fn agrees_with_the_standard_library(character: char) {
            let bytes = encoded(u32::from(character));
            prop_assert_eq!(&bytes, &character.to_string().into_bytes());
            prop_assert_eq!(decode(&bytes), Some((u32::from(character), bytes.len())));
        }

        #[test]
        fn accepts_what_the_standard_library_accepts(bytes in prop::collection::vec(any::<u8>(), 1..5)) {
            if let Ok(text) = str::from_utf8(&bytes) {
                prop_assert_eq!(count(&bytes, 0, bytes.len()), Ok(text.chars().count()));
            }
        }
    }
}
