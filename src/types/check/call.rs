//! Calls: what may be called, with which arguments, and what comes back (types §2.7, §2.10).

use std::rc::Rc;

use smallvec::{SmallVec, smallvec};

use super::Checker;
use super::expr::{Fallible, Values};
use crate::syntax::Span;
use crate::syntax::ast::{Expr, ExprId, Ident};
use crate::types::algebra::base;
use crate::types::codes::Code;
use crate::types::diagnostic::Diagnostic;
use crate::types::facts::{Facts, Flow, PathId};
use crate::types::generics::Substitution;
use crate::types::names::nearest;
use crate::types::shape::Found;
use crate::types::ty::{Func, Intrinsic, Kind, Literal, Pack, ParamId, ShapeId, Ty};

/// A call being checked.
pub(super) struct Site<'a> {
    /// The whole call.
    pub id: ExprId,
    /// What messages call the function after.
    pub callee: Callee<'a>,
    /// The receiver of a method call.
    pub receiver: Option<(ExprId, Flow)>,
    /// The arguments that are written.
    pub args: &'a [ExprId],
    /// The type of the place the first result goes to.
    pub expected: Option<Ty>,
}

/// How a called function is named.
#[derive(Clone, Copy)]
pub(super) enum Callee<'a> {
    /// By this expression.
    Expr(ExprId),
    /// As a method.
    Method(&'a str),
}

impl<'a> Checker<'a> {
    /// `f(args)`
    pub(super) fn call(
        &mut self,
        id: ExprId,
        func: ExprId,
        callee: Flow,
        args: &'a [ExprId],
        expected: Option<Ty>,
    ) -> Values {
        let site = Site { id, callee: Callee::Expr(func), receiver: None, args, expected };
        if let Some(special) = self.special_of(callee.ty)
            && let Some(values) = self.special_call(special, &site)
        {
            return values;
        }
        self.check_constant_arguments(func, args);
        self.call_value(callee, func, &site)
    }

    /// What messages call the function.
    pub(super) fn callee_name(&self, site: &Site<'a>) -> String {
        let func = match site.callee {
            Callee::Expr(func) => func,
            Callee::Method(name) => return name.to_owned(),
        };
        let mut parts = Vec::new();
        let mut at = func;
        loop {
            match self.ast.expr(at) {
                Expr::Name(name) => {
                    parts.push(self.ast.text(*name));
                    break;
                }
                Expr::Field(object, name) => {
                    parts.push(self.ast.text(name.name));
                    at = *object;
                }
                _ if parts.is_empty() => return "the function".to_owned(),
                _ => break,
            }
            if parts.len() > 4 {
                break;
            }
        }
        parts.reverse();
        parts.join(".")
    }

    /// `object:name(args)`
    pub(super) fn method_call(
        &mut self,
        id: ExprId,
        object: ExprId,
        flow: Flow,
        name: &'a Ident,
        args: &'a [ExprId],
        expected: Option<Ty>,
    ) -> Values {
        let key = self.key(name.name);
        let text = self.ast.text(name.name);
        let of_alias = match *self.types.kind(flow.ty) {
            Kind::TypeValue(of) => Some(of),
            _ => None,
        };
        if let Some(of) = of_alias
            && text == "is"
        {
            return self.type_is(of, args);
        }
        // That it may be nil is said once.
        let there = self.types.without_nil(flow.ty);
        let receiver = if there == Ty::NEVER { flow } else { Flow { ty: there, ..flow } };
        let site = Site { id, callee: Callee::Method(text), receiver: Some((object, receiver)), args, expected };
        let method = self.method(object, flow, key, name.span);
        self.trace_name(name.span, method.ty);
        self.call_value(method, object, &site)
    }

