//! Places in a source text.

/// A half-open range of byte offsets with the lines of its ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
    /// 1-based line of the first byte, counted as Lua counts lines.
    pub line: u32,
    /// Line of the last byte.
    pub end_line: u32,
}

impl Span {
    /// The span from the start of `self` to the end of `other`.
    pub fn to(self, other: Span) -> Span {
        if other.end < self.end { self } else { Span { end: other.end, end_line: other.end_line, ..self } }
    }
}
