//! What two texts have in common, and what not: character by character.
//!
//! Texts are lists of [`Symbol`]s here: characters, or single bytes where a text is no UTF-8; so any text has its list, and
//! any list made of parts of texts is a text again.

use std::time::Instant;

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

/// A character, or a byte that belongs to none.
pub type Symbol = u32;

/// Bytes that belong to no character begin here, behind all characters.
const BYTES: Symbol = 0x11_0000;

/// The symbols of a text.
pub fn symbols(text: &[u8]) -> Vec<Symbol> {
    let mut symbols = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        symbols.extend(chunk.valid().chars().map(Symbol::from));
        symbols.extend(chunk.invalid().iter().map(|byte| BYTES + Symbol::from(*byte)));
    }
    symbols
}

/// The text of symbols.
pub fn text(symbols: &[Symbol]) -> Vec<u8> {
    let mut text = Vec::with_capacity(symbols.len());
    for symbol in symbols {
        match char::from_u32(*symbol) {
            Some(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None => text.push((symbol - BYTES) as u8),
        }
    }
    text
}

/// What becomes of a part of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// It stays.
    Equal,
    /// It goes.
    Delete,
    /// It comes.
    Insert,
}

/// A part of one text or of both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// What becomes of it.
    pub operation: Operation,
    /// Its content.
    pub text: Vec<Symbol>,
}

/// The parts of which two texts consist. After `deadline`, they are longer than they have to be.
pub fn compare(before: &[Symbol], after: &[Symbol], deadline: Option<Instant>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut add = |operation, text: &[Symbol]| {
        if !text.is_empty() {
            parts.push(Part { operation, text: text.to_vec() });
        }
    };
    for op in capture_diff_slices_deadline(Algorithm::Myers, before, after, deadline) {
        match op {
            DiffOp::Equal { old_index, len, .. } => add(Operation::Equal, &before[old_index..old_index + len]),
            DiffOp::Delete { .. } | DiffOp::Insert { .. } | DiffOp::Replace { .. } => {
                add(Operation::Delete, &before[op.old_range()]);
                add(Operation::Insert, &after[op.new_range()]);
            }
        }
    }
    parts
}

/// The text before (without what comes), or after (without what goes).
pub fn side(parts: &[Part], without: Operation) -> Vec<Symbol> {
    parts.iter().filter(|part| part.operation != without).flat_map(|part| &part.text).copied().collect()
}

/// How many symbols have to be changed, removed or added.
pub fn distance(parts: &[Part]) -> usize {
    let (mut distance, mut deleted, mut inserted) = (0, 0, 0);
    for part in parts {
        match part.operation {
            Operation::Delete => deleted += part.text.len(),
            Operation::Insert => inserted += part.text.len(),
            Operation::Equal => {
                distance += deleted.max(inserted);
                (deleted, inserted) = (0, 0);
            }
        }
    }
    distance + deleted.max(inserted)
}

/// Where a place of the text before is in the text after.
pub fn moved(parts: &[Part], place: usize) -> usize {
    let (mut before, mut after) = (0, 0);
    for part in parts {
        let len = part.text.len();
        match part.operation {
            Operation::Insert => after += len,
            _ if before + len > place => {
                return after + if part.operation == Operation::Equal { place - before } else { 0 };
            }
            Operation::Equal => (before, after) = (before + len, after + len),
            Operation::Delete => before += len,
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back() {
        for bytes in [&b""[..], b"abc", "äö€😀".as_bytes(), b"\xff\xc3a\xe2\x82", b"\0"] {
            assert_eq!(text(&symbols(bytes)), bytes);
        }
        assert_eq!(symbols("aä".as_bytes()), [0x61, 0xe4]);
    }

    #[test]
    fn parts_make_up_both_texts() {
        for (before, after, changes) in
            [("", "", 0), ("abc", "abc", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("äbc", "äc", 1)]
        {
            let (before, after) = (symbols(before.as_bytes()), symbols(after.as_bytes()));
            let parts = compare(&before, &after, None);
            assert_eq!(side(&parts, Operation::Insert), before);
            assert_eq!(side(&parts, Operation::Delete), after);
            assert_eq!(distance(&parts), changes);
        }
    }

    #[test]
    fn places_move_with_the_text() {
        let parts = compare(&symbols(b"the cat sat"), &symbols(b"the fat cat sat"), None);
        assert_eq!(moved(&parts, 0), 0);
        assert_eq!(moved(&parts, 8), 12);
        assert_eq!(moved(&parts, 11), 15);
        let parts = compare(&symbols(b"abcd"), &symbols(b"ad"), None);
        assert_eq!([1, 2, 3].map(|place| moved(&parts, place)), [1, 1, 1]);
    }
}