    /// `T:is(x)`
    fn type_is(&mut self, of: Ty, args: &'a [ExprId]) -> Values {
        self.list(args, &|_| None);
        let path = match args {
            [only] => self.path_of(*only),
            _ => None,
        };
        let (value, error) = (self.types.optional(of), self.types.optional(Ty::ERROR));
        Values {
            items: smallvec![Flow::declared(value), Flow::inferred(error)],
            tail: None,
            fallible: Some(Fallible {
                name: "is".to_owned(),
                at: 1,
                checked: path.map(|path| (path, of)),
                silent: false,
            }),
        }
    }

    /// The method of an object, with the messages for methods.
    fn method(&mut self, object: ExprId, flow: Flow, key: crate::types::ty::Key, span: Span) -> Flow {
        let flow = self.constrained(flow);
        let members = self.types.members(flow.ty);
        let strict = self.is_strict();
        // A method that is missing gets a code of its own.
        if let [only] = members[..] {
            let head = self.types.head(only);
            let missing = match self.types.kind(head).clone() {
                Kind::Opaque(_, methods) => self.types.known_field(methods, key).is_none(),
                Kind::Error => self.library.error.is_some_and(|methods| self.types.known_field(methods, key).is_none()),
                // A method hides a field of the same name.
                Kind::Type | Kind::TypeValue(_) | Kind::Generic(_) => {
                    let methods = self.library.of_types;
                    match methods.and_then(|methods| self.types.known_field(methods, key)) {
                        Some(method) => return Flow::inferred(method),
                        None => methods.is_some(),
                    }
                }
                Kind::String | Kind::Literal(Literal::String(_)) => {
                    strict
                        && !self.scopes.writes.anywhere(key)
                        && self.library.string.is_some_and(|library| self.types.field(library, key).is_none())
                }
                Kind::Record(record) => record.indexer.is_none() && record.field(key).is_none(),
                Kind::Shape(id) => {
                    strict
                        && !self.types.shape(id).sealed
                        && !self.scopes.writes.anywhere(key)
                        && matches!(self.types.lookup(id, key), Found::Absent)
                }
                _ => false,
            };
            if missing && (strict || flow.declared || is_built_in(self.types.kind(head))) {
                let name = self.types.key_text(key).into_owned();
                let names = self.field_names(only);
                let names = names.iter().map(|key| self.types.key_bytes(*key));
                let near = nearest(name.as_bytes(), names, &mut self.notes.suggestions);
                let message = format!("{} has no method '{name}'", self.types.show(only));
                let mut report = Diagnostic::new(Code::NO_METHOD, span, message);
                report.help = near.map(|near| format!("did you mean '{near}'?"));
                self.report(report);
                return Flow::ANY;
            }
        }
        self.read_method(object, flow, key, span)
    }

    /// Whether a value may be called.
    pub(super) fn callable(&mut self, flow: Flow) -> bool {
        !self.fails(flow, |checker, member| {
            let head = checker.types.head(member);
            match *checker.types.kind(head) {
                Kind::Nil | Kind::Boolean | Kind::Number | Kind::Integer | Kind::Float | Kind::Thread => true,
                Kind::Literal(_) => true,
                // Strings have a metatable that programs may extend.
                Kind::String => true,
                Kind::Shape(id) => {
                    let shape = checker.types.shape(id);
                    !shape.open && !shape.escaped && shape.metatable.is_none()
                }
                _ => false,
            }
        })
    }

