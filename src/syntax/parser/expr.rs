//! Expressions (types §1.2, §1.4).

use super::super::ast::{BinOp, Expr, ExprId, TableItem, UnOp};
use super::super::error;
use super::super::token::Token;
use super::{Parse, Parser};
use crate::number::{Number, parse_number};

/// A binary operator with its binding powers towards its operands. Right-associative ones bind their right operand
/// more loosely.
pub(super) fn binary_operator(token: Token) -> Option<(BinOp, u8, u8)> {
    Some(match token {
        Token::Or => (BinOp::Or, 1, 1),
        Token::And => (BinOp::And, 2, 2),
        Token::Less => (BinOp::Lt, 3, 3),
        Token::Greater => (BinOp::Gt, 3, 3),
        Token::LessEqual => (BinOp::Le, 3, 3),
        Token::GreaterEqual => (BinOp::Ge, 3, 3),
        Token::NotEqual => (BinOp::Ne, 3, 3),
        Token::Equal => (BinOp::Eq, 3, 3),
        Token::Bar => (BinOp::BOr, 4, 4),
        Token::Tilde => (BinOp::BXor, 5, 5),
        Token::Ampersand => (BinOp::BAnd, 6, 6),
        Token::ShiftLeft => (BinOp::Shl, 7, 7),
        Token::ShiftRight => (BinOp::Shr, 7, 7),
        Token::Concat => (BinOp::Concat, 9, 8),
        Token::Plus => (BinOp::Add, 10, 10),
        Token::Minus => (BinOp::Sub, 10, 10),
        Token::Star => (BinOp::Mul, 11, 11),
        Token::Slash => (BinOp::Div, 11, 11),
        Token::DoubleSlash => (BinOp::IDiv, 11, 11),
        Token::Percent => (BinOp::Mod, 11, 11),
        Token::Caret => (BinOp::Pow, 14, 13),
        _ => return None,
    })
}

/// The binding power of unary operators.
const UNARY: u8 = 12;

fn unary_operator(token: Token) -> Option<UnOp> {
    Some(match token {
        Token::Not => UnOp::Not,
        Token::Hash => UnOp::Len,
        Token::Minus => UnOp::Neg,
        Token::Tilde => UnOp::BNot,
        _ => return None,
    })
}

