//! What can be wrong with a chunk that parsed.

use std::fmt;

use crate::syntax::span::Span;

/// A chunk that cannot be compiled: a limit is passed or a `goto` has no place to go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompileError {
    /// The text, as Lua words it, without position.
    pub message: String,
    /// Where.
    pub span: Span,
}

impl CompileError {
    /// The message with its position, where `chunk` is the displayed name of the chunk.
    pub fn lua_message(&self, chunk: &str) -> String {
        format!("{chunk}:{}: {}", self.span.line, self.message)
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.span.line, self.message)
    }
}

impl std::error::Error for CompileError {}

/// The result of every step that can fail.
pub(super) type Result<T> = std::result::Result<T, CompileError>;
