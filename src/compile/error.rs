//! What can be wrong with a chunk that parsed: a limit is passed or a jump has nowhere to go.

use crate::syntax::SyntaxError;
use crate::syntax::error::{CONTEXT, LIMIT};
use crate::syntax::span::Span;

/// The result of every step that can fail; boxed, because success is what matters.
pub(super) type Result<T> = std::result::Result<T, Box<SyntaxError>>;

/// A limit of the machine is passed.
#[cold]
pub(super) fn limit(message: impl Into<String>, span: Span) -> Box<SyntaxError> {
    error(LIMIT, message.into(), span)
}

/// Something stands where it must not.
#[cold]
pub(super) fn context(message: impl Into<String>, span: Span) -> Box<SyntaxError> {
    error(CONTEXT, message.into(), span)
}

/// Something is wrong with a type or the use of one.
#[cold]
pub(super) fn types(code: &'static str, message: String, span: Span) -> Box<SyntaxError> {
    error(code, message, span)
}

fn error(code: &'static str, message: String, span: Span) -> Box<SyntaxError> {
    Box::new(SyntaxError { code, message, span, line: span.line, near: None, hint: None })
}
