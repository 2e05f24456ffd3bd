//! Statements, and the states between them (types §3.3).

use super::Checker;
use super::expr::Values;
use super::function::Receiver;
use crate::syntax::Span;
use crate::syntax::ast::{Binding, Block, Expr, ExprId, Ident, Name, Stat, StatKind};
use crate::types::algebra::base;
use crate::types::codes::Code;
use crate::types::diagnostic::Diagnostic;
use crate::types::facts::{Facts, Flow, Pair};
use crate::types::library::Interface;
use crate::types::scope::{Meaning, VarId};
use crate::types::ty::{Kind, Pack, Ty};

/// Paths of which something is known at a time; more are given up, but for variables.
const MAX_FACTS: usize = 256;

impl<'a> Checker<'a> {
    /// The chunk.
    pub(super) fn chunk(&mut self) -> Interface {
        let ast = self.ast;
        self.block_in_scope(&ast.block);
        let pack = self.function.returned.take();
        let value = match &pack {
            Some(pack) => pack.get(0).unwrap_or(Ty::NIL),
            None => Ty::NIL,
        };
        let mut interface = Interface { value, types: Default::default() };
        interface.types.extend(self.names.exports.iter().copied());
        // Fields that hold aliases export them.
        if let Kind::Shape(id) = *self.types.kind(value) {
            for field in self.types.shape(id).fields.clone() {
                if let Kind::TypeValue(of) = *self.types.kind(field.ty)
                    && let Kind::Alias(alias, _) = *self.types.kind(of)
                {
                    interface.types.insert(field.key, alias);
                } else if let Kind::Generic(alias) = *self.types.kind(field.ty) {
                    interface.types.insert(field.key, alias);
                }
            }
        }
        interface
    }

    /// A block with a scope of its own.
    pub(super) fn block(&mut self, block: &'a Block) {
        let mark = self.names.mark();
        let outer = self.first_declared.take();
        self.block_in_scope(block);
        if let Some(first) = std::mem::replace(&mut self.first_declared, outer) {
            self.facts.leave_scope(first, &self.paths);
            self.first_declared = Some(outer.map_or(first, |outer| outer.min(first)));
        }
        self.names.leave(mark);
    }

    /// A block whose scope somebody else ends.
    fn block_in_scope(&mut self, block: &'a Block) {
        self.declare_aliases(block);
        let mut told = self.facts.unreachable;
        for stat in &block.stats {
            if self.facts.unreachable && !told && !matches!(stat.kind, StatKind::Label(_)) {
                told = true;
                self.diagnostics.push(Diagnostic::new(Code::UNREACHABLE, stat.span, "unreachable code"));
            }
            self.stat(stat);
            // States are copied at every branch.
            if self.facts.len() > MAX_FACTS {
                let paths = &self.paths;
                self.facts.retain(|path| paths.parent(path).is_none());
            }
        }
    }

