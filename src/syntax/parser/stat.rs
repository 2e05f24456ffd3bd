//! Statements and function bodies (types §1.2).

use super::super::ast::{Alias, Binding, Block, Expr, ExprId, FunctionBody, Ident, Stat, StatKind, Vararg};
use super::super::span::Span;
use super::super::token::Token;
use super::{Context, MAX_DEPTH, Parse, Parser};
use crate::syntax::MAX_LOCALS;

impl Parser<'_> {
    /// Statements up to a token that ends a block. That token is left to the caller.
    pub(super) fn block(&mut self) -> Parse<Block> {
        let mut stats = Vec::new();
        let line = self.previous.span.end_line;
        while !self.at_block_end() {
            if self.accept(Token::Semicolon) {
                continue;
            }
            let (start, after) = (self.current.span, self.previous.span.end_line);
            let is_last = self.at(Token::Return);
            let context = self.context;
            let kind = match self.stat() {
                Ok(kind) => kind,
                Err(error) if self.errors.is_some() => {
                    self.context = context;
                    self.report(*error);
                    self.skip_statement(start);
                    StatKind::Error
                }
                Err(error) => return Err(error),
            };
            let failed = matches!(kind, StatKind::Error);
            stats.push(Stat { kind, span: self.span_from(start), after });
            if is_last && !failed && !self.at_block_end() {
                if self.errors.is_none() {
                    // Whoever opened the block says what it expected instead.
                    break;
                }
                let error = self.expected(Token::End);
                self.report(*error);
            } else if is_last && !failed {
                break;
            }
        }
        Ok(Block { stats, line })
    }

    fn at_block_end(&self) -> bool {
        matches!(self.current.token, Token::Eof | Token::End | Token::Else | Token::ElseIf | Token::Until)
    }

    fn stat(&mut self) -> Parse<StatKind> {
        self.enter()?;
        let line = self.current.span.line;
        let kind = match self.current.token {
            Token::If => self.if_stat(line)?,
            Token::While => {
                self.advance();
                let cond = self.closed_expr()?;
                let body = self.do_block(Token::While, line)?;
                StatKind::While { cond, body }
            }
            Token::Do => {
                self.advance();
                let body = self.block()?;
                self.expect_closing(Token::End, Token::Do, line)?;
                StatKind::Do(body)
            }
            Token::For => self.for_stat(line)?,
            Token::Repeat => {
                self.advance();
                let body = self.block()?;
                self.expect_closing(Token::Until, Token::Repeat, line)?;
                let cond = self.open_expr()?;
                StatKind::Repeat { body, cond }
            }
            Token::Function => self.function_stat()?,
            Token::Local => self.local_stat()?,
            Token::DoubleColon => {
                self.advance();
                let label = self.ident()?;
                self.expect(Token::DoubleColon)?;
                StatKind::Label(label)
            }
            Token::Return => {
                self.advance();
                let no_values = self.at_block_end() || self.at(Token::Semicolon);
                let values = if no_values { Vec::new() } else { self.closed_list()? };
                self.accept(Token::Semicolon);
                StatKind::Return(values)
            }
            Token::Break => {
                self.advance();
                StatKind::Break
            }
            Token::Goto => {
                self.advance();
                StatKind::Goto(self.ident()?)
            }
            Token::Name => match self.alias_words() {
                0 => self.expr_stat()?,
                words => self.alias(words)?,
            },
            _ => self.expr_stat()?,
        };
        self.leave();
        Ok(kind)
    }

    fn if_stat(&mut self, line: u32) -> Parse<StatKind> {
        let mut arms = Vec::new();
        let mut otherwise = None;
        loop {
            // `if` or `elseif`
            self.advance();
            let cond = self.closed_expr()?;
            self.expect(Token::Then)?;
            arms.push((cond, self.block()?));
            if !self.at(Token::ElseIf) {
                break;
            }
        }
        if self.accept(Token::Else) {
            otherwise = Some(self.block()?);
        }
        self.expect_closing(Token::End, Token::If, line)?;
        Ok(StatKind::If { arms, otherwise })
    }

    fn do_block(&mut self, opener: Token, line: u32) -> Parse<Block> {
        self.expect(Token::Do)?;
        let body = self.block()?;
        self.expect_closing(Token::End, opener, line)?;
        Ok(body)
    }

    fn for_stat(&mut self, line: u32) -> Parse<StatKind> {
        self.advance();
        let var = self.binding()?;
        match self.current.token {
            Token::Assign => {
                self.advance();
                let start = self.closed_expr()?;
                self.expect(Token::Comma)?;
                let limit = self.closed_expr()?;
                let step = if self.accept(Token::Comma) { Some(self.closed_expr()?) } else { None };
                let body = self.do_block(Token::For, line)?;
                Ok(StatKind::NumericFor { var, start, limit, step, body })
            }
            Token::Comma | Token::In => {
                let mut vars = vec![var];
                while self.accept(Token::Comma) {
                    vars.push(self.binding()?);
                }
                self.expect(Token::In)?;
                let values = self.closed_list()?;
                let body = self.do_block(Token::For, line)?;
                Ok(StatKind::GenericFor { vars, values, body })
            }
            _ => Err(self.error("'=' or 'in' expected")),
        }
    }

    fn function_stat(&mut self) -> Parse<StatKind> {
        let start = self.current;
        self.advance();
        let mut path = vec![self.ident()?];
        while self.accept(Token::Dot) {
            path.push(self.ident()?);
        }
        let method = if self.accept(Token::Colon) { Some(self.ident()?) } else { None };
        let body = self.function_body(start.span)?;
        Ok(StatKind::Function { path, method, body })
    }

    fn local_stat(&mut self) -> Parse<StatKind> {
        self.advance();
        let function = self.current.span;
        if self.accept(Token::Function) {
            let name = self.ident()?;
            let body = self.function_body(function)?;
            return Ok(StatKind::LocalFunction { name, body });
        }
        let mut vars = Vec::new();
        loop {
            vars.push(self.binding()?);
            if vars.len() > MAX_LOCALS {
                return Err(self.too_many("local variables", MAX_LOCALS));
            }
            if self.at(Token::Less) && self.peek() == Token::Name {
                return Err(self.hinted("unexpected symbol", "attribs such as <const> are Lua 5.4"));
            }
            if !self.accept(Token::Comma) {
                break;
            }
        }
        let values = if self.accept(Token::Assign) { self.open_list()? } else { Vec::new() };
        Ok(StatKind::Local { vars, values })
    }

    fn binding(&mut self) -> Parse<Binding> {
        let name = self.ident()?;
        let ty = if self.accept(Token::Colon) { Some(self.ty()?) } else { None };
        Ok(Binding { name, optional: false, ty })
    }

    fn alias(&mut self, words: usize) -> Parse<StatKind> {
        for _ in 0..words {
            self.advance();
        }
        let name = self.ident()?;
        let params = self.type_params()?;
        self.expect(Token::Assign)?;
        let ty = self.ty()?;
        Ok(StatKind::Alias(Box::new(Alias { export: words == 2, name, params, ty })))
    }

    /// An assignment or a call.
    fn expr_stat(&mut self) -> Parse<StatKind> {
        let first = self.suffixed_expr()?;
        if self.at(Token::Assign) || self.at(Token::Comma) {
            let mut targets = vec![self.target(first)?];
            while self.accept(Token::Comma) {
                let next = self.suffixed_expr()?;
                targets.push(self.target(next)?);
                // In the C implementation every target is a level of recursion.
                if targets.len() + usize::from(self.context.depth) > usize::from(MAX_DEPTH) {
                    return Err(self.too_deep());
                }
            }
            self.expect(Token::Assign)?;
            let values = self.open_list()?;
            return Ok(StatKind::Assign { targets, values });
        }
        match self.ast.expr(first) {
            Expr::Call { .. } | Expr::MethodCall { .. } => Ok(StatKind::Call(first)),
            _ => Err(self.error("syntax error")),
        }
    }

    fn target(&mut self, expr: ExprId) -> Parse<ExprId> {
        match self.ast.expr(expr) {
            Expr::Name(_) | Expr::Field(..) | Expr::Index(..) => Ok(expr),
            _ => Err(self.error("syntax error")),
        }
    }

    /// What follows `function` and its name. `start` is the word `function`.
    pub(super) fn function_body(&mut self, start: Span) -> Parse<Box<FunctionBody>> {
        let outer = self.context;
        self.context.function_line = start.line;
        self.context.vararg = false;
        let type_params = self.type_params()?;
        self.expect(Token::LeftParen)?;
        let (params, vararg) = self.parameters()?;
        self.expect(Token::RightParen)?;
        let ret = if self.accept(Token::Colon) { Some(self.return_type(true)?) } else { None };
        if ret.is_some() && self.at(Token::Comma) {
            return Err(self.hinted("unexpected symbol", "several results are written in parentheses: (A, B)"));
        }
        self.context.vararg = vararg.is_some();
        let block = self.block()?;
        let end_line = self.current.span.line;
        self.expect_closing(Token::End, Token::Function, start.line)?;
        self.context = Context { type_height: self.context.type_height, ..outer };
        let span = self.span_from(start);
        Ok(Box::new(FunctionBody { type_params, params, vararg, ret, block, span, line: start.line, end_line }))
    }

    fn parameters(&mut self) -> Parse<(Vec<Binding>, Option<Vararg>)> {
        let mut params = Vec::new();
        if self.at(Token::RightParen) {
            return Ok((params, None));
        }
        loop {
            match self.current.token {
                Token::Name => params.push(self.parameter()?),
                Token::Ellipsis => {
                    let span = self.current.span;
                    self.advance();
                    let ty = if self.accept(Token::Colon) { Some(self.ty()?) } else { None };
                    return Ok((params, Some(Vararg { span, ty })));
                }
                _ => return Err(self.error("<name> or '...' expected")),
            }
            if !self.accept(Token::Comma) {
                return Ok((params, None));
            }
        }
    }

    fn parameter(&mut self) -> Parse<Binding> {
        let name: Ident = self.ident()?;
        let optional = self.accept(Token::Question);
        if optional && !self.at(Token::Colon) {
            return Err(self.expected(Token::Colon));
        }
        let ty = if self.accept(Token::Colon) { Some(self.ty()?) } else { None };
        Ok(Binding { name, optional, ty })
    }
}
