//! Binary chunks: compiled functions as bytes, for `string.dump` and `load`.
//!
//! The format is moonlet's own, but its head is that of Lua 5.3 as far as programs look at it: tools tell a chunk from
//! text, `load` words its complaints as Lua does, and the reference implementation refuses a chunk of moonlet at the
//! fingerprint, where it expects a certain float, just as moonlet refuses one of it.
//!
//! | bytes | meaning |
//! | --- | --- |
//! | `ESC L u a` | signature |
//! | `0x53` `0` | version of Lua and of the format |
//! | `0x19 0x93 CR LF 0x1a LF` | finds transfers that change line ends or drop bits |
//! | `4 8 4 8 8` | sizes of numbers in the reference implementation |
//! | 8 bytes | the integer `0x5678`, little endian like all numbers here |
//! | 8 bytes | [`FINGERPRINT`] of the instruction set and of this format |
//! | the rest | the main function, as in `write`; its types, as in `types` |
//!
//! What follows the main function is ignored. Hints in instructions are not part of a chunk, so the same source always
//! gives the same bytes.
//!
//! House rules:
//! * `write` and `read` are mirror images; whatever changes in one changes in the other, and [`FORMAT`] with it.
//! * `read` trusts no number: it allocates nothing before the bytes for it have been seen.
//! * Nobody gets a function out of bytes but through [`undump`], which verifies it.

mod read;
#[cfg(test)]
mod tests;
mod types;
mod write;

use std::fmt;
use std::sync::Arc;

use super::op::FINGERPRINT;
use super::proto::Proto;
use super::verify::{Rejection, verify};

pub use write::dump;

/// First byte of a binary chunk; no source text begins with it.
pub const MARK: u8 = 0x1b;

/// Counts the changes of what follows the head.
const FORMAT: u64 = 2;

/// The head of a chunk in parts, each with what is wrong if it is another.
const HEAD: [(&[u8], BinaryError); 10] = [
    (&[MARK, b'L', b'u', b'a'], BinaryError::Signature),
    (&[0x53], BinaryError::Mismatch("version")),
    (&[0], BinaryError::Mismatch("format")),
    (b"\x19\x93\r\n\x1a\n", BinaryError::Corrupted),
    (&[4], BinaryError::Mismatch("int size")),
    (&[8], BinaryError::Mismatch("size_t size")),
    (&[4], BinaryError::Mismatch("Instruction size")),
    (&[8, 8], BinaryError::Mismatch("number size")),
    (&0x5678_u64.to_le_bytes(), BinaryError::Mismatch("endianness")),
    (&FINGERPRINT.wrapping_add(FORMAT).to_le_bytes(), BinaryError::Mismatch("instruction set")),
];

/// Name of the chunk in functions whose own has been stripped.
const NO_SOURCE: &[u8] = b"=?";

/// How deep functions may nest: a little more than the parser lets them.
const MAX_NESTING: usize = 256;

/// Tags of constants.
mod constant {
    pub(super) const NIL: u8 = 0;
    pub(super) const FALSE: u8 = 1;
    pub(super) const TRUE: u8 = 2;
    pub(super) const INTEGER: u8 = 3;
    pub(super) const FLOAT: u8 = 4;
    pub(super) const STRING: u8 = 5;
    pub(super) const TYPE: u8 = 6;
}

/// Where the types of a function are.
mod type_table {
    pub(super) const NONE: u8 = 0;
    /// In the function around it.
    pub(super) const ENCLOSING: u8 = 1;
    /// They follow.
    pub(super) const OWN: u8 = 2;
}

/// Tags of captured variables: where they come from, and a bit for cells.
mod capture {
    pub(super) const REGISTER: u8 = 0;
    pub(super) const CAPTURED: u8 = 1;
    pub(super) const ITSELF: u8 = 2;
    pub(super) const CELL: u8 = 4;
}

/// Why bytes are no chunk that can run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BinaryError {
    /// It ends too early.
    Truncated,
    /// It does not begin with the signature.
    Signature,
    /// It was made for another version of Lua, another machine, or another instruction set.
    Mismatch(&'static str),
    /// Something in it makes no sense.
    Corrupted,
    /// It can be read, but must not run.
    Rejected(Rejection),
}

impl BinaryError {
    /// The message of `load`; `name` is the name of the chunk, with prefix if it has one.
    ///
    /// ```
    /// use moonlet::bytecode::binary::undump;
    /// let error = undump(b"\x1bLua").unwrap_err();
    /// assert_eq!(error.message(b"@code.luac"), b"code.luac: truncated precompiled chunk");
    /// ```
    pub fn message(&self, name: &[u8]) -> Vec<u8> {
        let shown = match name.split_first() {
            Some((b'@' | b'=', rest)) => rest,
            Some((&MARK, _)) => b"binary string",
            _ => name,
        };
        [shown, format!(": {self}").as_bytes()].concat()
    }
}

impl fmt::Display for BinaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BinaryError::Truncated => f.write_str("truncated precompiled chunk"),
            BinaryError::Signature => f.write_str("not a precompiled chunk"),
            BinaryError::Mismatch(what) => write!(f, "{what} mismatch in precompiled chunk"),
            BinaryError::Corrupted => f.write_str("corrupted precompiled chunk"),
            BinaryError::Rejected(rejection) => write!(f, "corrupted precompiled chunk ({rejection})"),
        }
    }
}

impl std::error::Error for BinaryError {}

/// The main function of a binary chunk, verified: the machine may run it whoever has written it.
///
/// # Errors
/// The bytes are no whole chunk of this format, or the code in it does what compiled code never would.
///
/// ```
/// use moonlet::bytecode::binary::{dump, undump};
/// let proto = moonlet::compile::compile_source(b"return 1 + 2", b"=demo").unwrap();
/// assert_eq!(*undump(&dump(&proto, false)).unwrap(), *proto);
/// ```
pub fn undump(chunk: &[u8]) -> Result<Arc<Proto>, BinaryError> {
    let proto = read::read(chunk)?;
    verify(&proto).map_err(BinaryError::Rejected)?;
    Ok(proto)
}
