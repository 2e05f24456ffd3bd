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
            hint: error.hint.as_deref(),
        }
    }
}

impl<'a> From<&'a Warning> for Diagnostic<'a> {
    fn from(warning: &'a Warning) -> Self {
        let message = warning.message.to_owned();
        Diagnostic { severity: Severity::Warning, code: warning.code, message, span: warning.span, hint: None }
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
        let excerpt = Excerpt::new(source, diagnostic.span);
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let snippet = Snippet::source(excerpt.text)
            .line_start(excerpt.line)
            .path(path)
            .fold(false)
            .annotation(AnnotationKind::Primary.span(excerpt.range));
        let mut group = level.primary_title(diagnostic.message).id(diagnostic.code).element(snippet);
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

/// The line of a place, with the one before it.
struct Excerpt {
    text: String,
    /// The number of the first line in the text.
    line: usize,
    /// The place in the text; only its first line if it has several.
    range: Range<usize>,
}

impl Excerpt {
    fn new(source: &[u8], span: Span) -> Self {
        let start = (span.start as usize).min(source.len());
        let end = (span.end as usize).clamp(start, source.len());
        let line_start = line_start(source, start);
        let line_end = source[start..].iter().position(|&byte| is_newline(byte)).map_or(source.len(), |at| start + at);

        let mut text = String::new();
        let mut line = span.line.max(1) as usize;
        if line_start > 0 && line > 1 {
            line -= 1;
            let previous_end = line_start - newline_before(source, line_start);
            text.push_str(&lossy(&source[self::line_start(source, previous_end)..previous_end]));
            text.push('\n');
        }
        text.push_str(&lossy(&source[line_start..start]));
        let range_start = text.len();
        text.push_str(&lossy(&source[start..end.min(line_end)]));
        let range = range_start..text.len();
        text.push_str(&lossy(&source[end.min(line_end)..line_end]));
        Excerpt { text, line, range }
    }
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