    fn stat(&mut self, stat: &'a Stat) {
        match &stat.kind {
            StatKind::Error => {}
            StatKind::Assign { targets, values } => self.assignment(targets, values),
            StatKind::Call(call) => {
                let _ = self.multi(*call, None);
            }
            StatKind::Label(label) => self.label(label),
            StatKind::Break => {
                let state = std::mem::replace(&mut self.facts, Facts::dead());
                if let Some(before) = self.function.breaks.pop() {
                    let joined = self.merge(before, state);
                    self.function.breaks.push(joined);
                }
            }
            StatKind::Goto(label) => {
                let state = std::mem::replace(&mut self.facts, Facts::dead());
                let before = self.function.gotos.remove(&label.name).unwrap_or_else(Facts::dead);
                let joined = self.merge(before, state);
                self.function.gotos.insert(label.name, joined);
            }
            StatKind::Do(block) => self.block(block),
            StatKind::While { cond, body } => self.repeated(stat.span.start, &mut |checker| {
                let (_, edges) = checker.condition(*cond);
                checker.facts = edges.yes;
                checker.block(body);
                edges.no
            }),
            StatKind::Repeat { body, cond } => self.repeated(stat.span.start, &mut |checker| {
                let mark = checker.names.mark();
                checker.block_in_scope(body);
                let (_, edges) = checker.condition(*cond);
                checker.names.leave(mark);
                checker.facts = edges.no;
                edges.yes
            }),
            StatKind::If { arms, otherwise } => self.branches(arms, otherwise.as_ref()),
            StatKind::NumericFor { var, start, limit, step, body } => {
                self.numeric_for(stat.span.start, var, [Some(*start), Some(*limit), *step], body);
            }
            StatKind::GenericFor { vars, values, body } => self.generic_for(stat.span.start, vars, values, body),
            StatKind::Function { path, method, body } => {
                let place = path.first().map_or(stat.span, |first| first.span);
                self.function_statement(path, method.as_ref(), body, place);
            }
            StatKind::LocalFunction { name, body } => {
                let Some(var) = self.scopes.declared(name) else { return };
                let mark = self.names.mark();
                let key = self.key(name.name);
                self.note_body(var, body);
                let signature = self.signature(body, None, Some(key), None);
                let provisional = self.types.func(signature.clone());
                self.declare_var(var, None, Flow::inferred(provisional));
                let ty = self.function_body(body, signature, None);
                self.names.leave(mark);
                self.declare_var(var, None, Flow::inferred(ty));
            }
            StatKind::Local { vars, values } => self.local(vars, values),
            StatKind::Return(values) => self.return_statement(values, stat.span),
            StatKind::Alias(alias) => {
                let Some(id) = self.names.alias(alias.name.name) else { return };
                let Some(var) = self.scopes.declared(&alias.name) else { return };
                let ty = if self.types.alias(id).params.is_empty() {
                    let of = self.types.intern(Kind::Alias(id, [].into()));
                    self.types.intern(Kind::TypeValue(of))
                } else {
                    self.types.intern(Kind::Generic(id))
                };
                self.declare_var(var, None, Flow::inferred(ty));
            }
        }
    }

    // Declarations and assignments.

    fn local(&mut self, vars: &'a [Binding], values: &'a [ExprId]) {
        let declared: Vec<Option<Ty>> = vars.iter().map(|var| var.ty.map(|ty| self.lower(ty))).collect();
        let first_name = vars.first().map(|var| var.name);
        let found = match (values, first_name) {
            // Functions are called by the names of their variables.
            ([only], Some(name)) if matches!(self.ast.expr(*only), Expr::Function(_)) => {
                let Expr::Function(body) = self.ast.expr(*only) else { unreachable!("just tested") };
                let key = self.key(name.name);
                Values::one(Flow::inferred(self.function_value(body, declared[0], Some(key))))
            }
            _ => self.list(values, &|at| declared.get(at).copied().flatten()),
        };
        for (at, var) in vars.iter().enumerate() {
            let Some(id) = self.scopes.declared(&var.name) else { continue };
            if vars[..at].iter().any(|other| other.name.name == var.name.name) {
                let message = format!("'{}' is declared twice here", self.ast.text(var.name.name));
                let mut report = Diagnostic::new(Code::DUPLICATE, var.name.span, message);
                report.severity = crate::types::codes::Severity::Warning;
                self.report(report);
            }
            let flow = found.get(at);
            self.bind_import(var.name.name, values.get(at).copied());
            match declared[at] {
                Some(ty) => {
                    let place = var.ty.map(|ty| self.ast.type_span(ty));
                    if let Some(place) = place {
                        self.notes.annotations.insert(id, place);
                    }
                    if let Some(written) = var.ty.filter(|_| self.notes.validators) {
                        self.notes.written.insert(id, written);
                    }
                    let mut value = flow;
                    if values.is_empty() {
                        self.vars[id.0 as usize] = super::VarState { declared: Some(ty), base: Flow::declared(ty) };
                        if !self.is_volatile(id) {
                            let path = self.paths.root(id);
                            self.facts.set(path, Flow::inferred(Ty::NIL));
                        }
                        continue;
                    }
                    let span = self.value_span(values, at, var.name.span);
                    if !self.check_fits(flow, ty, span, "", place) {
                        value = Flow::declared(ty);
                    } else if let (Some(written), Some(expr)) = (var.ty, values.get(at)) {
                        self.check_constant(written, *expr);
                    }
                    self.declare_var(id, Some(ty), value);
                    if let Some(value) = values.get(at) {
                        self.note_elements(id, *value);
                    }
                }
                None => {
                    self.declare_var(id, None, flow);
                    match values.get(at).map(|value| (*value, self.ast.expr(*value))) {
                        Some((_, Expr::Function(body))) => self.note_body(id, body),
                        Some((value, Expr::Table(_))) => self.note_elements(id, value),
                        _ => {}
                    }
                    // Without a value, nil is what it begins with, and no more.
                    if values.is_empty() && self.scopes.var(id).assigned > 0 && !self.is_volatile(id) {
                        self.vars[id.0 as usize].base = Flow::inferred(Ty::NIL);
                    }
                }
            }
        }
        self.pair(vars, &found);
    }

