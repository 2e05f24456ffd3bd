//! The tokens, and the lexer that logos derives from their definitions.
//!
//! A token is a one-byte kind. Nothing is decoded here: a numeral is only proved well-formed and a string only proved
//! to end, so that reading a token never allocates. The parser decodes the literals it keeps (see [`super::literal`]).
//!
//! The source is bytes, not text: Lua allows any byte in strings and comments. Newlines are `\n`, `\r`, `\r\n` or
//! `\n\r`, each one line.

use logos::{FilterResult, Logos, Skip};

use super::literal;
use crate::number::parse_number;

/// What the lexer counts besides the offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    /// The line of the next unread byte, 1-based.
    pub line: u32,
    /// How many newlines the last token contained.
    pub inside: u32,
}

impl Default for Lines {
    fn default() -> Self {
        Lines { line: 1, inside: 0 }
    }
}

/// The kinds of tokens (manual §3.1; types §1.1).
#[derive(Logos, Clone, Copy, PartialEq, Eq, Debug)]
#[logos(utf8 = false)]
#[logos(extras = Lines)]
#[logos(skip r"[ \t\x0B\x0C]+")]
#[logos(skip(r"\r\n|\n\r|\r|\n", count_newline))]
#[logos(skip(r"--", skip_comment))]
#[allow(missing_docs)]
pub(super) enum Token {
    #[token("and")]
    And,
    #[token("break")]
    Break,
    #[token("do")]
    Do,
    #[token("else")]
    Else,
    #[token("elseif")]
    ElseIf,
    #[token("end")]
    End,
    #[token("false")]
    False,
    #[token("for")]
    For,
    #[token("function")]
    Function,
    #[token("goto")]
    Goto,
    #[token("if")]
    If,
    #[token("in")]
    In,
    #[token("local")]
    Local,
    #[token("nil")]
    Nil,
    #[token("not")]
    Not,
    #[token("or")]
    Or,
    #[token("repeat")]
    Repeat,
    #[token("return")]
    Return,
    #[token("then")]
    Then,
    #[token("true")]
    True,
    #[token("until")]
    Until,
    #[token("while")]
    While,

    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("//")]
    DoubleSlash,
    #[token("%")]
    Percent,
    #[token("^")]
    Caret,
    #[token("#")]
    Hash,
    #[token("&")]
    Ampersand,
    #[token("|")]
    Bar,
    #[token("~")]
    Tilde,
    #[token("<<")]
    ShiftLeft,
    #[token(">>")]
    ShiftRight,
    #[token("==")]
    Equal,
    #[token("~=")]
    NotEqual,
    #[token("<=")]
    LessEqual,
    #[token(">=")]
    GreaterEqual,
    #[token("<")]
    Less,
    #[token(">")]
    Greater,
    #[token("=")]
    Assign,
    #[token("(")]
    LeftParen,
    #[token(")")]
    RightParen,
    #[token("{")]
    LeftBrace,
    #[token("}")]
    RightBrace,
    #[token("[")]
    LeftBracket,
    #[token("]")]
    RightBracket,
    #[token("::")]
    DoubleColon,
    #[token(";")]
    Semicolon,
    #[token(":")]
    Colon,
    #[token(",")]
    Comma,
    #[token(".")]
    Dot,
    #[token("..")]
    Concat,
    #[token("...")]
    Ellipsis,
    #[token("->")]
    Arrow,
    #[token("?")]
    Question,
    #[token("!")]
    Bang,
    #[token("@")]
    At,

    #[regex("[A-Za-z_][A-Za-z0-9_]*")]
    Name,
    /// Everything Lua would read as part of a numeral, well-formed or not.
    #[regex(r"\.?[0-9]([eE][+-]?|[0-9a-fA-F.])*", check_numeral)]
    #[regex(r"\.?0[xX]([pP][+-]?|[0-9a-fA-F.])*", check_numeral)]
    Number,
    /// A quoted or a long string.
    #[token("\"", quoted_string)]
    #[token("'", quoted_string)]
    #[regex(r"\[=*\[", long_string)]
    String,
    /// A malformed literal; [`super::literal::explain`] says what is wrong with it.
    #[regex(r"\[=+", reject)]
    Error,
    /// A byte that begins no token.
    #[regex(r"(?s-u:.)", priority = 0)]
    Unknown,
    /// The end of the source. The derived lexer returns `None` there.
    Eof,
}

