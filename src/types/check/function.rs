//! Bodies of functions, and the types that functions have.

use hashbrown::HashMap;

use super::Checker;
use crate::syntax::Span;
use crate::syntax::ast::{FunctionBody, Ident, Name, ReturnType};
use crate::types::codes::Code;
use crate::types::diagnostic::Diagnostic;
use crate::types::facts::{Facts, Flow};
use crate::types::ty::{Func, FuncFacts, Key, Kind, Pack, Param, Ty};

/// The function around the place being checked.
pub(super) struct Function<'a> {
    /// What messages call it.
    pub name: String,
    /// Its declared results, and where they are written.
    pub declared: Option<(Pack, Option<Span>)>,
    /// The same as it is written.
    pub written: Option<&'a ReturnType>,
    /// The type of each further argument.
    vararg: Flow,
    /// The join of what it returns.
    pub returned: Option<Pack>,
    /// Whether every `return` gives a value, or nil and an error.
    pub fallible: Option<bool>,
    /// States that leave the loops around the place, innermost last.
    pub breaks: Vec<Facts>,
    /// States that jump to labels further down.
    pub gotos: HashMap<Name, Facts>,
    /// Where it begins.
    pub start: u32,
    /// Whether it is the chunk itself.
    pub is_main: bool,
    /// How many functions it is in, itself included.
    pub depth: u32,
}

impl Function<'_> {
    /// The chunk.
    pub(super) fn main() -> Self {
        Function {
            name: "the chunk".to_owned(),
            declared: None,
            written: None,
            vararg: Flow::ANY,
            returned: None,
            fallible: None,
            breaks: Vec::new(),
            gotos: HashMap::new(),
            start: u32::MAX,
            is_main: true,
            depth: 1,
        }
    }

    pub(super) fn vararg(&self) -> Flow {
        self.vararg
    }
}

/// A receiver: the implicit first parameter of a method.
#[derive(Clone, Copy)]
pub(super) struct Receiver<'a> {
    pub method: &'a Ident,
    pub flow: Flow,
}

impl<'a> Checker<'a> {
    /// A function as an expression.
    pub(super) fn function_value(&mut self, body: &'a FunctionBody, expected: Option<Ty>, name: Option<Key>) -> Ty {
        let expected = expected.and_then(|ty| self.expected_func(ty));
        let mark = self.names.mark();
        let signature = self.signature(body, None, name, expected.as_ref());
        let ty = self.function_body(body, signature, None);
        self.names.leave(mark);
        ty
    }

    /// The one function type among the members of a type.
    fn expected_func(&mut self, ty: Ty) -> Option<Func> {
        let members = self.types.members(ty);
        let mut found = None;
        for member in members {
            let head = self.types.head(member);
            if let Kind::Func(func) = self.types.kind(head).clone() {
                if found.is_some() {
                    return None;
                }
                found = Some(Func::clone(&func));
            }
        }
        found
    }

    /// The type of a function before its body is known. Its type parameters stay visible.
    pub(super) fn signature(
        &mut self,
        body: &'a FunctionBody,
        receiver: Option<Receiver<'a>>,
        name: Option<Key>,
        expected: Option<&Func>,
    ) -> Func {
        let type_params = self.function_params(&body.type_params);
        let mut params = Vec::new();
        if let Some(receiver) = receiver {
            let name = Some(self.types.key(b"self"));
            params.push(Param { name, ty: receiver.flow.ty, optional: false });
        }
        for (at, param) in body.params.iter().enumerate() {
            let ty = match param.ty {
                Some(ty) => self.lower(ty),
                None => expected.and_then(|func| self.types.parameter(func, at)).map_or(Ty::ANY, |param| param.ty),
            };
            let ty = if param.optional { self.types.optional(ty) } else { ty };
            let name = Some(self.key(param.name.name));
            params.push(Param { name, ty, optional: param.optional || param.ty.is_none() });
        }
        let vararg = body.vararg.map(|vararg| match vararg.ty {
            Some(ty) => self.lower(ty),
            None => expected.and_then(|func| func.vararg).unwrap_or(Ty::ANY),
        });
        let (ret, asserts) = match &body.ret {
            Some(ret) => self.lower_return(ret, &params),
            None => (Pack::repeat(Ty::ANY), None),
        };
        let annotated = body.ret.is_some()
            || body.params.iter().any(|param| param.ty.is_some())
            || body.vararg.is_some_and(|vararg| vararg.ty.is_some());
        let facts = FuncFacts {
            name,
            unannotated: !annotated,
            inferred: body.ret.is_none(),
            method: receiver.is_some(),
            library: None,
            asserts,
            fallible: false,
        };
        Func { type_params, params, vararg, ret, facts }
    }