    fn value_span(&self, values: &[ExprId], at: usize, otherwise: Span) -> Span {
        values.get(at).or(values.last()).map_or(otherwise, |value| self.span(*value))
    }

    /// Lets a variable stand for the types of the module it holds.
    pub(in crate::types) fn bind_import(&mut self, name: Name, value: Option<ExprId>) {
        let module = value.and_then(|value| {
            let Expr::Call { func, args, .. } = self.ast.expr(value) else { return None };
            let Expr::Name(called) = self.ast.expr(*func) else { return None };
            if self.ast.text(*called) != "require" || !matches!(self.scopes.meaning(*func), Meaning::Global) {
                return None;
            }
            match args[..] {
                [only] => match self.ast.expr(only) {
                    Expr::String(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
                    _ => None,
                },
                _ => None,
            }
        });
        let interface =
            module.map(|module| self.modules.require(self.types, self.library, &module).unwrap_or_default());
        self.names.bind_module(name, interface);
    }

    /// Notes that a value is missing exactly if its error is there.
    fn pair(&mut self, vars: &[Binding], found: &Values) {
        let Some(fallible) = &found.fallible else { return };
        let (Some(value), Some(error)) = (vars.first(), vars.get(fallible.at)) else { return };
        let (Some(value), Some(error)) = (self.scopes.declared(&value.name), self.scopes.declared(&error.name)) else {
            return;
        };
        let of_value = self.types.bases(found.get(0).ty);
        if of_value & !(base::BOOLEAN | base::NIL) == 0 || self.is_volatile(value) || self.is_volatile(error) {
            return;
        }
        self.facts.pair(Pair { value, error, checked: fallible.checked });
        if fallible.silent && !self.scopes.var(error).read && self.scopes.var(error).assigned == 0 {
            let name = self.ast.text(self.scopes.var(error).name);
            if !name.starts_with('_') {
                self.notes.errors.push((error, self.scopes.var(error).span, fallible.name.clone()));
            }
        }
    }

    fn assignment(&mut self, targets: &'a [ExprId], values: &'a [ExprId]) {
        if let ([target], [value]) = (targets, values) {
            let span = self.span(*value);
            if let (Expr::Name(_), Meaning::Local(var)) = (self.ast.expr(*target), self.scopes.meaning(*target)) {
                self.check_assigned_constant(var, *value);
            }
            return self.assign(*target, span, &mut |checker, expected| match checker.ast.expr(*value) {
                Expr::Function(body) => {
                    let name = checker.target_name(*target);
                    Flow::inferred(checker.function_value(body, expected, name))
                }
                _ => checker.expr(*value, expected),
            });
        }
        let found = self.list(values, &|_| None);
        // Tables and keys are evaluated before any variable is assigned.
        for variables in [false, true] {
            for (at, target) in targets.iter().enumerate() {
                if matches!(self.ast.expr(*target), Expr::Name(_)) == variables {
                    let flow = found.get(at);
                    let span = self.value_span(values, at, self.span(*target));
                    self.assign(*target, span, &mut |_, _| flow);
                }
            }
        }
        // `v, err = f()` of two variables.
        if let (Some(fallible), Some(first)) = (&found.fallible, targets.first())
            && let Some(last) = targets.get(fallible.at)
            && let (Expr::Name(_), Expr::Name(_)) = (self.ast.expr(*first), self.ast.expr(*last))
            && let (Meaning::Local(value), Meaning::Local(error)) =
                (self.scopes.meaning(*first), self.scopes.meaning(*last))
            && !self.is_volatile(value)
            && !self.is_volatile(error)
        {
            self.facts.pair(Pair { value, error, checked: fallible.checked });
        }
    }

    fn target_name(&mut self, target: ExprId) -> Option<crate::types::ty::Key> {
        match self.ast.expr(target) {
            Expr::Name(name) => Some(self.key(*name)),
            Expr::Field(_, name) => Some(self.key(name.name)),
            _ => None,
        }
    }

    fn assign(&mut self, target: ExprId, span: Span, value: &mut dyn FnMut(&mut Self, Option<Ty>) -> Flow) {
        let Expr::Name(name) = self.ast.expr(target) else { return self.store(target, value, span) };
        match self.scopes.meaning(target) {
            Meaning::Local(var) => {
                let expected = self.var(var).declared;
                let flow = value(self, expected);
                self.assign_var(var, flow, span, self.span(target));
            }
            Meaning::Global => {
                let key = self.key(*name);
                let library = self.library.globals.contains_key(&key);
                let flow = value(self, None);
                self.escape(flow.ty);
                if !library {
                    self.notes.globals.insert(*name, global_flow(self, flow));
                }
                if !self.function.is_main || !library {
                    let message = format!("assignment to the global '{}'", self.ast.text(*name));
                    self.error(Code::GLOBAL_ASSIGN, self.span(target), message);
                }
            }
            Meaning::Environment => _ = value(self, None),
        }
    }

    fn assign_var(&mut self, var: VarId, flow: Flow, span: Span, target: Span) {
        self.trace_name(target, flow.ty);
        let path = self.paths.root(var);
        if self.scopes.var(var).kind == crate::types::scope::VarKind::Alias {
            let name = self.ast.text(self.scopes.var(var).name);
            let message = format!("cannot assign to type '{name}'");
            let report = Diagnostic::new(Code::ALIAS_VALUE, target, message);
            self.diagnostics.push(report.with_place(self.scopes.var(var).span, "it is declared here"));
            return;
        }
        self.facts.forget(path, &self.paths);
        match self.var(var).declared {
            Some(declared) => {
                let place = self.notes.annotations.get(&var).copied();
                let fits = self.check_fits(flow, declared, span, "", place);
                let known = if fits { self.inhabited(declared, flow) } else { Flow::declared(declared) };
                self.facts.set(path, known);
            }
            None if self.is_volatile(var) => {}
            None => {
                let ty = self.types.widen(flow.ty);
                self.facts.set(path, Flow { ty, ..flow });
            }
        }
    }

    fn function_statement(
        &mut self,
        path: &'a [Ident],
        method: Option<&'a Ident>,
        body: &'a crate::syntax::ast::FunctionBody,
        place: Span,
    ) {
        let Some((first, fields)) = path.split_first() else { return };
        let var = self.scopes.visible_at(first);
        if fields.is_empty() && method.is_none() {
            let key = self.key(first.name);
            let expected = var.and_then(|var| self.var(var).declared);
            let ty = self.function_value(body, expected, Some(key));
            let flow = Flow::inferred(ty);
            match var {
                Some(var) => self.assign_var(var, flow, place, place),
                None => {
                    if !self.library.globals.contains_key(&key) {
                        self.notes.globals.insert(first.name, flow);
                    }
                    let message = format!("assignment to the global '{}'", self.ast.text(first.name));
                    self.error(Code::GLOBAL_ASSIGN, place, message);
                }
            }
            return;
        }
        // The object that gets the function.
        let mut object = match var {
            Some(var) => self.var_flow(var),
            None => {
                let key = self.key(first.name);
                match self.library.globals.get(&key) {
                    Some(_) => Flow::ANY,
                    None => self.notes.globals.get(&first.name).copied().unwrap_or(Flow::ANY),
                }
            }
        };
        let (last, between) = match method {
            Some(method) => (method, fields),
            None => (fields.last().expect("a path of two or more"), &fields[..fields.len() - 1]),
        };
        for field in between {
            let ty = self.key(field.name);
            object = match self.types.known_field(object.ty, ty) {
                Some(ty) => Flow { ty, ..object },
                None => Flow::ANY,
            };
        }
        let key = self.key(last.name);
        if let Kind::TypeValue(_) | Kind::Generic(_) = self.types.kind(object.ty) {
            let message = format!("cannot assign to type '{}'", self.ast.text(first.name));
            self.diagnostics.push(Diagnostic::new(Code::ALIAS_VALUE, first.span, message));
        }
        let receiver = method.map(|method| Receiver { method, flow: object });
        let expected = self.types.known_field(object.ty, key).filter(|_| object.declared);
        let mark = self.names.mark();
        let expected_func = match expected.map(|ty| self.types.kind(ty).clone()) {
            Some(Kind::Func(func)) if method.is_none() => Some(crate::types::ty::Func::clone(&func)),
            _ => None,
        };
        let signature = self.signature(body, receiver, Some(key), expected_func.as_ref());
        let shape = match *self.types.kind(object.ty) {
            Kind::Shape(id) if !self.types.shape(id).sealed => Some(id),
            _ => None,
        };
        // Calls of itself find it.
        if let Some(shape) = shape
            && self.types.own_field(shape, key).is_none()
        {
            let provisional = self.types.func(signature.clone());
            self.types.store_field(shape, key, provisional);
            self.types.shape_mut(shape).fields.last_mut().expect("stored above").writes = 0;
        }
        let ty = self.function_body(body, signature, receiver);
        self.trace_name(last.span, ty);
        self.names.leave(mark);
        match shape {
            Some(shape) => {
                if self.notes.counted.insert((shape, key, last.span.start)) {
                    self.types.replace_field(shape, key, ty);
                    let of = self.types.intern(Kind::Shape(shape));
                    self.modules.origin(|origins| origins.field(of, key, last.span));
                }
            }
            None => {
                if let Some(expected) = expected {
                    let span = last.span;
                    let context = format!("field '{}': ", self.types.key_text(key));
                    self.check_fits(Flow::inferred(ty), expected, span, &context, None);
                } else if object.declared
                    && let head = self.types.head(object.ty)
                    && let Kind::Record(record) = self.types.kind(head).clone()
                    && record.indexer.is_none()
                {
                    let (shown, name) = (self.types.show(object.ty), self.types.key_text(key).into_owned());
                    self.error(Code::NO_FIELD, last.span, format!("{shown} has no field '{name}'"));
                }
            }
        }
    }

    fn return_statement(&mut self, values: &'a [ExprId], span: Span) {
        let declared = self.function.declared.clone();
        let wanted = declared.as_ref().map(|(pack, _)| pack.clone());
        let found = self.list(values, &|at| wanted.as_ref().and_then(|pack| pack.get(at)));
        for flow in &found.items {
            self.escape(flow.ty);
        }
        if let Some(ret) = self.function.written {
            self.check_returned_constants(ret, values);
        }
        match declared {
            Some((pack, place)) => {
                for (at, ty) in pack.types.iter().enumerate() {
                    if values.is_empty() && self.types.accepts_nil(*ty) {
                        continue;
                    }
                    let flow = found.get(at);
                    let span = self.value_span(values, at, span);
                    let context = if pack.types.len() > 1 || pack.tail.is_some() {
                        format!("return value {}: ", at + 1)
                    } else {
                        "return value: ".to_owned()
                    };
                    if !self.check_fits(flow, *ty, span, &context, place) {
                        break;
                    }
                }
                if let Some(tail) = pack.tail {
                    for (at, flow) in found.items.iter().enumerate().skip(pack.types.len()) {
                        let span = self.value_span(values, at, span);
                        self.check_fits(*flow, tail, span, &format!("return value {}: ", at + 1), place);
                    }
                } else if found.items.len() > pack.types.len() && values.len() > pack.types.len() {
                    let extra = self.span(values[pack.types.len()]);
                    let message = format!(
                        "return value {}: '{}' returns {}",
                        pack.types.len() + 1,
                        self.function.name,
                        self.types.show_pack(&pack)
                    );
                    self.error(Code::MISMATCH, extra, message);
                }
            }
            None => {
                if !self.facts.unreachable {
                    let pack = Pack {
                        types: found.items.iter().map(|flow| flow.ty).collect(),
                        tail: found.tail.map(|flow| flow.ty),
                    };
                    self.add_return(&pack);
                }
            }
        }
        self.facts = Facts::dead();
    }

    // Branches and loops.

    fn branches(&mut self, arms: &'a [(ExprId, Block)], otherwise: Option<&'a Block>) {
        let mut after = Facts::dead();
        for (cond, block) in arms {
            let (_, edges) = self.condition(*cond);
            self.facts = edges.yes;
            self.block(block);
            let left = std::mem::replace(&mut self.facts, edges.no);
            after = self.merge(after, left);
        }
        match otherwise {
            Some(block) => self.block(block),
            None => self.exhaustive(arms),
        }
        let rest = std::mem::take(&mut self.facts);
        self.facts = self.merge(after, rest);
    }

    /// A chain of tests of a discriminant, with a member that no arm takes.
    fn exhaustive(&mut self, arms: &[(ExprId, Block)]) {
        if !self.is_strict() || arms.len() < 2 || self.facts.unreachable {
            return;
        }
        let mut subject = None;
        for (cond, _) in arms {
            let Expr::Binary { op: crate::syntax::ast::BinOp::Eq, lhs, rhs, .. } = self.ast.expr(*cond) else { return };
            if !matches!(self.ast.expr(*rhs), Expr::String(_) | Expr::Integer(_)) {
                return;
            }
            let Some(path) = self.path_of(*lhs) else { return };
            if *subject.get_or_insert(path) != path {
                return;
            }
        }
        let Some(parent) = subject.and_then(|path| self.paths.parent(path)) else { return };
        let var = self.paths.root(self.paths.var(parent));
        if var != parent {
            return;
        }
        let rest = self.var_flow(self.paths.var(parent));
        let members = self.types.members(rest.ty);
        if rest.declared && !members.is_empty() && rest.ty != Ty::ANY && rest.ty != Ty::UNKNOWN {
            let message = format!("unhandled case: {}", self.types.show(rest.ty));
            self.error(Code::NON_EXHAUSTIVE, self.span(arms[0].0), message);
        }
    }
}

/// A value that other functions see through a global variable.
fn global_flow(checker: &Checker<'_>, flow: Flow) -> Flow {
    match checker.types.kind(flow.ty) {
        Kind::Func(_) | Kind::Shape(_) => flow,
        _ => Flow::ANY,
    }
}
