//! The parser: recursive descent over statements and types, precedence climbing over operators.
//!
//! House rules:
//! * One token of lookahead ([`Parser::peek`]); whatever needs more reads on with [`Lookahead`] and commits to nothing.
//!   All such places are in [`disambiguation`].
//! * [`Parser::advance`] never fails. A malformed literal becomes a [`Token::Error`], which no rule accepts, and
//!   [`Parser::error`] turns the complaint of whoever meets it into the literal's own.
//! * Every recursion passes [`Parser::enter`]; the state it changes lives in [`Context`], which the block that recovers
//!   from an error restores. Chains that grow to the left are loops.

mod disambiguation;
mod expr;
mod recovery;
mod stat;
mod types;

#[cfg(test)]
mod tests;

use super::ast::{Ast, Block, Expr, ExprId, Ident, Names, Type, TypeId};
use super::error::{self, SyntaxError};
use super::lexer::{Lexeme, Lexer};
use super::literal;
use super::span::Span;
use super::token::Token;
use disambiguation::Lookahead;

/// How deep blocks, expressions and types may nest together: the limit of the C implementation.
const MAX_DEPTH: u16 = 200;

/// A parse that failed carries the first error. It is boxed to keep the results of all rules small.
type Parse<T> = Result<T, Box<SyntaxError>>;

/// Parses a chunk, up to its first error.
///
/// A first line that begins with `#` is skipped. The bytes need not be UTF-8.
///
/// ```
/// let error = moonlet::syntax::parse(b"x =").unwrap_err();
/// assert_eq!(error.lua_message("demo"), "demo:1: unexpected symbol near <eof>");
/// ```
pub fn parse(source: &[u8]) -> Result<Ast, SyntaxError> {
    check_size(source)?;
    let mut parser = Parser::new(source, None);
    match parser.chunk() {
        Ok(block) => Ok(parser.finish(block).0),
        Err(error) => Err(*error),
    }
}

/// Parses a chunk and goes on after errors, up to 100 of them. What did not parse is [`Error`] nodes in the tree.
///
/// [`Error`]: super::ast::StatKind::Error
pub fn parse_recovering(source: &[u8]) -> (Ast, Vec<SyntaxError>) {
    if let Err(error) = check_size(source) {
        return (Parser::new(b"", None).finish(Block::default()).0, vec![error]);
    }
    let mut parser = Parser::new(source, Some(Vec::new()));
    let block = parser.chunk().unwrap_or_else(|error| {
        parser.report(*error);
        Block::default()
    });
    parser.finish(block)
}

/// Offsets are 32 bits wide.
fn check_size(source: &[u8]) -> Result<(), SyntaxError> {
    if u32::try_from(source.len()).is_ok() {
        return Ok(());
    }
    let span = Span { start: 0, end: 0, line: 1, end_line: 1 };
    let message = "chunk is too long".to_owned();
    Err(SyntaxError { code: error::LIMIT, message, span, line: 1, near: None, hint: None })
}

/// What a rule knows of its surroundings.
#[derive(Clone, Copy)]
struct Context {
    /// Levels of nesting entered.
    depth: u16,
    /// The height of the types parsed so far inside the innermost type being parsed; see [`types`].
    type_height: u16,
    /// The expression is not enclosed by anything that ends it, so that `as` may begin a statement (types §1.5).
    open: bool,
    /// `...` is available.
    vararg: bool,
    /// The line of the innermost `function`; 0 in the main function.
    function_line: u32,
}

struct Parser<'s> {
    source: &'s [u8],
    lexer: Lexer<'s>,
    /// The token to be parsed next.
    current: Lexeme,
    /// The token after it, if it has been looked at.
    ahead: Option<Lexeme>,
    /// The token parsed last.
    previous: Lexeme,
    context: Context,
    /// Where the last `::` stands that ended an expression because it opens a label; for a hint.
    label_after_operand: Option<Span>,
    ast: Ast,
    /// `Some`: go on after errors and collect them here.
    errors: Option<Vec<SyntaxError>>,
}