impl Token {
    /// The token as a message names it: the symbol or reserved word itself, or the class of the token.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Token::And => "'and'",
            Token::Break => "'break'",
            Token::Do => "'do'",
            Token::Else => "'else'",
            Token::ElseIf => "'elseif'",
            Token::End => "'end'",
            Token::False => "'false'",
            Token::For => "'for'",
            Token::Function => "'function'",
            Token::Goto => "'goto'",
            Token::If => "'if'",
            Token::In => "'in'",
            Token::Local => "'local'",
            Token::Nil => "'nil'",
            Token::Not => "'not'",
            Token::Or => "'or'",
            Token::Repeat => "'repeat'",
            Token::Return => "'return'",
            Token::Then => "'then'",
            Token::True => "'true'",
            Token::Until => "'until'",
            Token::While => "'while'",
            Token::Plus => "'+'",
            Token::Minus => "'-'",
            Token::Star => "'*'",
            Token::Slash => "'/'",
            Token::DoubleSlash => "'//'",
            Token::Percent => "'%'",
            Token::Caret => "'^'",
            Token::Hash => "'#'",
            Token::Ampersand => "'&'",
            Token::Bar => "'|'",
            Token::Tilde => "'~'",
            Token::ShiftLeft => "'<<'",
            Token::ShiftRight => "'>>'",
            Token::Equal => "'=='",
            Token::NotEqual => "'~='",
            Token::LessEqual => "'<='",
            Token::GreaterEqual => "'>='",
            Token::Less => "'<'",
            Token::Greater => "'>'",
            Token::Assign => "'='",
            Token::LeftParen => "'('",
            Token::RightParen => "')'",
            Token::LeftBrace => "'{'",
            Token::RightBrace => "'}'",
            Token::LeftBracket => "'['",
            Token::RightBracket => "']'",
            Token::DoubleColon => "'::'",
            Token::Semicolon => "';'",
            Token::Colon => "':'",
            Token::Comma => "','",
            Token::Dot => "'.'",
            Token::Concat => "'..'",
            Token::Ellipsis => "'...'",
            Token::Arrow => "'->'",
            Token::Question => "'?'",
            Token::Bang => "'!'",
            Token::At => "'@'",
            Token::Name => "<name>",
            Token::Number => "<number>",
            Token::String => "<string>",
            Token::Error | Token::Unknown => "<token>",
            Token::Eof => "<eof>",
        }
    }
}

fn count_newline(lex: &mut logos::Lexer<'_, Token>) {
    lex.extras.line += 1;
}

/// After `--`: a long comment if a long bracket opens at once, else the rest of the line.
fn skip_comment(lex: &mut logos::Lexer<'_, Token>) -> Result<Skip, ()> {
    let rest = lex.remainder();
    let length = match literal::long_bracket_level(rest) {
        Some(level) => {
            let Some(body) = literal::scan_long_bracket(rest, level) else {
                lex.bump(rest.len());
                return Err(());
            };
            lex.extras.line += body.newlines;
            body.end
        }
        None => rest.iter().position(|&byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len()),
    };
    lex.bump(length);
    Ok(Skip)
}

fn reject(_: &mut logos::Lexer<'_, Token>) -> Result<(), ()> {
    Err(())
}

fn check_numeral(lex: &mut logos::Lexer<'_, Token>) -> Result<(), ()> {
    let text = lex.slice();
    // A run of digits is always a number; most numerals are, and need no second look.
    if text.iter().all(u8::is_ascii_digit) || parse_number(text).is_some() { Ok(()) } else { Err(()) }
}

fn quoted_string(lex: &mut logos::Lexer<'_, Token>) -> FilterResult<(), ()> {
    let start = lex.span().start;
    match literal::scan_quoted(&lex.source()[start..], &mut literal::Discard) {
        Ok(scan) => {
            lex.extras.line += scan.newlines;
            lex.extras.inside = scan.newlines;
            lex.bump(scan.end - 1);
            FilterResult::Emit(())
        }
        Err(fault) => {
            lex.extras.line += fault.newlines;
            lex.extras.inside = fault.newlines;
            lex.bump(fault.raw.end - 1);
            FilterResult::Error(())
        }
    }
}

fn long_string(lex: &mut logos::Lexer<'_, Token>) -> Result<(), ()> {
    let opening = lex.slice().len();
    let rest = &lex.source()[lex.span().start..];
    match literal::scan_long_bracket(rest, opening - 2) {
        Some(body) => {
            lex.extras.line += body.newlines;
            lex.extras.inside = body.newlines;
            lex.bump(body.end - opening);
            Ok(())
        }
        None => {
            lex.bump(rest.len() - opening);
            Err(())
        }
    }
}