    /// Calls a value that is no function of a library with a rule of its own.
    pub(super) fn call_value(&mut self, callee: Flow, func: ExprId, site: &Site<'a>) -> Values {
        let callee = self.constrained(callee);
        let span = match self.ast.expr(site.id) {
            Expr::MethodCall { name, .. } => name.span,
            _ => self.span(func),
        };
        if callee.ty == Ty::UNKNOWN {
            self.arguments_of_anything(site);
            return Values { items: SmallVec::new(), tail: Some(Flow::inferred(Ty::UNKNOWN)), fallible: None };
        }
        let rest = self.types.without_nil(callee.ty);
        if rest != callee.ty && rest != Ty::NEVER {
            if self.nil_matters(callee) {
                let message = format!("{} may be nil; test it before calling", self.types.show(callee.ty));
                let report = Diagnostic::new(Code::OPTIONAL_CALL, span, message);
                self.report(report.with_help("test it with 'if', or assert with '!' that it is there"));
            }
        } else if !self.callable(callee) {
            let mut message = format!("{} is not callable", self.types.show(callee.ty));
            if let Some(Expr::Name(_) | Expr::Field(..)) = Some(self.ast.expr(func)) {
                message = format!("'{}': {message}", self.callee_name(site));
            }
            self.error(Code::NOT_CALLABLE, span, message);
            self.arguments_of_anything(site);
            return Values::any();
        }
        let members = self.types.members(rest);
        let [only] = members[..] else {
            return self.call_some(&members, site);
        };
        let head = self.types.head(only);
        match self.types.kind(head).clone() {
            Kind::Func(func) => self.call_func(&func, head, site),
            Kind::Intersection(parts) => self.call_overloads(&parts, site),
            Kind::TypeValue(of) => {
                self.arguments_of_anything(site);
                Values::one(Flow::declared(of))
            }
            Kind::Generic(_) => {
                self.arguments_of_anything(site);
                Values::one(Flow::inferred(Ty::TYPE))
            }
            Kind::Shape(id)
                if site.receiver.is_none()
                    && let Some((handler, ty)) = self.call_handler(id) =>
            {
                let site = Site { receiver: Some((func, callee)), ..*site };
                self.call_func(&handler, ty, &site)
            }
            _ => {
                self.arguments_of_anything(site);
                Values::any()
            }
        }
    }

    /// The `__call` function of the metatable of an inferred table.
    fn call_handler(&mut self, id: ShapeId) -> Option<(Rc<Func>, Ty)> {
        let metatable = self.types.shape(id).metatable?;
        let Kind::Shape(meta) = *self.types.kind(metatable) else { return None };
        let key = self.types.key(b"__call");
        let field = self.types.own_field(meta, key)?;
        let handler = self.shape_field(meta, key, field.ty, field.writes);
        match self.types.kind(handler.ty) {
            Kind::Func(func) => Some((Rc::clone(func), handler.ty)),
            _ => None,
        }
    }

    fn arguments_of_anything(&mut self, site: &Site<'a>) {
        for flow in self.list(site.args, &|_| None).items {
            self.escape(flow.ty);
        }
        if let Some((_, flow)) = site.receiver {
            self.escape(flow.ty);
        }
        self.invalidate_by_call();
    }

    /// Calls one of several functions.
    fn call_some(&mut self, members: &[Ty], site: &Site<'a>) -> Values {
        self.arguments_of_anything(site);
        let mut joined: Option<Pack> = None;
        for member in members {
            let head = self.types.head(*member);
            let Kind::Func(func) = self.types.kind(head).clone() else { return Values::any() };
            let func = self.types.erase(&func);
            joined = Some(match joined {
                Some(before) => self.types.join_packs(&before, &func.ret),
                None => func.ret,
            });
        }
        match joined {
            Some(pack) if self.is_strict() => self.values_of(&pack, false),
            _ => Values::any(),
        }
    }

