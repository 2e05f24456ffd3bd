//! Errors and warnings of the parser, as data.

use super::span::Span;

/// Code of an ordinary syntax error.
pub const SYNTAX: &str = "P0001";
/// Code of an exceeded limit.
pub const LIMIT: &str = "P0002";
/// Code of a violated context rule, such as `...` outside a vararg function.
pub const CONTEXT: &str = "P0003";

/// Why a chunk does not parse.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// [`SYNTAX`], [`LIMIT`] or [`CONTEXT`].
    pub code: &'static str,
    /// What is wrong, in Lua's words where Lua has words for it, without place and `near`.
    pub message: String,
    /// The offending token.
    pub span: Span,
    /// The line Lua reports: that of the token's last byte, or of the place inside a literal.
    pub line: u32,
    /// The offending token as a message shows it; `<eof>` at the end of the source. `None`: the message names no token.
    pub near: Option<Vec<u8>>,
    /// What to write instead, where the intent is clear.
    pub hint: Option<String>,
}

/// What [`SyntaxError::near`] holds at the end of the source. No token looks like it.
pub(super) const END_OF_SOURCE: &[u8] = b"<eof>";

impl SyntaxError {
    /// The message as Lua gives it, `chunk:line: message near 'token'`. `chunk` is the result of
    /// [`chunk_id`](super::chunk_id). Bytes of the source that are not UTF-8 are replaced.
    pub fn lua_message(&self, chunk: &str) -> String {
        String::from_utf8_lossy(&self.lua_message_bytes(chunk)).into_owned()
    }

    /// As [`lua_message`](Self::lua_message), with the source's bytes as they are.
    pub fn lua_message_bytes(&self, chunk: &str) -> Vec<u8> {
        let mut text = format!("{chunk}:{}: {}", self.line, self.message).into_bytes();
        self.push_near(&mut text);
        text
    }

    /// Whether the source ended too early: with more of it, the error may vanish.
    pub fn is_at_end(&self) -> bool {
        self.near.as_deref() == Some(END_OF_SOURCE)
    }

    /// The message with the token it names, without chunk and line.
    pub fn message_with_token(&self) -> String {
        let mut text = self.message.clone().into_bytes();
        self.push_near(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    fn push_near(&self, text: &mut Vec<u8>) {
        match self.near.as_deref() {
            None => {}
            Some(END_OF_SOURCE) => text.extend_from_slice(b" near <eof>"),
            Some(token) => {
                text.extend_from_slice(b" near '");
                text.extend_from_slice(token);
                text.push(b'\'');
            }
        }
    }
}

/// A legal construct that is likely a mistake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// `W0008` or `W0011`.
    pub code: &'static str,
    /// What is suspicious and what to write instead.
    pub message: &'static str,
    /// Where.
    pub span: Span,
}

/// `as` was read as a variable where a cast may have been meant.
pub(super) fn as_is_a_name(span: Span) -> Warning {
    let message = "'as' begins a new statement here, as in Lua; for a cast write '::' or parenthesise it";
    Warning { code: "W0008", message, span }
}

/// A `(` on a new line continues the call of the line before.
pub(super) fn call_across_lines(span: Span) -> Warning {
    let message = "this '(' calls the value that ends the line before; write ';' between them for two statements";
    Warning { code: "W0011", message, span }
}
