//! Scanners: the tokens of a stream, one after the other.

use std::sync::Arc;

use parking_lot::Mutex;
use smallvec::smallvec;

use super::fields::error_value;
use super::stream::Stream;
use crate::runtime::errors::{ErrorData, INTERNAL};
use crate::runtime::operation::run_future;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// Scanners.
pub static SCANNER: Class = Class {
    name: "stream.Scanner",
    methods: &[Native::new("scan", scan), Native::new("text", text), Native::new("err", err)],
    metamethods: &[],
};

/// Longest token.
const MOST_BYTES: usize = 64 * 1024;

/// What the tokens are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// Lines without their ends.
    Lines,
    /// What lies between white space.
    Words,
    /// Single bytes.
    Bytes,
    /// Characters of UTF-8; a byte that belongs to none is U+FFFD.
    Runes,
}

impl Split {
    /// The split of a name.
    pub fn named(name: &[u8]) -> Option<Split> {
        match name {
            b"lines" => Some(Split::Lines),
            b"words" => Some(Split::Words),
            b"bytes" => Some(Split::Bytes),
            b"runes" => Some(Split::Runes),
            _ => None,
        }
    }

    /// The first token of `bytes`, and how many of them it takes up; `None` if more bytes are needed. With `ended`, there
    /// are no more; then `None` means that there is no token.
    fn next(self, bytes: &[u8], ended: bool) -> Option<(Vec<u8>, usize)> {
        match self {
            Split::Lines => match memchr::memchr(b'\n', bytes) {
                Some(end) => Some((bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]).to_vec(), end + 1)),
                None if ended && !bytes.is_empty() => {
                    Some((bytes.strip_suffix(b"\r").unwrap_or(bytes).to_vec(), bytes.len()))
                }
                None => None,
            },
            Split::Words => {
                let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
                let end = bytes[start..].iter().position(u8::is_ascii_whitespace).map(|len| start + len);
                match end {
                    Some(end) => Some((bytes[start..end].to_vec(), end + 1)),
                    None if ended => Some((bytes[start..].to_vec(), bytes.len())),
                    None => None,
                }
            }
            Split::Bytes => bytes.first().map(|byte| (vec![*byte], 1)),
            Split::Runes => {
                let chunk = bytes.utf8_chunks().next()?;
                match chunk.valid().chars().next() {
                    Some(char) => Some((char.to_string().into_bytes(), char.len_utf8())),
                    // The beginning of a character that may go on.
                    None if !ended && chunk.invalid().len() == bytes.len() && bytes.len() < 4 => None,
                    None => Some(("\u{fffd}".into(), chunk.invalid().len())),
                }
            }
        }
    }
}

struct Scanner(Arc<Shared>);

struct Shared {
    stream: Stream,
    split: Split,
    /// Held by the scan that is under way.
    ahead: tokio::sync::Mutex<Ahead>,
    found: Mutex<Found>,
}

/// What has been read and not yet scanned.
#[derive(Default)]
struct Ahead {
    bytes: Vec<u8>,
    ended: bool,
}

/// What the last scan has found.
#[derive(Default)]
struct Found {
    token: Vec<u8>,
    error: Option<Box<str>>,
}

impl UserData for Scanner {
    fn class(&self) -> &'static str {
        SCANNER.name
    }
}

impl Shared {
    /// Goes to the next token, if there is one.
    async fn scan(&self) -> Result<bool, ErrorData> {
        let mut ahead = self.ahead.lock().await;
        let outcome = self.next(&mut ahead).await;
        let mut found = self.found.lock();
        let (token, error) = match &outcome {
            Ok(token) => (token.clone(), None),
            Err(error) => (None, Some(error.message.clone())),
        };
        *found = Found { token: token.unwrap_or_default(), error };
        outcome.map(|token| token.is_some())
    }

    async fn next(&self, ahead: &mut Ahead) -> Result<Option<Vec<u8>>, ErrorData> {
        loop {
            if let Some((token, len)) = self.split.next(&ahead.bytes, ahead.ended) {
                ahead.bytes.drain(..len);
                return Ok(Some(token));
            }
            if ahead.ended {
                return Ok(None);
            }
            if ahead.bytes.len() > MOST_BYTES {
                return Err(ErrorData::judged(INTERNAL, "scanner: token too long", false));
            }
            match self.stream.read(MOST_BYTES).await? {
                Some(bytes) => ahead.bytes.extend_from_slice(&bytes),
                None => ahead.ended = true,
            }
        }
    }
}

/// A scanner of a stream, as a value.
pub fn new_value(vm: &mut Vm, stream: Stream, split: Split) -> Value {
    let shared = Shared { stream, split, ahead: Default::default(), found: Mutex::default() };
    let metatable = vm.image.class(&SCANNER);
    Value::userdata(vm.heap.new_userdata(Scanner(Arc::new(shared)), metatable))
}

fn this(vm: &mut Vm, args: Args) -> Result<Arc<Shared>, Box<LuaError>> {
    args.check_userdata::<Scanner>(vm, 0, SCANNER.name).map(|scanner| Arc::clone(&scanner.0))
}

fn scan(vm: &mut Vm, args: Args) -> NativeResult {
    let scanner = this(vm, args)?;
    let scan = async move { scanner.scan().await };
    run_future(vm, "scan", scan, |vm, result| match result {
        Ok(found) => Ok(smallvec![Value::bool(found), Value::NIL]),
        Err(error) => Ok(smallvec![Value::FALSE, error_value(vm, error)]),
    })
}

fn text(vm: &mut Vm, args: Args) -> NativeResult {
    let scanner = this(vm, args)?;
    let token = vm.string(&scanner.found.lock().token)?;
    vm.answer(token)
}

fn err(vm: &mut Vm, args: Args) -> NativeResult {
    let scanner = this(vm, args)?;
    let error = match &scanner.found.lock().error {
        Some(message) => vm.string(message.as_bytes())?,
        None => Value::NIL,
    };
    vm.answer(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(split: Split, pieces: &[&[u8]]) -> Vec<String> {
        let (mut bytes, mut pieces, mut tokens) = (Vec::new(), pieces.iter(), Vec::new());
        let mut ended = false;
        loop {
            match split.next(&bytes, ended) {
                Some((token, len)) => {
                    bytes.drain(..len);
                    tokens.push(String::from_utf8_lossy(&token).into_owned());
                }
                None if ended => return tokens,
                None => match pieces.next() {
                    Some(piece) => bytes.extend_from_slice(piece),
                    None => ended = true,
                },
            }
        }
    }

    #[test]
    fn tokens_do_not_depend_on_the_pieces() {
        assert_eq!(tokens(Split::Lines, &[b"a\r", b"\n\nb", b"c\nd\r"]), ["a", "", "bc", "d"]);
        assert_eq!(tokens(Split::Lines, &[b"a\n"]), ["a"]);
        assert_eq!(tokens(Split::Words, &[b"  on", b"e\ttwo\n", b" "]), ["one", "two"]);
        assert_eq!(tokens(Split::Bytes, &[b"ab", b"c"]), ["a", "b", "c"]);
        assert_eq!(
            tokens(Split::Runes, &[b"a\xc3", b"\xa4\xf0\x9f", b"\x8c\x99\xff", b"z\xe2"]),
            ["a", "ä", "🌙", "\u{fffd}", "z", "\u{fffd}"]
        );
        for split in [Split::Lines, Split::Words, Split::Bytes, Split::Runes] {
            assert!(tokens(split, &[]).is_empty());
        }
    }
}