    /// Tries the functions in order.
    fn call_overloads(&mut self, parts: &[Ty], site: &Site<'a>) -> Values {
        let found = self.list(site.args, &|_| None);
        let given: SmallVec<[Flow; 2]> =
            site.receiver.map(|(_, flow)| flow).into_iter().chain(found.items.iter().copied()).collect();
        let vague = given.iter().any(|flow| flow.ty == Ty::ANY) || found.tail.is_some();
        let mut joined: Option<Func> = None;
        for part in parts {
            let head = self.types.head(*part);
            let Kind::Func(func) = self.types.kind(head).clone() else { continue };
            let erased = self.types.erase(&func);
            let count = given.len();
            let enough = count >= self.required(&erased) || found.tail.is_some();
            let fits = enough
                && (count <= erased.params.len() || erased.vararg.is_some())
                && given.iter().enumerate().all(|(at, flow)| {
                    let param = self.types.parameter(&erased, at);
                    param.is_none_or(|param| self.types.assignable(flow.ty, param.ty))
                });
            if !fits {
                continue;
            }
            let inferred = Values { items: given.clone(), ..Values::default() };
            let solved = self.solve(&func, &inferred, site);
            let made = self.types.instantiate(&func, &solved);
            // Of what nobody knows it may be any of them.
            joined = Some(match joined {
                Some(before) => Func { ret: self.types.join_packs(&before.ret, &made.ret), ..before },
                None => made,
            });
            if !vague {
                break;
            }
        }
        if let Some(made) = joined {
            if made.facts.library != Some(Intrinsic::Pure) {
                self.invalidate_by_call();
            }
            return self.results(&made, site);
        }
        let certain = found.items.iter().all(|flow| flow.ty != Ty::ANY) && found.tail.is_none();
        if certain && self.is_strict() {
            let shown: Vec<String> = found.items.iter().map(|flow| self.types.show(flow.ty)).collect();
            let message = format!("no overload of '{}' takes ({})", self.callee_name(site), shown.join(", "));
            self.error(Code::MISMATCH, self.span(site.id), message);
        }
        self.invalidate_by_call();
        Values::any()
    }

    /// The number of arguments that must be there.
    fn required(&mut self, func: &Func) -> usize {
        let library = func.facts.library.is_some();
        let last = func.params.iter().rposition(|param| {
            !param.optional && if library { !self.types.has_nil(param.ty) } else { !self.types.accepts_nil(param.ty) }
        });
        last.map_or(0, |at| at + 1)
    }

    fn call_func(&mut self, func: &Func, ty: Ty, site: &Site<'a>) -> Values {
        let offset = usize::from(site.receiver.is_some());
        let (given, spread) = self.arguments(func, site);
        let solved = self.solve(func, &given, site);
        let made = self.types.instantiate(func, &solved);
        let span = self.span(site.id);
        for (param, arg) in &solved {
            self.check_constraint(*param, *arg, span);
        }
        let enough = self.check_arity(&made, &given, spread, ty, site);
        let place = self.notes.places.get(&ty).copied();
        for (at, flow) in given.items.iter().enumerate() {
            let Some(param) = self.types.parameter(&made, at).filter(|_| enough) else { break };
            let number = at + 1 - offset.min(at + 1);
            let span = match number.checked_sub(1).and_then(|at| site.args.get(at)) {
                Some(arg) => self.span(*arg),
                None => match (at, site.receiver) {
                    (0, Some((object, _))) => self.span(object),
                    _ => site.args.last().map_or(span, |arg| self.span(*arg)),
                },
            };
            // The receiver was found through itself.
            if at < offset && !flow.declared {
                continue;
            }
            if at >= site.args.len() + offset && !self.is_strict() {
                break;
            }
            self.check_argument(&made, *flow, param.ty, param.optional, span, number, place, site);
        }
        for flow in &given.items {
            self.escape(flow.ty);
        }
        self.effects(func, &made, site);
        self.results(&made, site)
    }

    #[expect(clippy::too_many_arguments, reason = "one argument of one call")]
    fn check_argument(
        &mut self,
        func: &Func,
        flow: Flow,
        expected: Ty,
        optional: bool,
        span: Span,
        number: usize,
        place: Option<Span>,
        site: &Site<'a>,
    ) {
        if func.facts.library.is_some() && self.library_accepts(flow, expected, optional) {
            return;
        }
        let expected =
            if optional && self.types.accepts_nil(flow.ty) { self.types.optional(expected) } else { expected };
        if self.fits(flow, expected) {
            return;
        }
        let context = match number {
            0 => format!("receiver of '{}': ", self.callee_name(site)),
            _ => format!("argument {number} of '{}': ", self.callee_name(site)),
        };
        self.mismatch(flow.ty, expected, span, &context, place);
    }

