//! How strictly a chunk is checked, and how it says so itself (types §4.2, §4.5).

use super::codes::Code;
use super::diagnostic::{Diagnostic, Diagnostics};
use crate::syntax::Span;

/// How strictly.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// Only annotations themselves.
    Nocheck,
    /// Declared types, and what fails for certain.
    #[default]
    Nonstrict,
    /// Inferred types as well.
    Strict,
}

impl Mode {
    /// The mode of this name.
    pub fn find(name: &str) -> Option<Mode> {
        Some(match name {
            "nocheck" => Mode::Nocheck,
            "nonstrict" => Mode::Nonstrict,
            "strict" => Mode::Strict,
            _ => return None,
        })
    }
}

/// What the comments of a chunk ask for.
#[derive(Default, Debug)]
pub struct HotComments {
    /// The mode, if one is named.
    pub mode: Option<Mode>,
    /// Lines and the codes that are not to be reported there.
    ignored: Vec<(u32, Vec<Code>)>,
}

impl HotComments {
    /// Reads the comments: those of the mode before the first token, `--!ignore` anywhere.
    pub fn read(source: &[u8], diagnostics: &mut Diagnostics) -> HotComments {
        let mut found = HotComments::default();
        if find(source, b"--!").is_none() {
            return found;
        }
        let mut offset = 0;
        let mut heading = true;
        let mut reports = Vec::new();
        for (number, line) in lines(source).enumerate() {
            let span = |from: usize, length: usize| {
                let start = (offset + from) as u32;
                let line = number as u32 + 1;
                Span { start, end: start + length as u32, line, end_line: line }
            };
            let text = line.trim_ascii();
            let first_line = number == 0 && text.starts_with(b"#");
            heading &= first_line || text.is_empty() || text.starts_with(b"--");
            // A long comment may hold anything, so that it ends the heading.
            if text.starts_with(b"--[[") || text.starts_with(b"--[=") {
                heading = false;
            }
            if let Some(word) = text.strip_prefix(b"--!").filter(|_| heading) {
                let word = word.split(u8::is_ascii_whitespace).next().unwrap_or_default();
                let name = String::from_utf8_lossy(word).into_owned();
                let place = span(line.len() - line.trim_ascii_start().len(), text.len());
                match (Mode::find(&name), found.mode) {
                    (Some(mode), None) => found.mode = Some(mode),
                    (Some(_), Some(_)) => {
                        reports.push((place, "the mode is chosen by the first such comment".to_owned(), None));
                    }
                    (None, _) => {
                        if let Some(meant) = ["nocheck", "nonstrict", "strict"]
                            .into_iter()
                            .find(|mode| super::names::distance(mode.as_bytes(), name.as_bytes()) <= 2)
                        {
                            let help = format!("did you mean '--!{meant}'?");
                            reports.push((place, format!("unknown mode '{name}'"), Some(help)));
                        }
                    }
                }
            }
            if let Some(at) = find(line, b"--!ignore") {
                let codes = line[at + 9..]
                    .split(|byte| matches!(byte, b',' | b' ' | b'\t'))
                    .filter_map(|word| Code::find(std::str::from_utf8(word).ok()?))
                    .collect();
                // Alone on its line it speaks of the next one.
                let alone = line[..at].trim_ascii().is_empty();
                found.ignored.push((number as u32 + 1 + u32::from(alone), codes));
            }
            offset += line.len() + 1;
        }
        for (span, message, help) in reports {
            let mut report = Diagnostic::new(Code::BAD_MODE, span, message);
            report.help = help;
            diagnostics.push(report);
        }
        found
    }

    /// Whether a diagnostic with this code is unwanted on this line.
    pub fn ignores(&self, code: Code, line: u32) -> bool {
        self.ignored.iter().any(|(at, codes)| *at == line && codes.contains(&code))
    }
}

fn lines(source: &[u8]) -> impl Iterator<Item = &[u8]> {
    source.split(|byte| *byte == b'\n')
}

fn find(line: &[u8], word: &[u8]) -> Option<usize> {
    memchr::memmem::find(line, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> (HotComments, usize) {
        let mut diagnostics = Diagnostics::new(Mode::Nonstrict, false);
        let comments = HotComments::read(source.as_bytes(), &mut diagnostics);
        (comments, diagnostics.finish().len())
    }

    #[test]
    fn the_first_comment_counts() {
        assert_eq!(read("--!strict\nreturn 1").0.mode, Some(Mode::Strict));
        assert_eq!(read("#!/usr/bin/moonlet\n-- text\n--!nocheck\n").0.mode, Some(Mode::Nocheck));
        assert_eq!(read("return 1\n--!strict").0.mode, None);
        let (comments, reports) = read("--!strict\n--!nonstrict\nreturn 1");
        assert_eq!((comments.mode, reports), (Some(Mode::Strict), 1));
    }

    #[test]
    fn words_that_look_like_modes() {
        assert_eq!(read("--!strct\n").1, 1);
        assert_eq!(read("--!native\n--!optimize 2\n").1, 0);
    }

    #[test]
    fn ignored_lines() {
        let (comments, _) = read("x = y --!ignore E0006\n--!ignore E0001, E0004\nz()\n");
        assert!(comments.ignores(Code::UNDEFINED_GLOBAL, 1) && !comments.ignores(Code::MISMATCH, 1));
        assert!(comments.ignores(Code::NO_FIELD, 3) && !comments.ignores(Code::NO_FIELD, 2));
    }
}
