//! Random values: bytes of the operating system, good enough for keys. (The runtime's driver has others, which are quicker.)

use uuid::Builder;

use super::{answer, charge};
use crate::modules::fields::{self, invalid};
use crate::modules::succeed_with_text;
use crate::runtime::errors::{ErrorData, INTERNAL};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};

pub(super) static LIBRARY: Library = Library {
    name: "crypto.random",
    global: false,
    natives: &[Native::new("bytes", bytes), Native::new("string", string), Native::new("uuid", uuid)],
    constants: &[],
};

/// Bytes or characters that may be asked for.
const MAX_LENGTH: i64 = 1 << 20;

const LETTERS_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Fills a buffer with random bytes.
///
/// # Errors
/// `Internal` if the operating system has none.
pub fn fill(buffer: &mut [u8]) -> Result<(), ErrorData> {
    getrandom::fill(buffer).map_err(|error| ErrorData::judged(INTERNAL, &format!("no random bytes: {error}"), false))
}

/// So many random bytes.
///
/// # Errors
/// As [`fill`].
pub fn random_bytes(n: usize) -> Result<Vec<u8>, ErrorData> {
    let mut bytes = vec![0; n];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// The length in the first argument.
fn length(n: i64) -> Result<usize, ErrorData> {
    match n {
        1..=MAX_LENGTH => Ok(n as usize),
        _ => Err(invalid(format!("the length must be between 1 and {MAX_LENGTH}"))),
    }
}

/// `crypto.random.bytes(n)`
fn bytes(vm: &mut Vm, args: Args) -> NativeResult {
    let n = args.check_int(vm, 0)?;
    charge(vm, n.clamp(0, MAX_LENGTH) as usize);
    answer(vm, length(n).and_then(random_bytes))
}

/// `crypto.random.string(n, charset?)`
fn string(vm: &mut Vm, args: Args) -> NativeResult {
    let n = args.check_int(vm, 0)?;
    let charset = if args.get(vm, 1).is_nil() { LETTERS_AND_DIGITS } else { args.check_bytes(vm, 1)? };
    charge(vm, n.clamp(0, MAX_LENGTH) as usize + charset.len());
    answer(vm, length(n).and_then(|n| pick(n, charset)))
}

/// So many of these characters: bytes, if they are no UTF-8.
fn pick(n: usize, charset: &[u8]) -> Result<Vec<u8>, ErrorData> {
    let characters: Vec<&[u8]> = match std::str::from_utf8(charset) {
        Ok(text) => text.char_indices().map(|(at, c)| &charset[at..at + c.len_utf8()]).collect(),
        Err(_) => charset.chunks(1).collect(),
    };
    let count = u32::try_from(characters.len()).map_err(|_| invalid("too many characters"))?;
    if count == 0 {
        return Err(invalid("the set of characters is empty"));
    }
    // From here on, some characters would be likelier than others.
    let limit = u32::MAX - u32::MAX % count;
    let (mut picked, mut left) = (Vec::with_capacity(n), n);
    while left > 0 {
        for word in random_bytes(4 * left)?.chunks_exact(4) {
            let word = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
            if word < limit {
                picked.extend_from_slice(characters[(word % count) as usize]);
                left -= 1;
            }
        }
    }
    Ok(picked)
}

/// `crypto.random.uuid()`
fn uuid(vm: &mut Vm, _: Args) -> NativeResult {
    let mut bytes = [0; 16];
    match fill(&mut bytes) {
        Ok(()) => {
            let uuid = Builder::from_random_bytes(bytes).into_uuid();
            succeed_with_text(vm, uuid.hyphenated().to_string().as_bytes())
        }
        Err(error) => fields::fail(vm, error),
    }
}
