//! Going on after a syntax error.
//!
//! Errors are caught by the innermost block whose statement failed. It skips to the next token that begins a statement
//! or ends a block *at its own depth*: what the failed statement opened (`if`, `do`, `function`, `repeat`) is skipped up
//! to where it closes.

use super::super::error::SyntaxError;
use super::super::lexer::Lexer;
use super::super::span::Span;
use super::super::token::Token;
use super::Parser;

/// Errors after this many are of no use to anybody.
const MAX_ERRORS: usize = 100;

impl Parser<'_> {
    /// Keeps an error of a recovering parse. A second error at one place is only an echo of the first.
    pub(super) fn report(&mut self, error: SyntaxError) {
        let errors = self.errors.get_or_insert_default();
        if errors.last().is_none_or(|last| last.span.start != error.span.start) {
            errors.push(error);
        }
        if errors.len() >= MAX_ERRORS {
            self.lexer.finish();
            self.ahead = None;
            self.current = self.lexer.next();
        }
    }

    /// Skips the rest of a statement that began at `start` and failed at the current token.
    pub(super) fn skip_statement(&mut self, start: Span) {
        let mut open = self.opened_since(start);
        loop {
            let token = self.current.token;
            match token {
                Token::Eof => return,
                Token::End | Token::Until if open == 0 => return,
                Token::End | Token::Until => open -= 1,
                Token::Else | Token::ElseIf if open == 0 => return,
                // The first token of the statement failed: standing still would fail again.
                _ if self.current.span.start == start.start => open += u32::from(opens_block(token)),
                Token::Local
                | Token::If
                | Token::While
                | Token::For
                | Token::Repeat
                | Token::Return
                | Token::Goto
                | Token::Break
                | Token::Do
                | Token::Semicolon
                    if open == 0 =>
                {
                    return;
                }
                Token::Function if open == 0 && self.peek() == Token::Name => return,
                _ => open += u32::from(opens_block(token)),
            }
            self.advance();
        }
    }

    /// How many blocks were opened and not closed from `start` up to the current token.
    fn opened_since(&self, start: Span) -> u32 {
        let mut lexer = Lexer::starting_at(self.source, start);
        let mut open = 0u32;
        loop {
            let lexeme = lexer.next();
            if lexeme.span.start >= self.current.span.start || lexeme.token == Token::Eof {
                return open;
            }
            match lexeme.token {
                Token::End | Token::Until => open = open.saturating_sub(1),
                token => open += u32::from(opens_block(token)),
            }
        }
    }
}

/// `while` and `for` are not listed: their `do` is.
fn opens_block(token: Token) -> bool {
    matches!(token, Token::Function | Token::If | Token::Do | Token::Repeat)
}
