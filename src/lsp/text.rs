//! Documents, and places in them as the protocol counts: lines from 0, and UTF-16 units in a line. What is no UTF-8 in a
//! file counts as one unit for each sequence that is replaced when it is shown.

use lsp_types::{Position, Range, TextDocumentContentChangeEvent};

use crate::syntax::Span;

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A text with the places where its lines begin.
pub(super) struct Text {
    bytes: Vec<u8>,
    starts: Vec<u32>,
}

impl Text {
    pub(super) fn new(bytes: Vec<u8>) -> Text {
        let starts = line_starts(&bytes);
        Text { bytes, starts }
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same length of bytes for the checker, which knows neither byte order marks nor first lines with `#`.
    pub(super) fn source(&self) -> Vec<u8> {
        let mut source = self.bytes.clone();
        let mut start = 0;
        if source.starts_with(BYTE_ORDER_MARK) {
            start = BYTE_ORDER_MARK.len();
        }
        let mut end = start;
        if source.get(start) == Some(&b'#') {
            end += source[start..].iter().position(|byte| *byte == b'\n').unwrap_or(source.len() - start);
        }
        source[..end.max(start)].fill(b' ');
        source
    }

    /// The bytes of a line, with its end, and where it begins.
    fn line(&self, line: usize) -> (u32, &[u8]) {
        let Some(&start) = self.starts.get(line) else { return (self.bytes.len() as u32, &[]) };
        let end = self.starts.get(line + 1).map_or(self.bytes.len(), |end| *end as usize);
        (start, &self.bytes[start as usize..end])
    }

    /// The place of a byte.
    pub(super) fn position(&self, offset: u32) -> Position {
        let offset = offset.min(self.bytes.len() as u32);
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        let (start, bytes) = self.line(line);
        let character = units(&bytes[..(offset - start) as usize]);
        Position { line: line as u32, character }
    }

    /// The byte at a place; a place beyond the end of its line means that end.
    pub(super) fn offset(&self, position: Position) -> u32 {
        let (start, line) = self.line(position.line as usize);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (mut offset, mut left) = (start, position.character);
        for chunk in line.utf8_chunks() {
            for c in chunk.valid().chars() {
                let units = c.len_utf16() as u32;
                if left < units {
                    return offset;
                }
                left -= units;
                offset += c.len_utf8() as u32;
            }
            if !chunk.invalid().is_empty() {
                if left == 0 {
                    return offset;
                }
                left -= 1;
                offset += chunk.invalid().len() as u32;
            }
        }
        offset
    }

    /// The places of a span.
    pub(super) fn range(&self, span: Span) -> Range {
        Range { start: self.position(span.start), end: self.position(span.end) }
    }

    /// The bytes of a span.
    pub(super) fn slice(&self, span: Span) -> &[u8] {
        self.bytes.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Does what the user has done.
    pub(super) fn change(&mut self, change: TextDocumentContentChangeEvent) {
        match change.range {
            Some(range) => {
                let (start, end) = (self.offset(range.start) as usize, self.offset(range.end) as usize);
                self.bytes.splice(start..end.max(start), change.text.into_bytes());
            }
            None => self.bytes = change.text.into_bytes(),
        }
        self.starts = line_starts(&self.bytes);
    }
}

/// UTF-16 units of a part of a line.
fn units(bytes: &[u8]) -> u32 {
    let chunks = bytes.utf8_chunks();
    chunks.map(|chunk| chunk.valid().encode_utf16().count() as u32 + u32::from(!chunk.invalid().is_empty())).sum()
}

/// A line ends with `\n`, `\r\n` or `\r`.
fn line_starts(bytes: &[u8]) -> Vec<u32> {
    let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    std::iter::once(0).chain(ends.map(|(at, _)| at as u32 + 1)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    fn text(bytes: impl Into<Vec<u8>>) -> Text {
        Text::new(bytes.into())
    }

    #[test]
    fn units_are_those_of_utf_16() {
        let text = text("aä\u{10000}z\r\nb\rc\n");
        for (offset, position) in [
            (0, at(0, 0)),
            (1, at(0, 1)),
            (3, at(0, 2)),
            (7, at(0, 4)),
            (8, at(0, 5)),
            (10, at(1, 0)),
            (12, at(2, 0)),
            (14, at(3, 0)),
        ] {
            assert_eq!((text.position(offset), text.offset(position)), (position, offset));
        }
        assert_eq!(text.offset(at(0, 3)), 3, "within a character");
        assert_eq!((text.offset(at(0, 99)), text.offset(at(99, 0)), text.position(99)), (8, 14, at(3, 0)));
    }

    #[test]
    fn what_is_no_utf_8_counts_too() {
        let text = text(b"a\xff\xffb".to_vec());
        assert_eq!((text.position(3), text.offset(at(0, 3)), text.offset(at(0, 2))), (at(0, 3), 3, 2));
    }

    #[test]
    fn first_lines_are_blanked() {
        assert_eq!(text("#!/bin/x\nlocal x").source(), b"        \nlocal x");
        assert_eq!(text("\u{feff}#x\nx = 1").source(), b"     \nx = 1");
        assert_eq!(text("\u{feff}x = #t").source(), b"   x = #t");
        assert_eq!(text("#").source(), b" ");
        assert_eq!(text("").source(), b"");
    }

    fn edit(range: Option<(Position, Position)>, text: &str) -> TextDocumentContentChangeEvent {
        let range = range.map(|(start, end)| Range { start, end });
        TextDocumentContentChangeEvent { range, range_length: None, text: text.to_owned() }
    }

    #[test]
    fn changes() {
        let mut text = text("one\ntwö\nthree");
        text.change(edit(Some((at(1, 2), at(1, 3))), "o"));
        text.change(edit(Some((at(0, 3), at(1, 0))), " "));
        text.change(edit(Some((at(1, 5), at(1, 5))), "!\n"));
        assert_eq!(text.bytes(), b"one two\nthree!\n");
        assert_eq!(text.position(15), at(2, 0));
        text.change(edit(Some((at(1, 0), at(0, 0))), "> "));
        assert_eq!(text.bytes(), b"one two\n> three!\n", "a range the wrong way round is a place");
        text.change(edit(None, "all"));
        assert_eq!(text.bytes(), b"all");
    }

    proptest! {
        #[test]
        fn places_and_bytes_mean_the_same(content in "[aäß€𐐀\r\n]{0,40}") {
            let text = text(content.clone());
            for (offset, _) in content.char_indices().chain([(content.len(), ' ')]) {
                let position = text.position(offset as u32);
                // The inside of a `\r\n` is the end of its line.
                let inside = content[..offset].ends_with('\r') && content[offset..].starts_with('\n');
                prop_assert_eq!(text.offset(position), offset as u32 - u32::from(inside));
            }
        }
    }
}
