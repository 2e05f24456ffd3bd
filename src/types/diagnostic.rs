//! What the checker has to say, as data (types §4.1).

use super::codes::{Code, Severity};
use super::mode::{HotComments, Mode};
use crate::syntax::Span;

/// A finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// What kind.
    pub code: Code,
    /// How bad it is; set by the mode.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What it has to do with other places, or the first difference.
    pub notes: Vec<Note>,
    /// What to do about it.
    pub help: Option<String>,
}

/// An addition to a finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// What there is to know.
    pub message: String,
    /// The place it is about.
    pub span: Option<Span>,
}

impl Diagnostic {
    /// A finding without notes.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        let message = message.into();
        Diagnostic { code, severity: Severity::Error, message, span, notes: Vec::new(), help: None }
    }

    /// Adds a note about another place.
    #[must_use]
    pub fn with_place(mut self, span: Span, message: impl Into<String>) -> Diagnostic {
        self.notes.push(Note { message: message.into(), span: Some(span) });
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn with_note(mut self, message: impl Into<String>) -> Diagnostic {
        self.notes.push(Note { message: message.into(), span: None });
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }
}

/// Findings in a chunk being checked.
#[derive(Debug)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
    pub(super) mode: Mode,
    rules: bool,
}

/// A state of [`Diagnostics`] to return to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark(usize);

impl Diagnostics {
    /// None so far.
    pub fn new(mode: Mode, rules: bool) -> Diagnostics {
        Diagnostics { found: Vec::new(), mode, rules }
    }

    /// Adds a finding, if the mode is interested.
    pub fn push(&mut self, mut diagnostic: Diagnostic) {
        if let Some(severity) = diagnostic.code.severity(self.mode, self.rules) {
            // A warning that is an error elsewhere stays what its maker made of it.
            diagnostic.severity = severity.min(diagnostic.severity);
            self.found.push(diagnostic);
        }
    }

    /// The present state.
    pub fn mark(&self) -> Mark {
        Mark(self.found.len())
    }

    /// Forgets what was found since.
    pub fn forget(&mut self, since: Mark) {
        self.found.truncate(since.0);
    }

    /// Makes all errors found since hints: the code may fail on purpose.
    pub fn soften(&mut self, since: Mark, codes: &[Code]) {
        for diagnostic in &mut self.found[since.0..] {
            if codes.contains(&diagnostic.code) {
                diagnostic.severity = Severity::Hint;
            }
        }
    }

    /// Leaves out what comments of the chunk do not want to hear of.
    pub fn ignore(&mut self, comments: &HotComments) {
        self.found.retain(|diagnostic| !comments.ignores(diagnostic.code, diagnostic.span.line));
    }

    /// The findings in the order of their places, each once.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort_by(|a, b| {
            (a.span.start, a.code, a.span.end, &a.message).cmp(&(b.span.start, b.code, b.span.end, &b.message))
        });
        self.found.dedup_by(|a, b| a.span == b.span && a.code == b.code && a.message == b.message);
        self.found
    }
}