impl Parser<'_> {
    /// An expression that something encloses or ends: see [`Context::open`](super::Context::open).
    pub(super) fn closed_expr(&mut self) -> Parse<ExprId> {
        let outer = std::mem::replace(&mut self.context.open, false);
        let expr = self.expr(0)?;
        self.context.open = outer;
        Ok(expr)
    }

    /// A list of expressions that something encloses or ends.
    pub(super) fn closed_list(&mut self) -> Parse<Vec<ExprId>> {
        let outer = std::mem::replace(&mut self.context.open, false);
        let list = self.expr_list()?;
        self.context.open = outer;
        Ok(list)
    }

    /// An expression after which a statement may begin.
    pub(super) fn open_expr(&mut self) -> Parse<ExprId> {
        self.context.open = true;
        self.expr(0)
    }

    /// A list of expressions after which a statement may begin.
    pub(super) fn open_list(&mut self) -> Parse<Vec<ExprId>> {
        self.context.open = true;
        self.expr_list()
    }

    fn expr_list(&mut self) -> Parse<Vec<ExprId>> {
        let mut list = vec![self.expr(0)?];
        while self.accept(Token::Comma) {
            list.push(self.expr(0)?);
        }
        Ok(list)
    }

    /// An expression whose operators bind more tightly than `power`.
    fn expr(&mut self, power: u8) -> Parse<ExprId> {
        self.enter()?;
        let start = self.current.span;
        let mut left = match unary_operator(self.current.token) {
            Some(op) => {
                let line = self.current.span.end_line;
                self.advance();
                let operand = self.expr(UNARY)?;
                self.push(Expr::Unary { op, operand, line }, start)
            }
            None => self.cast_expr()?,
        };
        while let Some((op, left_power, right_power)) = binary_operator(self.current.token)
            && left_power > power
        {
            let line = self.current.span.end_line;
            self.advance();
            let rhs = self.expr(right_power)?;
            left = self.push(Expr::Binary { op, lhs: left, rhs, line }, start);
        }
        self.leave();
        Ok(left)
    }

    /// An operand with at most one cast.
    fn cast_expr(&mut self) -> Parse<ExprId> {
        let start = self.current.span;
        let operand = self.simple_expr()?;
        let is_cast = match self.current.token {
            Token::DoubleColon => !self.label_follows(),
            Token::Name => self.at_word(b"as") && self.as_is_cast(),
            _ => false,
        };
        if !is_cast {
            return Ok(operand);
        }
        self.advance();
        let ty = self.cast_type()?;
        Ok(self.push(Expr::Cast(operand, ty), start))
    }

    fn simple_expr(&mut self) -> Parse<ExprId> {
        let start = self.current.span;
        let expr = match self.current.token {
            Token::Number => match self.number_literal() {
                Number::Int(value) => Expr::Integer(value),
                Number::Float(value) => Expr::Float(value),
            },
            Token::String => Expr::String(self.string_literal()),
            Token::Nil => {
                self.advance();
                Expr::Nil
            }
            Token::True => {
                self.advance();
                Expr::True
            }
            Token::False => {
                self.advance();
                Expr::False
            }
            Token::Ellipsis => {
                if !self.context.vararg {
                    let mut error = self.error("cannot use '...' outside a vararg function");
                    error.code = error::CONTEXT;
                    return Err(error);
                }
                self.advance();
                Expr::Vararg
            }
            Token::LeftBrace => self.table()?,
            Token::Function => {
                self.advance();
                Expr::Function(self.function_body(start)?)
            }
            _ => return self.suffixed_expr(),
        };
        Ok(self.push(expr, start))
    }

    pub(super) fn number_literal(&mut self) -> Number {
        let number = parse_number(self.text(self.current.span)).expect("the lexer accepted this numeral");
        self.advance();
        number
    }

    /// A variable or parenthesised expression with its suffixes.
    pub(super) fn suffixed_expr(&mut self) -> Parse<ExprId> {
        let start = self.current.span;
        let mut expr = self.primary_expr()?;
        loop {
            let suffixed = match self.current.token {
                Token::Dot => {
                    self.advance();
                    Expr::Field(expr, self.ident()?)
                }
                Token::LeftBracket => {
                    self.advance();
                    let key = self.closed_expr()?;
                    self.expect(Token::RightBracket)?;
                    Expr::Index(expr, key)
                }
                Token::Colon => {
                    self.advance();
                    let name = self.ident()?;
                    let line = self.current.span.end_line;
                    let args = self.call_args()?;
                    Expr::MethodCall { object: expr, name, args, line }
                }
                Token::LeftParen | Token::String | Token::LeftBrace => {
                    let line = self.current.span.end_line;
                    if self.at(Token::LeftParen) && self.current.span.line != self.previous.span.end_line {
                        self.ast.warnings.push(error::call_across_lines(self.current.span));
                    }
                    let args = self.call_args()?;
                    Expr::Call { func: expr, args, line }
                }
                Token::Bang => {
                    self.advance();
                    if self.at(Token::Assign) {
                        let hint = "'not equal' is written '~='; a value asserted with '!' cannot be assigned to";
                        return Err(self.hinted("unexpected symbol", hint));
                    }
                    Expr::NonNil(expr)
                }
                _ => return Ok(expr),
            };
            expr = self.push(suffixed, start);
        }
    }

    fn primary_expr(&mut self) -> Parse<ExprId> {
        let start = self.current.span;
        match self.current.token {
            Token::Name => {
                let name = self.ident()?.name;
                Ok(self.push(Expr::Name(name), start))
            }
            Token::LeftParen => {
                self.advance();
                let inner = self.closed_expr()?;
                self.expect_closing(Token::RightParen, Token::LeftParen, start.line)?;
                Ok(self.push(Expr::Paren(inner), start))
            }
            _ => Err(self.error("unexpected symbol")),
        }
    }

    fn call_args(&mut self) -> Parse<Vec<ExprId>> {
        let start = self.current.span;
        match self.current.token {
            Token::LeftParen => {
                self.advance();
                let args = if self.at(Token::RightParen) { Vec::new() } else { self.closed_list()? };
                self.expect_closing(Token::RightParen, Token::LeftParen, start.line)?;
                Ok(args)
            }
            Token::LeftBrace => {
                let table = self.table()?;
                Ok(vec![self.push(table, start)])
            }
            Token::String => {
                let string = Expr::String(self.string_literal());
                Ok(vec![self.push(string, start)])
            }
            _ => Err(self.error("function arguments expected")),
        }
    }

    fn table(&mut self) -> Parse<Expr> {
        let line = self.current.span.line;
        self.advance();
        let mut items = Vec::new();
        while !self.at(Token::RightBrace) {
            items.push(self.table_item()?);
            if !self.accept(Token::Comma) && !self.accept(Token::Semicolon) {
                break;
            }
        }
        self.expect_closing(Token::RightBrace, Token::LeftBrace, line)?;
        Ok(Expr::Table(items))
    }

    fn table_item(&mut self) -> Parse<TableItem> {
        let token = self.current.token;
        match token {
            Token::Name if self.peek() == Token::Assign => {
                let name = self.ident()?;
                self.advance();
                Ok(TableItem::Named(name, self.closed_expr()?))
            }
            Token::LeftBracket => {
                self.advance();
                let key = self.closed_expr()?;
                self.expect(Token::RightBracket)?;
                self.expect(Token::Assign)?;
                Ok(TableItem::Keyed(key, self.closed_expr()?))
            }
            _ => Ok(TableItem::Positional(self.closed_expr()?)),
        }
    }
}