impl<'s> Parser<'s> {
    fn new(source: &'s [u8], errors: Option<Vec<SyntaxError>>) -> Self {
        let mut lexer = Lexer::new(source);
        let current = lexer.next();
        let previous = Lexeme { token: Token::Eof, span: Span { start: 0, end: 0, line: 1, end_line: 1 } };
        // Lua code has about one expression per ten bytes.
        let exprs = Vec::with_capacity(source.len() / 10);
        let ast = Ast {
            block: Block::default(),
            end_line: 1,
            names: Names::with_hasher(Default::default()),
            warnings: Vec::new(),
            exprs,
            types: Vec::new(),
        };
        let context = Context { depth: 0, type_height: 0, open: false, vararg: true, function_line: 0 };
        Parser { source, lexer, current, ahead: None, previous, context, label_after_operand: None, ast, errors }
    }

    fn finish(mut self, block: Block) -> (Ast, Vec<SyntaxError>) {
        self.ast.block = block;
        self.ast.end_line = self.previous.span.end_line;
        (self.ast, self.errors.unwrap_or_default())
    }

    fn chunk(&mut self) -> Parse<Block> {
        let mut block = self.block()?;
        while self.current.token != Token::Eof {
            let error = self.expected(Token::Eof);
            if self.errors.is_none() {
                return Err(error);
            }
            // A stray `end` or the like.
            self.report(*error);
            self.advance();
            block.stats.append(&mut self.block()?.stats);
        }
        Ok(block)
    }

    // Tokens.

    #[inline]
    fn advance(&mut self) {
        self.previous = self.current;
        self.current = match self.ahead.take() {
            Some(lexeme) => lexeme,
            None => self.lexer.next(),
        };
    }

    #[inline]
    fn peek(&mut self) -> Token {
        match self.ahead {
            Some(lexeme) => lexeme.token,
            None => self.ahead.insert(self.lexer.next()).token,
        }
    }

