//! Type expressions (types §1.3).
//!
//! Suffixes (`?`, `@name`) nest to the left without limit in the grammar. Whoever walks types wants to recurse, so the
//! suffixes on a path through a type count towards a limit of their own: [`Context::type_height`] is how many of them
//! the types parsed so far inside the innermost unfinished operand have on their tallest path.
//!
//! [`Context::type_height`]: super::Context::type_height

use super::super::ast::{ParamType, ReturnType, Type, TypeConst, TypeField, TypeId, TypeParam};
use super::super::error::SyntaxError;
use super::super::span::Span;
use super::super::token::Token;
use super::{MAX_DEPTH, Parse, Parser};
use crate::number::Number;

/// Names of predeclared types, which take no arguments (D5); `nil` is a reserved word anyway.
const PREDECLARED: [&[u8]; 14] = [
    b"boolean",
    b"number",
    b"integer",
    b"float",
    b"string",
    b"table",
    b"function",
    b"thread",
    b"userdata",
    b"any",
    b"unknown",
    b"never",
    b"error",
    b"type",
];

const MAX_FIELDS: usize = 4096;
const MAX_MEMBERS: usize = 256;
const MAX_TYPE_PARAMS: usize = 16;

/// What stands between parentheses in a type, before it is known what it means.
struct ParenList {
    items: Vec<ParamType>,
    vararg: Option<Option<TypeId>>,
}

impl ParenList {
    /// The type in `(T)`.
    fn single(&self) -> Option<TypeId> {
        match self.items[..] {
            [ParamType { name: None, ty, .. }] if self.vararg.is_none() => Some(ty),
            _ => None,
        }
    }
}