    /// Functions of libraries convert between numbers and strings, and take errors for their texts.
    fn library_accepts(&mut self, flow: Flow, expected: Ty, optional: bool) -> bool {
        if matches!(flow.ty, Ty::ANY | Ty::UNKNOWN) {
            return !self.is_strict() || flow.ty == Ty::ANY;
        }
        let mut wanted = self.types.bases(expected);
        if optional {
            wanted |= base::NIL;
        }
        if wanted & base::STRING != 0 {
            wanted |= base::NUMBER | base::ERROR;
        } else if wanted & base::NUMBER != 0 {
            wanted |= base::NUMBER;
            if !self.is_strict() {
                wanted |= base::STRING;
            }
        }
        // Shapes and userdata are told apart by more than their Lua type.
        let plain = base::NUMBER | base::STRING | base::ERROR | base::NIL | base::BOOLEAN;
        let members = self.types.members(flow.ty);
        let check = |checker: &mut Self, member: Ty| {
            let bases = checker.types.bases(member);
            if bases & !plain == 0 && bases & wanted != 0 {
                let literal = checker.fraction(member);
                let either = wanted & base::STRING != 0 && wanted & base::NUMBER != 0;
                let numeral = !either || !matches!(checker.types.kind(member), Kind::Literal(_));
                return (bases & !wanted == 0 || !checker.is_strict())
                    && !(literal && checker.types.bases(expected) == base::INTEGER)
                    && (numeral || checker.is_numeral(member) || checker.types.bases(expected) & bases != 0);
            }
            checker.types.assignable(member, expected)
        };
        if self.is_strict() {
            members.iter().all(|member| check(self, *member))
        } else {
            // Whether it is there, and which of several types it has, is for the program to know.
            members.iter().any(|member| check(self, *member))
        }
    }

    /// Whether it is a literal with a fraction.
    fn fraction(&self, ty: Ty) -> bool {
        use crate::types::ty::Literal;
        matches!(self.types.kind(ty), Kind::Literal(Literal::Float(bits)) if f64::from_bits(*bits).fract() != 0.0)
    }

    /// Whether it is a string literal that Lua makes a number of, or no string literal.
    pub(super) fn is_numeral(&self, ty: Ty) -> bool {
        use crate::types::ty::Literal;
        match *self.types.kind(ty) {
            Kind::Literal(Literal::String(key)) => crate::number::parse_number(self.types.key_bytes(key)).is_some(),
            _ => true,
        }
    }

    /// The arguments, the receiver first, and whether there may be more of them.
    fn arguments(&mut self, func: &Func, site: &Site<'a>) -> (Values, bool) {
        let offset = usize::from(site.receiver.is_some());
        let mut given = Values::default();
        given.items.extend(site.receiver.map(|(_, flow)| flow));
        // Functions come last: what the others are tells what their parameters are.
        let mut later: Vec<usize> = Vec::new();
        let generic = !func.type_params.is_empty();
        for (at, arg) in site.args.iter().enumerate() {
            let param = self.types.parameter(func, at + offset).map(|param| param.ty);
            if generic && matches!(self.ast.expr(*arg), Expr::Function(_)) {
                later.push(at);
                given.items.push(Flow::ANY);
                continue;
            }
            let expected = param.filter(|ty| !generic || !self.mentions(*ty, &func.type_params));
            if at + 1 == site.args.len() {
                let values = self.multi(*arg, expected);
                // Only the results that are certain to be there.
                given.items.extend(values.items);
                given.tail = values.tail;
                if let (Some(tail), 0) = (values.tail, given.items.len().saturating_sub(at + offset)) {
                    given.items.push(tail);
                }
            } else {
                let flow = self.expr(*arg, expected);
                given.items.push(flow);
            }
        }
        if !later.is_empty() {
            let solved = self.solve(func, &given, site);
            let made = self.types.instantiate(func, &solved);
            for at in later {
                let param = self.types.parameter(&made, at + offset).map(|param| param.ty);
                given.items[at + offset] = self.expr(site.args[at], param);
            }
        }
        let spread = given.tail.is_some();
        (given, spread)
    }

