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

/// The column of a byte, from 1; columns count bytes.
pub fn column(source: &[u8], at: u32) -> usize {
    let at = (at as usize).min(source.len());
    let line = source[..at].iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |newline| newline + 1);
    at - line + 1
}

#[cfg(test)]
mod tests {
    use super::column;

    #[test]
    fn columns_count_bytes_from_one() {
        let source = "local x\r\nlocal é = 1".as_bytes();
        assert_eq!(column(source, 0), 1);
        assert_eq!(column(source, 9), 1);
        assert_eq!(column(source, 15), 7);
        assert_eq!(column(source, source.len() as u32 + 9), 13);
    }
}
