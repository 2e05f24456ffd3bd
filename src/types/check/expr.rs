//! Expressions: what they are, and what is known after them if they are true or false.

use smallvec::{SmallVec, smallvec};

use super::Checker;
use crate::syntax::Span;
use crate::syntax::ast::{BinOp, Expr, ExprId, UnOp};
use crate::types::algebra::base;
use crate::types::codes::{Code, Severity};
use crate::types::diagnostic::Diagnostic;
use crate::types::facts::{Facts, Flow, PathId};
use crate::types::lower::predeclared;
use crate::types::names::nearest;
use crate::types::scope::{Meaning, Var, VarId, VarKind};
use crate::types::ty::{Kind, Literal, Ty};

/// Several values.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    /// The first of them.
    pub items: SmallVec<[Flow; 2]>,
    /// All others, if there may be more.
    pub tail: Option<Flow>,
    /// The last of them tells why the others are missing.
    pub fallible: Option<Fallible>,
}

/// What is known of a call that may fail.
#[derive(Clone, Debug)]
pub(super) struct Fallible {
    /// What was called, for messages.
    pub name: String,
    /// Which of them is the error.
    pub at: usize,
    /// The path that was checked to have a type, if there is no error.
    pub checked: Option<(PathId, Ty)>,
    /// Whether the type of the value says nothing about failure.
    pub silent: bool,
}

impl Values {
    pub(super) fn one(flow: Flow) -> Values {
        Values { items: smallvec![flow], ..Values::default() }
    }

    /// Any number of anything.
    pub(super) fn any() -> Values {
        Values { tail: Some(Flow::ANY), ..Values::default() }
    }

    /// The value at `index`, after adjustment: nil beyond the end.
    pub(super) fn get(&self, index: usize) -> Flow {
        self.items.get(index).copied().or(self.tail).unwrap_or(Flow::inferred(Ty::NIL))
    }
}

/// What is known if a condition is true, and if it is false.
#[derive(Clone, Debug)]
pub(super) struct Edges {
    pub yes: Facts,
    pub no: Facts,
}

/// An operand on the way up a chain.
struct Operand {
    flow: Flow,
    /// The values of a call, if the operand is one.
    values: Option<Values>,
    /// Known if the operand is a logical operator.
    edges: Option<Edges>,
}

impl Operand {
    fn of(flow: Flow) -> Operand {
        Operand { flow, values: None, edges: None }
    }
}