    /// The tokens after the current one.
    fn lookahead(&self) -> Lookahead<'s> {
        Lookahead::new(self.ahead, self.lexer.clone())
    }

    #[inline]
    fn at(&self, token: Token) -> bool {
        self.current.token == token
    }

    #[inline]
    fn accept(&mut self, token: Token) -> bool {
        let found = self.at(token);
        if found {
            self.advance();
        }
        found
    }

    #[inline]
    fn expect(&mut self, token: Token) -> Parse<()> {
        if self.accept(token) { Ok(()) } else { Err(self.expected(token)) }
    }

    /// Expects the token that closes what `opener` opened at `line`.
    #[inline]
    fn expect_closing(&mut self, token: Token, opener: Token, line: u32) -> Parse<()> {
        if self.accept(token) { Ok(()) } else { self.unclosed(token, opener, line) }
    }

    #[cold]
    fn unclosed(&mut self, token: Token, opener: Token, line: u32) -> Parse<()> {
        let error = if line == self.current.span.end_line {
            self.expected(token)
        } else {
            let (token, opener) = (token.describe(), opener.describe());
            self.error(format!("{token} expected (to close {opener} at line {line})"))
        };
        if self.errors.is_some() && self.at(Token::Eof) {
            // Everything that is still open ends here; what it holds is worth keeping.
            self.report(*error);
            return Ok(());
        }
        Err(error)
    }

    #[inline]
    fn text(&self, span: Span) -> &'s [u8] {
        self.lexer.text(span)
    }

    /// Whether the current token is the name `word`, which may have a meaning of its own here.
    #[inline]
    fn at_word(&self, word: &[u8]) -> bool {
        self.at(Token::Name) && self.text(self.current.span) == word
    }

    fn ident(&mut self) -> Parse<Ident> {
        if !self.at(Token::Name) {
            return Err(self.expected(Token::Name));
        }
        let span = self.current.span;
        let text = std::str::from_utf8(self.text(span)).expect("the lexer admits only ASCII in names");
        let name = self.ast.names.get_or_intern(text);
        self.advance();
        Ok(Ident { name, span })
    }

    fn string_literal(&mut self) -> Box<[u8]> {
        let bytes = literal::decode_string(self.text(self.current.span));
        self.advance();
        bytes
    }

    // Nodes.

    /// From the start of `start` to the end of the token parsed last.
    #[inline]
    fn span_from(&self, start: Span) -> Span {
        start.to(self.previous.span)
    }

    #[inline]
    fn push(&mut self, expr: Expr, start: Span) -> ExprId {
        let id = ExprId(self.ast.exprs.len() as u32);
        let span = self.span_from(start);
        self.ast.exprs.push((expr, span));
        id
    }

    fn push_type(&mut self, ty: Type, start: Span) -> TypeId {
        let id = TypeId(self.ast.types.len() as u32);
        let span = self.span_from(start);
        self.ast.types.push((ty, span));
        id
    }

    // Nesting.

    #[inline]
    fn enter(&mut self) -> Parse<()> {
        self.context.depth += 1;
        if self.context.depth > MAX_DEPTH { Err(self.too_deep()) } else { Ok(()) }
    }

    #[inline]
    fn leave(&mut self) {
        self.context.depth -= 1;
    }

    #[cold]
    fn too_deep(&mut self) -> Box<SyntaxError> {
        self.too_many("C levels", usize::from(MAX_DEPTH))
    }

    // Errors.

    /// A syntax error at the current token.
    #[cold]
    fn error(&mut self, message: impl Into<String>) -> Box<SyntaxError> {
        let Lexeme { token, span } = self.current;
        let end_line = span.end_line;
        let text = self.text(span);
        let (message, near, line) = match token {
            Token::Error => {
                let rest = &self.source[span.start as usize..];
                let malformed = literal::explain(rest, text.len(), span.line);
                (malformed.message, malformed.near, malformed.line)
            }
            Token::Eof => (message.into(), None, end_line),
            Token::String => (message.into(), Some(literal::quote_string(text)), end_line),
            Token::Unknown if !matches!(text, [b' '..=b'~']) => {
                (message.into(), Some(format!("<\\{}>", text[0]).into_bytes()), end_line)
            }
            _ => (message.into(), Some(text.to_vec()), end_line),
        };
        let near = Some(near.unwrap_or_else(|| error::END_OF_SOURCE.to_vec()));
        let hint = self.label_hint(span);
        Box::new(SyntaxError { code: error::SYNTAX, message, span, line, near, hint })
    }

    /// If the error is at, or right after, a label that follows an operand, it may have been meant as a second cast.
    fn label_hint(&self, place: Span) -> Option<String> {
        let label = self.label_after_operand?;
        let mut after = Lookahead::at(self.source, label);
        let is_there = label.start == place.start || (0..4).any(|_| after.next().span.start == place.start);
        is_there.then(|| "to cast twice, parenthesise the first cast: (e :: A) :: B".to_owned())
    }

    #[cold]
    fn hinted(&mut self, message: impl Into<String>, hint: &str) -> Box<SyntaxError> {
        let mut error = self.error(message);
        error.hint = Some(hint.to_owned());
        error
    }

    #[cold]
    fn expected(&mut self, token: Token) -> Box<SyntaxError> {
        self.error(format!("{} expected", token.describe()))
    }

    #[cold]
    fn too_many(&mut self, what: &str, limit: usize) -> Box<SyntaxError> {
        let place = match self.context.function_line {
            0 => "main function".to_owned(),
            line => format!("function at line {line}"),
        };
        let mut error = self.error(format!("too many {what} (limit is {limit}) in {place}"));
        error.code = error::LIMIT;
        error
    }
}
