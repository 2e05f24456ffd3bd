//! Where one token is not enough to tell an annotation from plain Lua (types §1.5).
//!
//! Every question is answered by reading on with a copy of the lexer; nothing is parsed twice.

use super::super::error;
use super::super::lexer::{Lexeme, Lexer};
use super::super::span::Span;
use super::super::token::Token;
use super::Parser;

/// Tokens after the current one.
pub(super) struct Lookahead<'s> {
    ahead: Option<Lexeme>,
    lexer: Lexer<'s>,
}

impl<'s> Lookahead<'s> {
    pub(super) fn new(ahead: Option<Lexeme>, lexer: Lexer<'s>) -> Self {
        Lookahead { ahead, lexer }
    }

    /// The tokens after the one that stands at `place`.
    pub(super) fn at(source: &'s [u8], place: Span) -> Self {
        let mut lexer = Lexer::starting_at(source, place);
        lexer.next();
        Lookahead { ahead: None, lexer }
    }

    pub(super) fn next(&mut self) -> Lexeme {
        self.ahead.take().unwrap_or_else(|| self.lexer.next())
    }

    fn next_is(&mut self, token: Token) -> bool {
        self.next().token == token
    }
}

/// What a pair of brackets holds, as far as the as-oracle cares.
struct Brackets {
    /// A token that only types have: `?`, `->`, `@`.
    has_type_token: bool,
    /// The token after the closing bracket.
    after: Token,
}

impl Parser<'_> {
    /// Rule D1, at a `::` after an operand: whether it opens a label. In Lua a label is followed by a statement, and no
    /// statement begins with `Name ::`; so `:: Name :: Name ::` is a cast to `Name` followed by a label.
    pub(super) fn label_follows(&mut self) -> bool {
        let mut after = self.lookahead();
        let label = after.next_is(Token::Name)
            && after.next_is(Token::DoubleColon)
            && !(after.next_is(Token::Name) && after.next_is(Token::DoubleColon));
        if label {
            self.label_after_operand = Some(self.current.span);
        }
        label
    }

    /// Rule D4, at a name that begins a statement: the number of words that open an alias, 0 if none does.
    pub(super) fn alias_words(&mut self) -> usize {
        if self.at_word(b"type") {
            return usize::from(self.peek() == Token::Name);
        }
        if !self.at_word(b"export") || self.peek() != Token::Name {
            return 0;
        }
        let mut after = self.lookahead();
        let word = after.next().span;
        if self.text(word) == b"type" && after.next_is(Token::Name) { 2 } else { 0 }
    }

    /// Rule D3, at the name `as` after an operand: whether it is the cast operator.
    pub(super) fn as_is_cast(&mut self) -> bool {
        if !self.context.open || self.as_cannot_begin_statement() {
            return true;
        }
        if self.current.span.line == self.previous.span.end_line {
            self.ast.warnings.push(error::as_is_a_name(self.current.span));
        }
        false
    }

    /// The as-oracle: whether no Lua statement can begin with this `as`.
    fn as_cannot_begin_statement(&mut self) -> bool {
        match self.peek() {
            Token::Assign
            | Token::Comma
            | Token::Dot
            | Token::Colon
            | Token::LeftBracket
            | Token::Bang
            | Token::DoubleColon
            | Token::Semicolon
            | Token::Eof => false,
            Token::String => {
                let mut after = self.lookahead();
                after.next();
                continues_type(after.next().token)
            }
            Token::LeftParen => {
                let brackets = self.brackets();
                brackets.has_type_token || brackets.after == Token::Arrow || continues_type(brackets.after)
            }
            Token::LeftBrace => {
                if self.brace_opens_table_type() {
                    return true;
                }
                let brackets = self.brackets();
                brackets.has_type_token || continues_type(brackets.after)
            }
            _ => true,
        }
    }

    /// Looks through the brackets that open after the current token. If they do not close, all is as if nothing
    /// followed them.
    fn brackets(&self) -> Brackets {
        let mut after = self.lookahead();
        let mut brackets = Brackets { has_type_token: false, after: Token::Eof };
        let mut depth = 0u32;
        loop {
            match after.next().token {
                Token::LeftParen | Token::LeftBrace | Token::LeftBracket => depth += 1,
                Token::RightParen | Token::RightBrace | Token::RightBracket => {
                    depth -= 1;
                    if depth == 0 {
                        brackets.after = after.next().token;
                        return brackets;
                    }
                }
                Token::Question | Token::Arrow | Token::At => brackets.has_type_token = true,
                Token::Eof => return Brackets { has_type_token: false, after: Token::Eof },
                _ => {}
            }
        }
    }

    /// Whether the first item in the braces after the current token can only be a field of a table type.
    fn brace_opens_table_type(&self) -> bool {
        let mut after = self.lookahead();
        after.next();
        match after.next().token {
            Token::Name => match after.next().token {
                Token::Name | Token::Question => true,
                // `{x: T}` is a field, `{x:m()}` a method call.
                Token::Colon => {
                    !after.next_is(Token::Name)
                        || !matches!(after.next().token, Token::LeftParen | Token::LeftBrace | Token::String)
                }
                _ => false,
            },
            Token::LeftBracket => {
                let mut depth = 1u32;
                while depth > 0 {
                    match after.next().token {
                        Token::LeftParen | Token::LeftBrace | Token::LeftBracket => depth += 1,
                        Token::RightParen | Token::RightBrace | Token::RightBracket => depth -= 1,
                        Token::Eof => return false,
                        _ => {}
                    }
                }
                after.next_is(Token::Colon)
            }
            _ => false,
        }
    }

    /// Rule D11: whether a name, which is the current token, is the key of a field in a table type.
    pub(super) fn name_is_field_key(&mut self) -> bool {
        match self.peek() {
            Token::Colon => true,
            Token::Question => {
                let mut after = self.lookahead();
                after.next();
                after.next_is(Token::Colon)
            }
            _ => false,
        }
    }

    /// Rule D11: whether a `[`, which is the current token, opens the key of a field rather than an indexer.
    pub(super) fn bracket_is_field_key(&mut self) -> bool {
        let mut after = self.lookahead();
        after.next_is(Token::String) && after.next_is(Token::RightBracket)
    }

    /// Rule D11: whether `readonly`, the current token, is the modifier of a field rather than its key or a type.
    pub(super) fn readonly_modifies_field(&mut self) -> bool {
        let mut after = self.lookahead();
        match after.next().token {
            Token::LeftBracket => after.next_is(Token::String) && after.next_is(Token::RightBracket),
            Token::Name => match after.next().token {
                Token::Colon => true,
                Token::Question => after.next_is(Token::Colon),
                _ => false,
            },
            _ => false,
        }
    }
}

/// Whether a token may go on after a type or a cast, but not after a call statement.
fn continues_type(token: Token) -> bool {
    matches!(token, Token::Question | Token::At) || super::expr::binary_operator(token).is_some()
}