impl Parser<'_> {
    pub(super) fn ty(&mut self) -> Parse<TypeId> {
        self.enter()?;
        let start = self.current.span;
        if !self.accept(Token::Bar) {
            self.accept(Token::Ampersand);
        }
        let ty = self.union(start, None)?;
        self.leave();
        Ok(ty)
    }

    /// The type of a cast.
    pub(super) fn cast_type(&mut self) -> Parse<TypeId> {
        let start = self.current.span;
        self.ty().map_err(|mut error| {
            let read = self.text(Span { end: error.span.start.max(start.start), ..start });
            if error.hint.is_none() && read.contains(&b'<') {
                let hint = "in a type '<' opens type arguments; to compare, parenthesise the cast: (x :: T) < y";
                error.hint = Some(hint.to_owned());
            }
            error
        })
    }

    /// A union whose first operand may have been parsed already, up to its suffixes.
    fn union(&mut self, start: Span, first: Option<TypeId>) -> Parse<TypeId> {
        let first = self.intersection(start, first)?;
        if !self.at(Token::Bar) {
            return Ok(first);
        }
        let mut members = vec![first];
        while self.accept(Token::Bar) {
            let start = self.current.span;
            members.push(self.intersection(start, None)?);
            self.check_count(&members, "members in a union", MAX_MEMBERS)?;
        }
        Ok(self.push_type(Type::Union(members), start))
    }

    fn intersection(&mut self, start: Span, first: Option<TypeId>) -> Parse<TypeId> {
        let first = self.postfix(start, first)?;
        if !self.at(Token::Ampersand) {
            return Ok(first);
        }
        let mut members = vec![first];
        while self.accept(Token::Ampersand) {
            let start = self.current.span;
            members.push(self.postfix(start, None)?);
            self.check_count(&members, "members in an intersection", MAX_MEMBERS)?;
        }
        Ok(self.push_type(Type::Intersection(members), start))
    }

    fn check_count<T>(&mut self, items: &[T], what: &str, limit: usize) -> Parse<()> {
        if items.len() > limit { Err(self.too_many(what, limit)) } else { Ok(()) }
    }

    /// A type with its suffixes. If its operand `first` was parsed before, [`Context::type_height`] is that operand's.
    ///
    /// [`Context::type_height`]: super::Context::type_height
    fn postfix(&mut self, start: Span, first: Option<TypeId>) -> Parse<TypeId> {
        let mut outer = 0;
        let mut ty = match first {
            Some(ty) => ty,
            None => {
                outer = std::mem::take(&mut self.context.type_height);
                self.primary_type()?
            }
        };
        loop {
            let suffixed = match self.current.token {
                Token::Question => {
                    self.advance();
                    Type::Optional(ty)
                }
                Token::At => self.validator(ty)?,
                Token::LeftBracket => {
                    let hint = "an array type is written {T}, a map type {[K]: V}";
                    return Err(self.hinted("unexpected symbol", hint));
                }
                _ => break,
            };
            self.context.type_height += 1;
            if self.context.type_height > MAX_DEPTH {
                return Err(self.too_deep());
            }
            ty = self.push_type(suffixed, start);
        }
        self.context.type_height = self.context.type_height.max(outer);
        Ok(ty)
    }

    fn validator(&mut self, ty: TypeId) -> Parse<Type> {
        self.advance();
        let name = self.ident()?;
        let mut args = Vec::new();
        let line = self.current.span.line;
        // On the next line a `(` begins the next statement (D10).
        if line == self.previous.span.end_line && self.accept(Token::LeftParen) {
            while !self.at(Token::RightParen) {
                args.push(self.type_const()?);
                if !self.accept(Token::Comma) {
                    break;
                }
            }
            self.expect_closing(Token::RightParen, Token::LeftParen, line)?;
        }
        Ok(Type::Validated { ty, name, args })
    }

    fn type_const(&mut self) -> Parse<TypeConst> {
        let constant = match self.current.token {
            Token::Nil => TypeConst::Nil,
            Token::True => TypeConst::Boolean(true),
            Token::False => TypeConst::Boolean(false),
            Token::String => return Ok(TypeConst::String(self.string_literal())),
            Token::Number | Token::Minus => {
                return Ok(match self.signed_number()? {
                    Number::Int(value) => TypeConst::Integer(value),
                    Number::Float(value) => TypeConst::Float(value),
                });
            }
            _ => return Err(self.error("constant expected")),
        };
        self.advance();
        Ok(constant)
    }

    fn signed_number(&mut self) -> Parse<Number> {
        let negative = self.accept(Token::Minus);
        if !self.at(Token::Number) {
            return Err(self.expected(Token::Number));
        }
        Ok(match self.number_literal() {
            Number::Int(value) if negative => Number::Int(value.wrapping_neg()),
            Number::Float(value) if negative => Number::Float(-value),
            number => number,
        })
    }

    fn primary_type(&mut self) -> Parse<TypeId> {
        let start = self.current.span;
        let ty = match self.current.token {
            Token::Name => return self.named_type(),
            Token::LeftParen => {
                let list = self.paren_list()?;
                if self.at(Token::Arrow) {
                    return self.function_type(start, Vec::new(), list);
                }
                match list.single() {
                    Some(inner) => Type::Group(inner),
                    None => return Err(self.not_a_group()),
                }
            }
            Token::Less => {
                let type_params = self.type_params()?;
                if !self.at(Token::LeftParen) {
                    return Err(self.expected(Token::LeftParen));
                }
                let list = self.paren_list()?;
                return self.function_type(start, type_params, list);
            }
            Token::LeftBrace => return self.table_type(),
            Token::String => Type::String(self.string_literal()),
            Token::Number | Token::Minus => match self.signed_number()? {
                Number::Int(value) => Type::Integer(value),
                Number::Float(value) => Type::Float(value),
            },
            Token::Nil | Token::True | Token::False | Token::Function => {
                let token = self.current.token;
                self.advance();
                match token {
                    Token::Nil => Type::Nil,
                    Token::Function => Type::Function,
                    _ => Type::Boolean(token == Token::True),
                }
            }
            _ => return Err(self.error("type expected")),
        };
        Ok(self.push_type(ty, start))
    }

    fn named_type(&mut self) -> Parse<TypeId> {
        let start = self.current.span;
        if self.at_word(b"typeof") && self.peek() == Token::LeftParen {
            self.advance();
            let line = self.current.span.line;
            self.advance();
            let expr = self.closed_expr()?;
            self.expect_closing(Token::RightParen, Token::LeftParen, line)?;
            return Ok(self.push_type(Type::Typeof(expr), start));
        }
        if self.at_word(b"readonly") && matches!(self.peek(), Token::LeftBrace | Token::Name) {
            self.advance();
            let inner = if self.at(Token::LeftBrace) { self.table_type()? } else { self.qualified_type()? };
            return Ok(self.push_type(Type::Readonly(inner), start));
        }
        self.qualified_type()
    }

    fn qualified_type(&mut self) -> Parse<TypeId> {
        let start = self.current.span;
        let mut path = vec![self.ident()?];
        while self.accept(Token::Dot) {
            path.push(self.ident()?);
        }
        let mut args = Vec::new();
        let predeclared = path.len() == 1 && PREDECLARED.contains(&self.text(path[0].span));
        if !predeclared && self.accept(Token::Less) {
            loop {
                args.push(self.ty()?);
                if !self.accept(Token::Comma) {
                    break;
                }
            }
            self.close_angle()?;
        }
        Ok(self.push_type(Type::Name { path, args }, start))
    }

    /// Consumes a `>`, which may be the first half of `>>` or `>=`.
    fn close_angle(&mut self) -> Parse<()> {
        let rest = match self.current.token {
            Token::Greater => {
                self.advance();
                return Ok(());
            }
            Token::ShiftRight => Token::Greater,
            Token::GreaterEqual => Token::Assign,
            _ => return Err(self.expected(Token::Greater)),
        };
        self.previous = self.current;
        self.previous.span.end -= 1;
        self.current.token = rest;
        self.current.span.start += 1;
        Ok(())
    }

    /// `<T, …>` if there is one.
    pub(super) fn type_params(&mut self) -> Parse<Vec<TypeParam>> {
        let mut params = Vec::new();
        if !self.accept(Token::Less) {
            return Ok(params);
        }
        loop {
            let name = self.ident()?;
            let constraint = if self.accept(Token::Colon) { Some(self.ty()?) } else { None };
            let default = if self.accept(Token::Assign) { Some(self.ty()?) } else { None };
            params.push(TypeParam { name, constraint, default });
            self.check_count(&params, "type parameters", MAX_TYPE_PARAMS)?;
            if !self.accept(Token::Comma) {
                break;
            }
        }
        self.close_angle()?;
        Ok(params)
    }

    /// `(A, b: B, ...C)`, whatever it will turn out to be.
    fn paren_list(&mut self) -> Parse<ParenList> {
        let line = self.current.span.line;
        self.advance();
        let mut list = ParenList { items: Vec::new(), vararg: None };
        while !self.at(Token::RightParen) {
            if self.accept(Token::Ellipsis) {
                self.accept(Token::Colon);
                list.vararg = Some(if self.at(Token::RightParen) { None } else { Some(self.ty()?) });
                break;
            }
            let mut item_name = None;
            let mut optional = false;
            if self.at(Token::Name) && self.name_is_field_key() {
                item_name = Some(self.ident()?);
                optional = self.accept(Token::Question);
                self.expect(Token::Colon)?;
            }
            let ty = self.ty()?;
            list.items.push(ParamType { name: item_name, optional, ty });
            if !self.accept(Token::Comma) {
                break;
            }
            if self.at(Token::RightParen) {
                return Err(self.error("type expected"));
            }
        }
        self.expect_closing(Token::RightParen, Token::LeftParen, line)?;
        Ok(list)
    }

    /// The rest of a function type, at its `->`.
    fn function_type(&mut self, start: Span, type_params: Vec<TypeParam>, list: ParenList) -> Parse<TypeId> {
        self.expect(Token::Arrow)?;
        let ret = self.return_type(false)?;
        let suffix = matches!(self.current.token, Token::Question | Token::At | Token::Bar | Token::Ampersand);
        if suffix && matches!(ret, ReturnType::Pack { .. }) {
            let hint = "a list of results takes no suffix; parenthesise the function type";
            return Err(self.hinted("unexpected symbol", hint));
        }
        let ParenList { items: params, vararg } = list;
        Ok(self.push_type(Type::FunctionType { type_params, params, vararg, ret }, start))
    }

    /// What follows `->`, or the `:` after the parameters of a declaration.
    pub(super) fn return_type(&mut self, declaration: bool) -> Parse<ReturnType> {
        self.enter()?;
        let start = self.current.span;
        let token = self.current.token;
        let ret = match token {
            Token::Ellipsis => {
                self.advance();
                self.accept(Token::Colon);
                ReturnType::Vararg(Some(self.ty()?))
            }
            Token::Name if declaration && self.at_word(b"asserts") && self.peek() == Token::Name => {
                self.advance();
                let name = self.ident()?;
                let is = self.at_word(b"is");
                if is {
                    self.advance();
                }
                ReturnType::Asserts { name, ty: if is { Some(self.ty()?) } else { None } }
            }
            Token::LeftParen => self.parenthesised_return(start)?,
            _ => ReturnType::Single(self.ty()?),
        };
        self.leave();
        Ok(ret)
    }

    /// A return type that begins with `(`: a function type, a group with suffixes, or a pack.
    fn parenthesised_return(&mut self, start: Span) -> Parse<ReturnType> {
        let outer = std::mem::take(&mut self.context.type_height);
        let list = self.paren_list()?;
        let ret = if self.at(Token::Arrow) {
            ReturnType::Single(self.function_type(start, Vec::new(), list)?)
        } else if let Some(inner) = list.single() {
            let group = self.push_type(Type::Group(inner), start);
            ReturnType::Single(self.union(start, Some(group))?)
        } else if list.items.iter().all(|item| item.name.is_none()) {
            let types = list.items.iter().map(|item| item.ty).collect();
            ReturnType::Pack { types, vararg: list.vararg }
        } else {
            return Err(self.expected(Token::Arrow));
        };
        self.context.type_height = self.context.type_height.max(outer);
        Ok(ret)
    }

    #[cold]
    fn not_a_group(&mut self) -> Box<SyntaxError> {
        let hint = "tuple types exist only as lists of results, '-> (A, B)'";
        self.hinted("'->' expected", hint)
    }

    /// Rule D11.
    fn table_type(&mut self) -> Parse<TypeId> {
        let start = self.current.span;
        self.advance();
        if !self.at_type_field() && !self.at(Token::RightBrace) {
            let element = self.ty()?;
            if self.at(Token::Comma) || self.at(Token::Semicolon) {
                let hint = "an array type has one element type; tuple types exist only as lists of results";
                return Err(self.hinted("'}' expected", hint));
            }
            self.expect_closing(Token::RightBrace, Token::LeftBrace, start.line)?;
            return Ok(self.push_type(Type::Array(element), start));
        }
        let mut fields = Vec::new();
        let mut has_indexer = false;
        while !self.at(Token::RightBrace) {
            if !self.at_type_field() {
                return Err(self.no_type_field());
            }
            let place = self.current;
            let field = self.type_field()?;
            if matches!(field, TypeField::Indexer { .. }) && std::mem::replace(&mut has_indexer, true) {
                let mut error = self.error("a table type has at most one indexer");
                error.span = place.span;
                return Err(error);
            }
            fields.push(field);
            self.check_count(&fields, "fields in a table type", MAX_FIELDS)?;
            if !self.accept(Token::Comma) && !self.accept(Token::Semicolon) {
                break;
            }
        }
        self.expect_closing(Token::RightBrace, Token::LeftBrace, start.line)?;
        Ok(self.push_type(Type::Table(fields), start))
    }

    fn at_type_field(&mut self) -> bool {
        match self.current.token {
            Token::LeftBracket => true,
            Token::Name => self.name_is_field_key() || self.at_word(b"readonly") && self.readonly_modifies_field(),
            _ => false,
        }
    }

    #[cold]
    fn no_type_field(&mut self) -> Box<SyntaxError> {
        self.error("field expected, 'name: type' or '[type]: type'")
    }

    fn type_field(&mut self) -> Parse<TypeField> {
        let readonly = self.at_word(b"readonly") && self.readonly_modifies_field();
        if readonly {
            self.advance();
        }
        let key_span = self.current.span;
        let key: Box<[u8]> = if self.at(Token::Name) {
            let key = self.text(key_span).into();
            self.advance();
            key
        } else if self.bracket_is_field_key() {
            self.advance();
            let key = self.string_literal();
            self.advance();
            key
        } else {
            self.advance();
            let key = self.ty()?;
            self.expect(Token::RightBracket)?;
            self.expect(Token::Colon)?;
            return Ok(TypeField::Indexer { key, value: self.ty()? });
        };
        let key_span = self.span_from(key_span);
        let optional = self.accept(Token::Question);
        self.expect(Token::Colon)?;
        Ok(TypeField::Field { readonly, key, key_span, optional, ty: self.ty()? })
    }
}
