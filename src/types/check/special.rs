//! Functions of libraries whose results or effects no type tells.

use smallvec::smallvec;

use super::Checker;
use super::call::Site;
use super::expr::Values;
use crate::syntax::Span;
use crate::syntax::ast::{Expr, ExprId};
use crate::types::algebra::base;
use crate::types::codes::Code;
use crate::types::diagnostic::Diagnostic;
use crate::types::facts::Flow;
use crate::types::ty::{Kind, Special, Ty};

/// What is likely to fail on purpose inside `pcall`.
const TOLERATED: [Code; 5] = [Code::NOT_CALLABLE, Code::BAD_OPERAND, Code::NOT_INDEXABLE, Code::BAD_INDEX, Code::ARITY];

impl<'a> Checker<'a> {
    /// A call of a special function; `None`: it is to be checked as any other.
    pub(super) fn special_call(&mut self, special: Special, site: &Site<'a>) -> Option<Values> {
        match (special, site.args) {
            (Special::Assert, [condition, rest @ ..]) => Some(self.assert(*condition, rest)),
            (Special::SetMetatable, [object, metatable]) => Some(self.set_metatable(*object, *metatable)),
            (Special::Require, [name]) => self.require(*name, site.id),
            (Special::Pcall | Special::Xpcall, [function, ..]) => Some(self.protected(*function, site.args)),
            (Special::Select, [selector, ..]) => {
                let values = self.list(site.args, &|_| None);
                match self.ast.expr(*selector) {
                    Expr::String(text) if &**text == b"#" => Some(Values::one(Flow::inferred(Ty::INTEGER))),
                    Expr::Integer(at @ 1..=255) if values.tail.is_none() => {
                        let items = values.items.into_iter().skip(*at as usize).collect();
                        Some(Values { items, ..Values::default() })
                    }
                    _ => Some(Values::any()),
                }
            }
            (Special::Unpack, [list, ..]) => {
                if !self.is_simple(*list) {
                    return None;
                }
                let of = self.expr(*list, None);
                let element = self.types.element(of.ty)?;
                for arg in &site.args[1..] {
                    let _ = self.expr(*arg, None);
                }
                let tail = if self.is_strict() && element != Ty::ANY { self.types.optional(element) } else { element };
                Some(Values { tail: Some(Flow { ty: tail, ..of }), ..Values::default() })
            }
            (Special::Pairs | Special::Ipairs, [of]) => {
                self.traversed(special, site.id, *of);
                Some(Values::any())
            }
            (Special::Insert, [list, values @ ..]) if matches!(values.len(), 1 | 2) => self.insert(*list, values, site),
            (Special::Typeof, [first, ..]) => {
                // A variable need not be assigned to have a type.
                if !matches!(self.ast.expr(*first), Expr::Name(_)) || site.args.len() > 1 {
                    let _ = self.list(site.args, &|_| None);
                }
                Some(Values::one(Flow::inferred(Ty::TYPE)))
            }
            _ => None,
        }
    }

    /// `assert(c, …)`: what follows runs only if the condition is true.
    fn assert(&mut self, condition: ExprId, rest: &'a [ExprId]) -> Values {
        if rest.is_empty()
            && let Expr::Call { .. } | Expr::MethodCall { .. } | Expr::Vararg = self.ast.expr(condition)
        {
            // `assert(f())` hands all results on.
            let mut values = self.multi(condition, None);
            let first = values.get(0);
            let ty = match first.ty {
                Ty::ANY | Ty::UNKNOWN => first.ty,
                _ => self.types.without(first.ty, base::FALSY),
            };
            if ty == Ty::NEVER && first.ty != Ty::NEVER && !values.items.is_empty() {
                self.facts.unreachable = true;
            }
            match values.items.first_mut() {
                Some(item) => item.ty = ty,
                None => values.items.push(Flow { ty, ..first }),
            }
            values.fallible = None;
            return values;
        }
        let (flow, edges) = self.condition(condition);
        for arg in rest {
            let _ = self.expr(*arg, None);
        }
        self.facts = edges.yes;
        let ty = match flow.ty {
            Ty::ANY | Ty::UNKNOWN => flow.ty,
            _ => self.types.without(flow.ty, base::FALSY),
        };
        Values { items: smallvec![Flow { ty, ..flow }], tail: Some(Flow::ANY), fallible: None }
    }

    /// `setmetatable(o, mt)`
    fn set_metatable(&mut self, object: ExprId, metatable: ExprId) -> Values {
        let of = self.expr(object, None);
        let meta = self.expr(metatable, None);
        if let Kind::Shape(id) = *self.types.kind(of.ty)
            && !self.types.shape(id).sealed
        {
            match *self.types.kind(meta.ty) {
                Kind::Shape(_) if self.types.shape(id).metatable.is_none_or(|before| before == meta.ty) => {
                    self.types.shape_mut(id).metatable = Some(meta.ty);
                }
                _ => self.types.shape_mut(id).open = true,
            }
            return Values::one(of);
        }
        let bases = self.types.bases(of.ty);
        if bases & base::TABLE == 0 && of.ty != Ty::NEVER {
            let message = format!("argument 1 of 'setmetatable': {} is not a table", self.types.show(of.ty));
            self.error(Code::MISMATCH, self.span(object), message);
        }
        Values::one(of)
    }