    fn mentions(&self, ty: Ty, params: &[ParamId]) -> bool {
        let mut open = vec![ty];
        let mut seen = 0;
        while let Some(at) = open.pop() {
            seen += 1;
            if seen > 200 {
                return true;
            }
            match self.types.kind(at) {
                Kind::Param(id) if params.contains(id) => return true,
                _ => open.extend(self.children(at)),
            }
        }
        false
    }

    /// What the type parameters of a function stand for in a call.
    fn solve(&mut self, func: &Func, given: &Values, site: &Site<'a>) -> Substitution {
        let mut solved = Substitution::new();
        if func.type_params.is_empty() {
            return solved;
        }
        for (at, flow) in given.items.iter().enumerate() {
            if let Some(param) = self.types.parameter(func, at) {
                self.types.infer(param.ty, flow.ty, &func.type_params, &mut solved);
            }
        }
        let mut wanted = Substitution::new();
        if let (Some(expected), Some(ret)) = (site.expected, func.ret.types.first()) {
            let expected = self.types.without_nil(expected);
            self.types.infer(*ret, expected, &func.type_params, &mut wanted);
        }
        let otherwise = if self.is_strict() { Ty::UNKNOWN } else { Ty::ANY };
        for id in &func.type_params {
            let constraint = self.types.param(*id).constraint;
            let ty = match (solved.get(id).copied(), wanted.get(id).copied()) {
                (Some(lower), Some(upper)) if self.types.assignable(lower, upper) => upper,
                (Some(lower), _) => {
                    let literals = constraint.is_some_and(|ty| {
                        let members = self.types.members(ty);
                        members.iter().any(|member| matches!(self.types.kind(*member), Kind::Literal(_)))
                    });
                    if literals { lower } else { self.types.widen(lower) }
                }
                (None, Some(upper)) => upper,
                (None, None) => constraint.unwrap_or(otherwise),
            };
            solved.insert(*id, ty);
        }
        solved
    }

    /// Whether there are as many as there must be.
    fn check_arity(&mut self, func: &Func, given: &Values, spread: bool, ty: Ty, site: &Site<'a>) -> bool {
        let offset = usize::from(site.receiver.is_some());
        let required = self.required(func);
        let written = site.args.len() + offset;
        let count = given.items.len();
        let span = self.span(site.id);
        let place = self.notes.places.get(&ty).copied();
        if count < required && !spread {
            let message = format!(
                "too few arguments to '{}': expected {}, got {}",
                self.callee_name(site),
                required.saturating_sub(offset),
                count.saturating_sub(offset)
            );
            let mut report = Diagnostic::new(Code::ARITY, span, message);
            if func.facts.method && offset == 0 {
                report = report.with_help(format!("'{}' is a method: call it with ':'", self.callee_name(site)));
            }
            if let Some(place) = place {
                report = report.with_place(place, "it is defined here");
            }
            self.report(report);
            return false;
        }
        let most = func.params.len();
        let library = func.facts.library.is_some();
        let tolerant = (func.facts.unannotated || library) && !self.is_strict();
        if written > most && func.vararg.is_none() && !tolerant {
            // Results beyond the last parameter are dropped without a word.
            let extra = site.args.get(most.saturating_sub(offset)).map_or(span, |arg| self.span(*arg));
            let message = format!(
                "too many arguments to '{}': expected {}, got {}",
                self.callee_name(site),
                most.saturating_sub(offset),
                site.args.len()
            );
            let mut report = Diagnostic::new(Code::ARITY, extra, message);
            if offset == 1 && !func.facts.method && site.args.len() == most {
                report = report.with_help(format!("'{}' is no method: call it with '.'", self.callee_name(site)));
            }
            if let Some(place) = place {
                report = report.with_place(place, "it is defined here");
            }
            self.report(report);
        }
        true
    }

