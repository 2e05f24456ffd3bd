//! Errors and warnings for people: with the source lines they are about and carets under the culprit.
//!
//! Only the lines around a place are handed to the renderer, cut out by Lua's idea of a line (a lone `\r` ends one), so
//! that line numbers agree with the messages and a large file costs nothing. Bytes that are not UTF-8 are shown as `�`.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::error::{SyntaxError, Warning};
use super::span::Span;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The chunk is refused.
    Error,
    /// The chunk is accepted.
    Warning,
    /// It is worth knowing, no more.
    Hint,
}

/// Something to say about a place in a source.
#[derive(Clone, Debug)]
pub struct Diagnostic<'a> {
    /// How bad it is.
    pub severity: Severity,
    /// Its code, such as `P0001`.
    pub code: &'a str,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What else there is to know, maybe about another place in the same source.
    pub notes: Vec<(&'a str, Option<Span>)>,
    /// What to do about it.
    pub hint: Option<&'a str>,
}

impl<'a> From<&'a SyntaxError> for Diagnostic<'a> {
    fn from(error: &'a SyntaxError) -> Self {
        Diagnostic {
            severity: Severity::Error,
            code: error.code,
            message: error.message_with_token(),
            span: error.span,
            notes: Vec::new(),
            hint: error.hint.as_deref(),
        }
    }
}

impl<'a> From<&'a Warning> for Diagnostic<'a> {
    fn from(warning: &'a Warning) -> Self {
        let message = warning.message.to_owned();
        Diagnostic {
            severity: Severity::Warning,
            code: warning.code,
            message,
            span: warning.span,
            notes: Vec::new(),
            hint: None,
        }
    }
}

/// Renders diagnostics about `source`, whose displayed name is `path`, one after the other. `color` adds terminal
/// escape sequences.
pub fn render<'a>(
    source: &[u8],
    path: &str,
    diagnostics: impl IntoIterator<Item = Diagnostic<'a>>,
    color: bool,
) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for diagnostic in diagnostics {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Hint => Level::NOTE.with_name("hint"),
        };
        let places = diagnostic.notes.iter().filter_map(|(text, span)| span.map(|span| (*text, span)));
        let (near, far): (Vec<_>, Vec<_>) = places.partition(|(_, span)| is_near(diagnostic.span, *span));
        let spans: Vec<Span> = std::iter::once(diagnostic.span).chain(near.iter().map(|(_, span)| *span)).collect();
        let excerpt = Excerpt::new(source, &spans);
        let mut snippet = Snippet::source(excerpt.text)
            .line_start(excerpt.line)
            .path(path)
            .fold(false)
            .annotation(AnnotationKind::Primary.span(excerpt.ranges[0].clone()));
        for ((text, _), range) in near.iter().zip(&excerpt.ranges[1..]) {
            snippet = snippet.annotation(AnnotationKind::Context.span(range.clone()).label(*text));
        }
        let mut group = level.primary_title(diagnostic.message).id(diagnostic.code).element(snippet);
        for (text, span) in &far {
            let excerpt = Excerpt::new(source, &[*span]);
            let snippet = Snippet::source(excerpt.text)
                .line_start(excerpt.line)
                .path(path)
                .fold(false)
                .annotation(AnnotationKind::Context.span(excerpt.ranges[0].clone()).label(*text));
            group = group.element(snippet);
        }
        for (text, _) in diagnostic.notes.iter().filter(|(_, span)| span.is_none()) {
            group = group.element(Level::NOTE.message(*text));
        }
        if let Some(hint) = diagnostic.hint {
            group = group.element(Level::HELP.message(hint));
        }
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        out.push_str(&renderer.render(&[group]));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// Whether two places are shown in one excerpt.
fn is_near(a: Span, b: Span) -> bool {
    const LINES: u32 = 6;
    a.line.abs_diff(b.line) <= LINES
}

/// The lines of some places, with the one before them.
struct Excerpt {
    text: String,
    /// The number of the first line in the text.
    line: usize,
    /// The places in the text; of each only its first line if it has several.
    ranges: Vec<Range<usize>>,
}

