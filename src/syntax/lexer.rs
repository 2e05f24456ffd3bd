//! The lexer: the derived one of [`Token`], plus places.
//!
//! It is a cursor over the source and cheap to clone; looking ahead further than the parser's one token is done with a
//! clone.

use logos::Logos;

use super::span::Span;
use super::token::Token;

/// A token with its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexeme {
    /// Its kind.
    pub token: Token,
    /// Its place.
    pub span: Span,
}

/// Reads lexemes, the last of which is [`Token::Eof`], forever.
#[derive(Clone)]
pub(super) struct Lexer<'s> {
    inner: logos::Lexer<'s, Token>,
}

impl<'s> Lexer<'s> {
    /// A lexer at the start of `source`.
    pub(super) fn new(source: &'s [u8]) -> Self {
        Lexer { inner: Token::lexer(source) }
    }

    /// A lexer at a token of `source`.
    pub(super) fn starting_at(source: &'s [u8], place: Span) -> Self {
        let mut inner = Token::lexer(source);
        inner.bump(place.start as usize);
        inner.extras.line = place.line;
        Lexer { inner }
    }

    /// Skips everything up to the end of the source.
    pub(super) fn finish(&mut self) {
        self.inner.bump(self.inner.remainder().len());
    }

    /// The next lexeme.
    #[inline]
    pub(super) fn next(&mut self) -> Lexeme {
        let token = match self.inner.next() {
            Some(Ok(token)) => token,
            Some(Err(())) => Token::Error,
            None => Token::Eof,
        };
        let place = self.inner.span();
        let end_line = self.inner.extras.line;
        let line = end_line - std::mem::take(&mut self.inner.extras.inside);
        Lexeme { token, span: Span { start: place.start as u32, end: place.end as u32, line, end_line } }
    }

    /// The bytes of a lexeme.
    #[inline]
    pub(super) fn text(&self, span: Span) -> &'s [u8] {
        &self.inner.source()[span.start as usize..span.end as usize]
    }
}