    /// Checks a body, and gives the function its type.
    pub(super) fn function_body(
        &mut self,
        body: &'a FunctionBody,
        signature: Func,
        receiver: Option<Receiver<'a>>,
    ) -> Ty {
        let name = match signature.facts.name {
            Some(name) => self.types.key_text(name).into_owned(),
            None => "the function".to_owned(),
        };
        let declared = body.ret.as_ref().map(|ret| (signature.ret.clone(), self.return_span(ret)));
        let inside = Function {
            name,
            declared,
            written: body.ret.as_ref(),
            vararg: Flow { ty: signature.vararg.unwrap_or(Ty::ANY), declared: true },
            returned: None,
            fallible: None,
            breaks: Vec::new(),
            gotos: HashMap::new(),
            start: body.span.start,
            is_main: false,
            depth: self.function.depth + 1,
        };
        let outside = std::mem::replace(&mut self.function, inside);
        let before = self.facts.clone();
        self.enter_closure();

        let offset = usize::from(receiver.is_some());
        if let Some(receiver) = receiver
            && let Some(var) = self.scopes.declared(receiver.method)
        {
            self.declare_var(var, None, receiver.flow);
        }
        for (at, param) in body.params.iter().enumerate() {
            let Some(var) = self.scopes.declared(&param.name) else { continue };
            let ty = signature.params[at + offset].ty;
            self.names.bind_module(param.name.name, None);
            if let Some(written) = param.ty {
                self.notes.annotations.insert(var, self.ast.type_span(written));
                self.declare_var(var, Some(ty), Flow::declared(ty));
            } else {
                self.declare_var(var, None, Flow::inferred(ty));
            }
        }
        self.block(&body.block);

        if !self.facts.unreachable {
            self.end_of_body(body);
        }
        self.facts = before;
        let inside = std::mem::replace(&mut self.function, outside);
        let mut func = signature;
        if body.ret.is_none() {
            func.ret = inside.returned.unwrap_or_else(|| Pack::of([Ty::NEVER]));
            func.facts.fallible = inside.fallible == Some(true);
        }
        let ty = self.types.func(func);
        self.notes.places.entry(ty).or_insert(body.span);
        ty
    }

    /// Forgets what does not hold when a closure runs: it may be called at any later time.
    fn enter_closure(&mut self) {
        let strict = self.is_strict();
        let (paths, scopes) = (&self.paths, &self.scopes);
        self.facts.retain(|path| {
            let var = scopes.var(paths.var(path));
            var.assigned == 0 && !(strict && paths.parent(path).is_some())
        });
        self.facts.open_closure();
    }

    /// The end of a body that can be reached: a return without values.
    fn end_of_body(&mut self, body: &FunctionBody) {
        if let Some((declared, place)) = self.function.declared.clone() {
            let missing = declared.types.iter().any(|ty| !self.types.accepts_nil(*ty));
            if missing {
                let end = Span { start: body.span.end.saturating_sub(3), line: body.end_line, ..body.span };
                let end = Span { end: body.span.end, end_line: body.end_line, ..end };
                let name = self.function.name.clone();
                let never = declared.types.first() == Some(&Ty::NEVER);
                let what = if never {
                    format!("'{name}' must not return")
                } else {
                    format!("missing return: '{name}' must return {}", self.types.show_pack(&declared))
                };
                let mut report = Diagnostic::new(Code::MISSING_RETURN, end, what);
                if let Some(place) = place {
                    report = report.with_place(place, "its results are declared here");
                }
                self.report(report);
            }
            return;
        }
        self.add_return(&Pack::default());
    }

    /// Joins the results of one `return` with those of the others.
    pub(super) fn add_return(&mut self, pack: &Pack) {
        let widened = Pack {
            types: pack.types.iter().map(|ty| self.types.widen(*ty)).collect(),
            tail: pack.tail.map(|ty| self.types.widen(ty)),
        };
        let fallible = match (&pack.types[..], pack.tail) {
            ([Ty::NIL, error], None) => !self.types.has_nil(*error) && *error != Ty::ANY,
            ([value], None) => !self.types.has_nil(*value) && *value != Ty::ANY,
            ([value, Ty::NIL], None) => !self.types.has_nil(*value) && *value != Ty::ANY,
            _ => false,
        };
        self.function.fallible = Some(self.function.fallible.unwrap_or(true) && fallible);
        self.function.returned = Some(match self.function.returned.take() {
            Some(before) => self.types.join_packs(&before, &widened),
            None => widened,
        });
    }

    fn return_span(&self, ret: &ReturnType) -> Option<Span> {
        match ret {
            ReturnType::Single(ty) => Some(self.ast.type_span(*ty)),
            ReturnType::Pack { types, .. } => {
                let (first, last) = (types.first()?, types.last()?);
                Some(self.ast.type_span(*first).to(self.ast.type_span(*last)))
            }
            ReturnType::Vararg(ty) => ty.map(|ty| self.ast.type_span(ty)),
            ReturnType::Asserts { name, .. } => Some(name.span),
        }
    }
}