impl Excerpt {
    /// The excerpt around one place or more that are near each other.
    fn new(source: &[u8], places: &[Span]) -> Self {
        let start_of = |span: &Span| (span.start as usize).min(source.len());
        let line_end = |start: usize| {
            source[start..].iter().position(|&byte| is_newline(byte)).map_or(source.len(), |at| start + at)
        };
        let first = places.iter().min_by_key(|span| span.start).copied().unwrap_or_default();
        let last = places.iter().map(start_of).max().unwrap_or_default();
        let mut from = line_start(source, start_of(&first));
        let mut line = first.line.max(1) as usize;
        if from > 0 && line > 1 {
            line -= 1;
            from = line_start(source, from - newline_before(source, from));
        }

        // Every place begins and ends between two pieces, since pieces are converted one by one.
        let mut cuts = vec![from, line_end(last)];
        let mut marked = Vec::new();
        for span in places {
            let start = start_of(span);
            let end = (span.end as usize).clamp(start, line_end(start));
            cuts.extend([start, end]);
            marked.push(start..end);
        }
        cuts.sort_unstable();
        let mut text = String::new();
        let mut offsets = vec![(from, 0)];
        for pair in cuts.windows(2) {
            push_lines(&source[pair[0]..pair[1]], &mut text);
            offsets.push((pair[1], text.len()));
        }
        let offset = |at: usize| offsets.iter().rev().find(|(cut, _)| *cut == at).map_or(0, |(_, offset)| *offset);
        let ranges = marked.into_iter().map(|range| offset(range.start)..offset(range.end)).collect();
        Excerpt { text, line, ranges }
    }
}

/// Adds bytes as text, with `\n` for every newline.
fn push_lines(mut bytes: &[u8], text: &mut String) {
    while let Some(at) = bytes.iter().position(|&byte| is_newline(byte)) {
        text.push_str(&lossy(&bytes[..at]));
        text.push('\n');
        let pair = bytes.get(at + 1).is_some_and(|next| is_newline(*next) && *next != bytes[at]);
        bytes = &bytes[at + 1 + usize::from(pair)..];
    }
    text.push_str(&lossy(bytes));
}

fn is_newline(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The length of the newline sequence that ends at `at`.
fn newline_before(source: &[u8], at: usize) -> usize {
    let pair = at >= 2 && is_newline(source[at - 2]) && source[at - 2] != source[at - 1];
    if pair { 2 } else { 1 }
}

/// The offset of the first byte of the line that holds the byte at `at`.
fn line_start(source: &[u8], at: usize) -> usize {
    source[..at].iter().rposition(|&byte| is_newline(byte)).map_or(0, |newline| newline + 1)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::{parse, parse_recovering};
    use super::{Diagnostic, render};

    fn errors(source: &[u8]) -> String {
        let (_, errors) = parse_recovering(source);
        render(source, "demo.lua", errors.iter().map(Diagnostic::from), false)
    }

    #[test]
    fn several_errors() {
        insta::assert_snapshot!(errors(b"local x = = 1\nlocal y = 2\n\tif y != x then end\n"), @r#"
        error[P0001]: unexpected symbol near '='
         --> demo.lua:1:11
          |
        1 | local x = = 1
          |           ^

        error[P0001]: unexpected symbol near '='
         --> demo.lua:3:8
          |
        2 | local y = 2
        3 |     if y != x then end
          |           ^
          |
          = help: 'not equal' is written '~='; a value asserted with '!' cannot be assigned to
        "#);
    }

    #[test]
    fn end_of_source() {
        insta::assert_snapshot!(errors(b"if x then\n  f()\n"), @r#"
        error[P0001]: 'end' expected (to close 'if' at line 1) near <eof>
         --> demo.lua:2:7
          |
        2 |   f()
          |      ^
        "#);
    }

    #[test]
    fn bytes_that_are_not_text() {
        insta::assert_snapshot!(errors(b"local s = '\xFF\xFE' \x80 = \xE4\r\nx =\r"), @r#"
        error[P0001]: unexpected symbol near '<\128>'
         --> demo.lua:1:16
          |
        1 | local s = '��' � = �
          |                ^
        "#);
    }

    #[test]
    fn warnings() {
        let source = b"local a = b\n(f or g)()";
        let ast = parse(source).expect("the source is valid");
        let text = render(source, "demo.lua", ast.warnings.iter().map(Diagnostic::from), false);
        insta::assert_snapshot!(text, @r#"
        warning[W0011]: this '(' calls the value that ends the line before; write ';' between them for two statements
         --> demo.lua:2:1
          |
        1 | local a = b
        2 | (f or g)()
          | ^
        "#);
    }

    #[test]
    fn nothing_to_say() {
        assert_eq!(errors(b"return 1"), "");
    }
}