    /// What a call changes.
    fn effects(&mut self, func: &Func, made: &Func, site: &Site<'a>) {
        let pure = matches!(func.facts.library, Some(Intrinsic::Pure | Intrinsic::Special(_)));
        if !pure {
            self.invalidate_by_call();
        }
        if let Some((at, of)) = made.facts.asserts {
            let offset = usize::from(site.receiver.is_some());
            if let Some(arg) = (at as usize).checked_sub(offset).and_then(|at| site.args.get(at))
                && let Some(path) = self.path_of(*arg)
            {
                self.assert_path(path, of);
            }
        }
        if made.ret.types.first() == Some(&Ty::NEVER) {
            self.facts = Facts::dead();
        }
    }

    fn assert_path(&mut self, path: PathId, of: Option<Ty>) {
        let mut facts = std::mem::take(&mut self.facts);
        match of {
            None => self.truth(&mut facts, path, true),
            Some(of) => {
                let before = facts.get(path).map_or(Ty::ANY, |flow| flow.ty);
                let ty = match before {
                    Ty::ANY | Ty::UNKNOWN => of,
                    _ => self.types.intersect(before, of),
                };
                facts.set(path, Flow::declared(ty));
            }
        }
        self.facts = facts;
    }

    /// The results of a call.
    pub(super) fn results(&mut self, made: &Func, site: &Site<'a>) -> Values {
        let mut pack = made.ret.clone();
        let library = made.facts.library.is_some();
        // A method that returns its receiver returns what it was called on.
        if let (true, Some((_, flow)), Some(first)) = (made.facts.method, site.receiver, made.params.first())
            && made.facts.inferred
        {
            for ty in &mut pack.types {
                if *ty == first.ty {
                    *ty = flow.ty;
                }
            }
        }
        if made.facts.inferred && !self.is_strict() {
            for ty in pack.types.iter_mut().chain(&mut pack.tail) {
                *ty = self.soften(*ty);
            }
            // Functions return what they like.
            if pack.tail.is_none() && pack.types.first() != Some(&Ty::NEVER) {
                pack.tail = Some(Ty::ANY);
            }
        }
        let mut values = self.values_of(&pack, !library && !made.facts.inferred);
        if pack.types.first() == Some(&Ty::NEVER) {
            return Values::any();
        }
        values.fallible = self.fallible(made, &pack, site);
        values
    }

    /// What is certain about a result that was inferred: what it was made as.
    fn soften(&mut self, ty: Ty) -> Ty {
        match self.types.kind(ty) {
            Kind::Func(_) | Kind::Shape(_) | Kind::Opaque(..) | Kind::Never | Kind::TypeValue(_) => ty,
            _ => Ty::ANY,
        }
    }

    fn fallible(&mut self, made: &Func, pack: &Pack, site: &Site<'a>) -> Option<Fallible> {
        let [first, second, ..] = pack.types[..] else { return None };
        let last = pack.types.len() - 1;
        let error =
            self.types.has_nil(pack.types[last]) && self.types.bases(pack.types[last]) & !base::NIL == base::ERROR;
        // `nil, message` is how the library of Lua tells of failures.
        let in_library = made.facts.library.is_some()
            && self.types.has_nil(first)
            && self.types.bases(second) == base::NIL | base::STRING;
        if !error && !in_library && !made.facts.fallible {
            return None;
        }
        let silent = error && !self.types.has_nil(first);
        Some(Fallible { name: self.callee_name(site), at: if error { last } else { 1 }, checked: None, silent })
    }
}

/// Whether no program can give values of this type more methods.
fn is_built_in(kind: &Kind) -> bool {
    matches!(kind, Kind::Opaque(..) | Kind::Type | Kind::TypeValue(_) | Kind::Generic(_))
}