    /// `table.insert(list, [at,] value)`
    fn insert(&mut self, list: ExprId, values: &'a [ExprId], site: &Site<'a>) -> Option<Values> {
        if !self.is_simple(list) {
            return None;
        }
        let of = self.object(list);
        let head = self.types.head(of.ty);
        let (value, position) = values.split_last()?;
        match *self.types.kind(head) {
            Kind::Array { elem, .. } => {
                for at in position {
                    let _ = self.expr(*at, Some(Ty::INTEGER));
                }
                let flow = self.expr(*value, Some(elem));
                let context = format!("argument {} of '{}': ", site.args.len(), self.callee_name(site));
                self.check_fits(flow, elem, self.span(*value), &context, None);
                self.escape(flow.ty);
                Some(Values::default())
            }
            Kind::Shape(id) if !self.types.shape(id).sealed => {
                for at in position {
                    let _ = self.expr(*at, Some(Ty::INTEGER));
                }
                let flow = self.expr(*value, None);
                self.escape(flow.ty);
                let ty = self.types.widen(flow.ty);
                self.types.store_elem(id, ty);
                Some(Values::default())
            }
            _ => None,
        }
    }

    /// Whether an expression may be followed twice: looking at it costs little, even if it is in one that is.
    pub(super) fn is_simple(&self, id: ExprId) -> bool {
        const MAX_KEYS: usize = 8;
        let mut at = id;
        for _ in 0..MAX_KEYS {
            match self.ast.expr(at) {
                Expr::Name(_) | Expr::Nil | Expr::String(_) | Expr::Integer(_) => return true,
                Expr::Field(object, _) => at = *object,
                _ => return false,
            }
        }
        false
    }

    /// `require "name"`
    fn require(&mut self, name: ExprId, call: ExprId) -> Option<Values> {
        let Expr::String(bytes) = self.ast.expr(name) else {
            let _ = self.expr(name, Some(Ty::STRING));
            return Some(Values::any());
        };
        let module = String::from_utf8_lossy(bytes).into_owned();
        if self.modules.forbids(self.types, self.library, &module) {
            let message = format!("require(\"{module}\"): not declared in this entry's imports or modules");
            self.error(Code::UNDECLARED_REQUIRE, self.span(call), message);
            return Some(Values::one(Flow::ANY));
        }
        match self.modules.require(self.types, self.library, &module) {
            Some(interface) => Some(Values::one(Flow::inferred(interface.value))),
            None => {
                let message = format!("types of module '{module}' are not known");
                self.error(Code::UNRESOLVED_MODULE, self.span(call), message);
                Some(Values::one(Flow::ANY))
            }
        }
    }

    /// `pcall(f, …)`: what is in the function may fail on purpose.
    fn protected(&mut self, function: ExprId, args: &'a [ExprId]) -> Values {
        let mark = self.diagnostics.mark();
        let literal = matches!(self.ast.expr(function), Expr::Function(_));
        let callee = self.expr(function, None);
        if literal && !self.is_strict() {
            self.diagnostics.soften(mark, &TOLERATED);
        }
        for arg in &args[1..] {
            let flow = self.expr(*arg, None);
            self.escape(flow.ty);
        }
        let _ = callee;
        self.invalidate_by_call();
        Values { items: smallvec![Flow::inferred(Ty::BOOLEAN)], tail: Some(Flow::ANY), fallible: None }
    }

    /// Key and value that `pairs(t)` or `ipairs(t)` give.
    pub(super) fn traversed(&mut self, special: Special, call: ExprId, of: ExprId) -> Values {
        let flow = self.expr(of, None);
        let flow = self.constrained(flow);
        let name = if special == Special::Pairs { "pairs" } else { "ipairs" };
        if matches!(flow.ty, Ty::ANY | Ty::UNKNOWN) {
            return Values::any();
        }
        let span: Span = self.span(of);
        // Anything with the right metamethods may be traversed.
        let fails = self.fails(flow, |checker, member| {
            let bases = checker.types.bases(member);
            let ok =
                if special == Special::Ipairs { base::STRING } else { 0 } | base::TABLE | base::USERDATA | base::TYPE;
            bases & (ok | base::ERROR) == 0
        });
        let possible = !self.types.has_nil(flow.ty) || self.types.without_nil(flow.ty) == Ty::NEVER;
        if fails && (possible || self.nil_matters(flow)) {
            let message = format!("argument 1 of '{name}': {} is not a table", self.types.show(flow.ty));
            let mut report = Diagnostic::new(Code::MISMATCH, span, message);
            if !possible {
                report = report.with_help("the value may be nil: test it first, or give a default with 'or {}'");
            }
            self.report(report);
            return Values::any();
        }
        let _ = call;
        let rest = self.types.only(flow.ty, base::TABLE);
        let members = self.types.members(rest);
        let [only] = members[..] else { return Values::any() };
        let found = match special {
            Special::Ipairs => self.types.element(only).map(|element| (Ty::INTEGER, element)),
            _ => self.types.entries(only),
        };
        let Some((key, value)) = found else { return Values::any() };
        let value = self.types.without_nil(value);
        let value = if value == Ty::NEVER { Ty::ANY } else { value };
        let key = if key == Ty::NEVER { Ty::ANY } else { key };
        Values { items: smallvec![Flow { ty: key, ..flow }, Flow { ty: value, ..flow }], tail: None, fallible: None }
    }
}