impl Checker<'_> {
    /// The single value of an expression. `expected` is the type of the place it goes to.
    pub(super) fn expr(&mut self, id: ExprId, expected: Option<Ty>) -> Flow {
        self.chain(id, expected, false).flow
    }

    /// All values of an expression.
    pub(super) fn multi(&mut self, id: ExprId, expected: Option<Ty>) -> Values {
        match self.ast.expr(id) {
            Expr::Vararg => Values { tail: Some(self.function.vararg()), ..Values::default() },
            _ => {
                let operand = self.chain(id, expected, false);
                operand.values.unwrap_or_else(|| Values::one(operand.flow))
            }
        }
    }

    /// The values of a list of expressions, adjusted as Lua does.
    pub(super) fn list(&mut self, ids: &[ExprId], expected: &dyn Fn(usize) -> Option<Ty>) -> Values {
        let mut values = Values::default();
        for (at, id) in ids.iter().enumerate() {
            if at + 1 == ids.len() {
                let last = self.multi(*id, expected(at));
                values.items.extend(last.items);
                values.tail = last.tail;
                values.fallible = last.fallible.filter(|_| at == 0);
            } else {
                let flow = self.expr(*id, expected(at));
                values.items.push(flow);
            }
        }
        values
    }

    /// A condition: its value, and what is known afterwards in either case. The state is unchanged but for effects.
    pub(super) fn condition(&mut self, id: ExprId) -> (Flow, Edges) {
        let operand = self.chain(id, None, true);
        let edges = operand.edges.unwrap_or_else(|| self.split(id, operand.flow));
        (operand.flow, edges)
    }

    fn split(&mut self, id: ExprId, flow: Flow) -> Edges {
        let mut edges = self.narrow(id);
        // A constant condition leads one way only.
        let bases = self.types.bases(flow.ty);
        if matches!(self.types.kind(flow.ty), Kind::Literal(_) | Kind::Nil | Kind::Shape(_) | Kind::Func(_)) {
            edges.yes.unreachable |= bases & !base::FALSY == 0;
            edges.no.unreachable |= bases & base::FALSY == 0;
        }
        edges
    }

    /// Follows a chain of operators and suffixes that nests to the left, from its innermost operand outwards.
    fn chain(&mut self, id: ExprId, expected: Option<Ty>, want_edges: bool) -> Operand {
        let ast = self.ast;
        let mut spine: SmallVec<[ExprId; 8]> = SmallVec::new();
        let mut at = id;
        loop {
            let next = match ast.expr(at) {
                Expr::Binary { lhs, .. } => *lhs,
                Expr::Field(object, _) | Expr::Index(object, _) | Expr::NonNil(object) => *object,
                Expr::Call { func, .. } => *func,
                Expr::MethodCall { object, .. } => *object,
                _ => break,
            };
            spine.push(at);
            at = next;
        }
        let of_leaf = if spine.is_empty() { expected } else { self.left_expectation(&spine, expected) };
        // The variable at the bottom of a suffix is only looked into.
        let looked_into = spine.last().is_some_and(|outer| !matches!(ast.expr(*outer), Expr::Binary { .. }));
        let wanted = |spine: &[ExprId]| spine.last().map_or(want_edges, |next| is_logical(ast.expr(*next)));
        let mut operand = self.leaf(at, of_leaf, looked_into, wanted(&spine));
        self.trace_expr(at, operand.flow.ty);
        let mut inner = at;
        while let Some(outer) = spine.pop() {
            let expected = if spine.is_empty() { expected } else { None };
            operand = match ast.expr(outer) {
                Expr::Binary { op: op @ (BinOp::And | BinOp::Or), rhs, .. } => {
                    self.logical(*op, inner, operand, *rhs, expected, wanted(&spine))
                }
                Expr::Binary { op, lhs, rhs, .. } => {
                    let right = self.expr(*rhs, None);
                    Operand::of(self.binary(*op, (*lhs, operand.flow), (*rhs, right), outer))
                }
                Expr::Field(_, name) => {
                    let key = self.key(name.name);
                    Operand::of(self.read_field(outer, inner, operand.flow, key, name.span))
                }
                Expr::Index(_, key) => Operand::of(self.read_index(outer, inner, operand.flow, *key)),
                Expr::NonNil(_) => Operand::of(self.assertion(outer, operand.flow)),
                Expr::Call { func, args, .. } => {
                    let values = self.call(outer, *func, operand.flow, args, expected);
                    Operand { flow: self.first_of(&values), values: Some(values), edges: None }
                }
                Expr::MethodCall { name, args, .. } => {
                    let values = self.method_call(outer, inner, operand.flow, name, args, expected);
                    Operand { flow: self.first_of(&values), values: Some(values), edges: None }
                }
                _ => unreachable!("only these are on the spine"),
            };
            self.trace_expr(outer, operand.flow.ty);
            inner = outer;
        }
        operand
    }

    /// The expected type of the innermost operand: that of the whole, if it becomes the whole's value.
    fn left_expectation(&self, spine: &[ExprId], expected: Option<Ty>) -> Option<Ty> {
        let passes = spine.iter().all(|id| matches!(self.ast.expr(*id), Expr::Binary { op: BinOp::Or, .. }));
        expected.filter(|_| passes)
    }

    fn first_of(&self, values: &Values) -> Flow {
        values.get(0)
    }

    fn logical(
        &mut self,
        op: BinOp,
        lhs: ExprId,
        left: Operand,
        rhs: ExprId,
        expected: Option<Ty>,
        want_edges: bool,
    ) -> Operand {
        let flow = left.flow;
        let edges = left.edges.unwrap_or_else(|| self.split(lhs, flow));
        let (into, around) = if op == BinOp::And { (edges.yes, edges.no) } else { (edges.no, edges.yes) };
        self.facts = into;
        let (right, inner) = if want_edges {
            let (right, edges) = self.condition(rhs);
            (right, Some(edges))
        } else {
            (self.expr(rhs, expected), None)
        };
        let after = std::mem::take(&mut self.facts);
        let kept = match op {
            BinOp::And => self.types.only(flow.ty, base::FALSY),
            _ => self.types.without(flow.ty, base::FALSY),
        };
        // The falsy part of what nobody knows is not known either.
        let kept = match flow.ty {
            Ty::ANY | Ty::UNKNOWN => flow.ty,
            _ => kept,
        };
        let value = Flow { ty: kept, ..flow }.join(right, self.types);
        self.facts = self.merge(after, around.clone());
        let edges = inner.map(|inner| match op {
            BinOp::And => Edges { yes: inner.yes, no: self.merge(inner.no, around) },
            _ => Edges { yes: self.merge(inner.yes, around), no: inner.no },
        });
        Operand { flow: value, values: None, edges }
    }

    /// An expression that nests to the right or not at all.
    fn leaf(&mut self, id: ExprId, expected: Option<Ty>, looked_into: bool, want_edges: bool) -> Operand {
        let ast = self.ast;
        let ty = match ast.expr(id) {
            Expr::Error => Ty::ANY,
            Expr::Nil => Ty::NIL,
            Expr::True => Ty::TRUE,
            Expr::False => Ty::FALSE,
            Expr::Integer(value) => self.types.literal(Literal::Integer(*value)),
            Expr::Float(value) => self.types.float_literal(*value),
            Expr::String(bytes) => self.types.string_literal(bytes),
            Expr::Vararg => return Operand::of(self.function.vararg()),
            Expr::Function(body) => self.function_value(body, expected, None),
            Expr::Name(name) => {
                let flow = self.name(id, *name);
                self.trace_name(ast.expr_span(id), flow.ty);
                if !looked_into {
                    self.escape(flow.ty);
                }
                return Operand::of(flow);
            }
            Expr::Paren(inner) => {
                let operand = self.chain(*inner, expected, want_edges);
                return Operand { flow: operand.flow, values: None, edges: operand.edges };
            }
            Expr::Cast(inner, to) => return Operand::of(self.cast(id, *inner, *to)),
            Expr::Unary { op: UnOp::Not, operand, .. } => {
                if want_edges {
                    let (flow, edges) = self.condition(*operand);
                    let edges = Edges { yes: edges.no, no: edges.yes };
                    return Operand { flow: self.negated(flow), values: None, edges: Some(edges) };
                }
                let flow = self.expr(*operand, None);
                return Operand::of(self.negated(flow));
            }
            Expr::Unary { op, operand, .. } => {
                let flow = self.expr(*operand, None);
                return Operand::of(self.unary(*op, *operand, flow, id));
            }
            Expr::Table(items) => return Operand::of(self.table(id, items, expected)),
            Expr::Binary { .. }
            | Expr::Field(..)
            | Expr::Index(..)
            | Expr::NonNil(_)
            | Expr::Call { .. }
            | Expr::MethodCall { .. } => unreachable!("these are on the spine"),
        };
        Operand::of(Flow::inferred(ty))
    }

    fn negated(&mut self, flow: Flow) -> Flow {
        let bases = self.types.bases(flow.ty);
        Flow::inferred(match (bases & base::FALSY != 0, bases & !base::FALSY != 0) {
            (true, false) => Ty::TRUE,
            (false, true) => Ty::FALSE,
            _ => Ty::BOOLEAN,
        })
    }

    /// A variable.
    fn name(&mut self, id: ExprId, name: crate::syntax::ast::Name) -> Flow {
        match self.scopes.meaning(id) {
            Meaning::Local(var) => {
                let flow = self.var_flow(var);
                let state = *self.var(var);
                let unassigned = flow.ty == Ty::NIL || self.is_strict() && self.types.has_nil(flow.ty);
                if let Some(declared) = state.declared
                    && unassigned
                    && !self.types.accepts_nil(declared)
                {
                    let text = self.ast.text(name);
                    self.error(
                        Code::USE_BEFORE_ASSIGN,
                        self.ast.expr_span(id),
                        format!("'{text}' is read before it is assigned"),
                    );
                    return state.base;
                }
                if state.declared.is_some_and(|declared| !self.types.accepts_nil(declared)) {
                    return Flow { ty: self.types.without_nil(flow.ty), ..flow };
                }
                flow
            }
            Meaning::Environment => Flow::ANY,
            Meaning::Global => self.global(id, name),
        }
    }

    fn global(&mut self, id: ExprId, name: crate::syntax::ast::Name) -> Flow {
        let key = self.key(name);
        let assigned = self.scopes.assigned_globals.get(&name).map(|(_, times)| *times);
        if let Some(ty) = self.library.globals.get(&key) {
            // A program may replace what a library defines.
            return if assigned.is_some() { Flow::ANY } else { Flow::inferred(*ty) };
        }
        if let Some(times) = assigned {
            // A function that is defined once is itself, wherever it is called from.
            let known = self.notes.globals.get(&name).copied().filter(|_| times == 1);
            return known.unwrap_or(Flow::ANY);
        }
        let text = self.ast.text(name);
        if self.modules.binds(text) {
            let interface = self.modules.require(self.types, self.library, text);
            return interface.map_or(Flow::ANY, |interface| Flow::inferred(interface.value));
        }
        let has_value = !matches!(text, "thread" | "userdata");
        if let Some(ty) = predeclared(text).filter(|_| has_value) {
            return Flow::inferred(self.types.intern(Kind::TypeValue(ty)));
        }
        let known = self.scopes.open_globals
            || self.scopes.tested_globals.contains(&name)
            || self.modules.is_global(self.ast.text(name));
        let span = self.ast.expr_span(id);
        if let Some(alias) = self.later_alias(name, span).filter(|_| !known) {
            let message = format!("type '{}' used as a value before its declaration", self.ast.text(name));
            let report =
                Diagnostic { severity: Severity::Warning, ..Diagnostic::new(Code::ALIAS_VALUE, span, message) };
            self.report(report.with_place(alias, "it is declared here"));
        } else if !known {
            let text = self.ast.text(name).to_owned();
            let defined = self.library.globals.keys().map(|key| self.types.key_bytes(*key));
            let assigned = self.scopes.assigned_globals.keys().map(|name| self.ast.text(*name).as_bytes());
            let locals = self.scopes.vars.iter().map(|var| self.ast.text(var.name).as_bytes());
            let near = nearest(text.as_bytes(), defined.chain(assigned).chain(locals), &mut self.notes.suggestions);
            let mut report = Diagnostic::new(Code::UNDEFINED_GLOBAL, span, format!("undefined global '{text}'"));
            report.help = near.map(|near| format!("did you mean '{near}'?"));
            self.report(report);
            self.notes.undefined.push((span.start, text));
        }
        Flow::ANY
    }

    /// The declaration of an alias of this name, further down.
    fn later_alias(&mut self, name: crate::syntax::ast::Name, span: Span) -> Option<Span> {
        let vars: SmallVec<[VarId; 4]> = self.vars_named(name).iter().copied().collect();
        let later = |var: &Var| var.kind == VarKind::Alias && var.span.start > span.start;
        vars.into_iter().map(|id| self.scopes.var(id)).find(|var| later(var)).map(|var| var.span)
    }

    /// `typeof(e)` in a type: what is known of the expression, which is never evaluated.
    pub(in crate::types) fn type_of(&mut self, id: ExprId) -> Ty {
        let before = self.facts.clone();
        let flow = self.expr(id, None);
        self.facts = before;
        self.types.widen(flow.ty)
    }

    /// `e!`
    fn assertion(&mut self, id: ExprId, flow: Flow) -> Flow {
        let ty = self.types.without_nil(flow.ty);
        if ty == flow.ty && !matches!(ty, Ty::ANY | Ty::UNKNOWN) && (flow.declared || self.is_strict()) {
            let message = format!("{} is never nil", self.types.show(ty));
            self.error(Code::REDUNDANT, self.ast.expr_span(id), message);
        }
        if ty == Ty::NEVER { Flow::ANY } else { Flow { ty, ..flow } }
    }

    /// `e :: T`
    fn cast(&mut self, id: ExprId, inner: ExprId, to: crate::syntax::ast::TypeId) -> Flow {
        let target = self.lower(to);
        let flow = self.expr(inner, Some(target));
        let possible = self.types.assignable(flow.ty, target)
            || self.types.assignable(target, flow.ty)
            || self.types.overlap(flow.ty, target);
        if !possible {
            let message =
                format!("cast from {} to {} can never hold", self.types.show(flow.ty), self.types.show(target));
            let report = Diagnostic::new(Code::IMPOSSIBLE_CAST, self.ast.expr_span(id), message);
            self.report(report.with_help("cast to 'any' first if you mean it"));
        } else if flow.declared && flow.ty == target && target != Ty::ANY {
            let message = format!("the value has the type {} already", self.types.show(target));
            self.error(Code::REDUNDANT, self.ast.expr_span(id), message);
        }
        Flow::declared(target)
    }

    /// The value of an alias as an expression.
    pub(super) fn alias_value(&mut self, id: ExprId) -> Option<Ty> {
        let Meaning::Local(var) = self.scopes.meaning(id) else { return None };
        if self.scopes.var(var).kind != VarKind::Alias {
            return None;
        }
        Some(self.var(var).base.ty)
    }

    /// The place of an expression.
    pub(super) fn span(&self, id: ExprId) -> Span {
        self.ast.expr_span(id)
    }
}

fn is_logical(expr: &Expr) -> bool {
    matches!(expr, Expr::Binary { op: BinOp::And | BinOp::Or, .. })
}
