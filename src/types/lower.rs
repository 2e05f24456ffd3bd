//! From annotations to types: names, generic arguments, aliases and what is wrong with them (types §1.8, §2.11).

use hashbrown::{HashMap, HashSet};
use std::rc::Rc;

use super::check::Checker;
use super::codes::Code;
use super::diagnostic::Diagnostic;
use super::library::Interface;
use super::names::nearest;
use super::query::NamedType;
use super::ty::{AliasId, Field, Func, FuncFacts, Key, Kind, Literal, PREDECLARED, Pack, Param, ParamId, Record, Ty};
use super::validator;
use crate::syntax::Span;
use crate::syntax::ast::{Alias, Block, Ident, Name, ReturnType, StatKind, Type, TypeField, TypeId, TypeParam};

/// Aliases that need each other before they are read; more are given up.
const MAX_FORCED: u32 = 64;

/// What a name in a type means.
#[derive(Clone, Copy, Debug)]
enum Named {
    Alias(AliasId),
    Param(ParamId),
}

/// The names of types that are visible.
#[derive(Default)]
pub(super) struct TypeScope<'a> {
    /// In the order of their declarations.
    visible: Vec<(Name, Named)>,
    /// What each of them means; the last counts.
    meanings: HashMap<Name, Vec<Named>>,
    modules: Vec<(Name, Option<Rc<Interface>>)>,
    /// Aliases of which only the name is known.
    pending: HashMap<AliasId, &'a Alias>,
    forced: u32,
    /// The type expressions of aliases, for validators.
    pub(super) bodies: HashMap<AliasId, TypeId>,
    /// Generic types and their arguments, to be compared when all aliases are known.
    instances: Vec<(AliasId, Vec<Ty>, Span)>,
    /// Exported aliases.
    pub(super) exports: Vec<(Key, AliasId)>,
}

/// A state of [`TypeScope`] to return to.
#[derive(Clone, Copy)]
pub(super) struct TypeMark(usize, usize);

impl TypeScope<'_> {
    pub(super) fn mark(&self) -> TypeMark {
        TypeMark(self.visible.len(), self.modules.len())
    }

    pub(super) fn leave(&mut self, mark: TypeMark) {
        for (name, _) in self.visible.drain(mark.0..) {
            self.meanings.get_mut(&name).map(Vec::pop);
        }
        self.modules.truncate(mark.1);
    }

    fn find(&self, name: Name) -> Option<Named> {
        self.meanings.get(&name)?.last().copied()
    }

    fn declare(&mut self, name: Name, named: Named) {
        self.visible.push((name, named));
        self.meanings.entry(name).or_default().push(named);
    }

    /// The alias with this name.
    pub(super) fn alias(&self, name: Name) -> Option<AliasId> {
        match self.find(name) {
            Some(Named::Alias(id)) => Some(id),
            _ => None,
        }
    }

    /// Makes a local variable stand for a module in types; `None`: for no module any more.
    pub(super) fn bind_module(&mut self, name: Name, module: Option<Rc<Interface>>) {
        if module.is_some() || self.modules.iter().any(|(known, _)| *known == name) {
            self.modules.push((name, module));
        }
    }

    fn module(&self, name: Name) -> Option<&Rc<Interface>> {
        self.modules.iter().rev().find(|(known, _)| *known == name).and_then(|(_, module)| module.as_ref())
    }
}

impl<'a> Checker<'a> {
    /// Makes the aliases of a block visible in all of it.
    pub(super) fn declare_aliases(&mut self, block: &'a Block) {
        let has_aliases = block.stats.iter().any(|stat| matches!(stat.kind, StatKind::Alias(_)));
        if !has_aliases {
            return;
        }
        // They are read now, and may mention modules that are required further down.
        for stat in &block.stats {
            if let StatKind::Local { vars, values } = &stat.kind {
                for (var, value) in vars.iter().zip(values) {
                    self.bind_import(var.name.name, Some(*value));
                }
            }
        }
        let aliases: Vec<&'a Alias> = block
            .stats
            .iter()
            .filter_map(|stat| match &stat.kind {
                StatKind::Alias(alias) => Some(&**alias),
                _ => None,
            })
            .collect();
        let mut known: HashMap<Name, Span> = HashMap::new();
        let mut declared = Vec::new();
        for alias in aliases {
            let text = self.ast.text(alias.name.name).to_owned();
            if PREDECLARED.iter().any(|(name, _)| *name == text) {
                self.diagnose(Diagnostic::new(
                    Code::DUPLICATE,
                    alias.name.span,
                    format!("the predeclared type '{text}' cannot be declared again"),
                ));
                continue;
            }
            if let Some(before) = known.insert(alias.name.name, alias.name.span) {
                let report = Diagnostic::new(Code::DUPLICATE, alias.name.span, format!("duplicate type '{text}'"));
                self.diagnose(report.with_place(before, "it is declared here"));
                continue;
            }
            let id = self.types.new_alias(text);
            self.modules.origin(|origins| origins.alias(id, alias.name.span));
            // Most are mentioned as values already.
            if self.scopes.declared(&alias.name).is_none() {
                self.trace_type(alias.name.span, NamedType::Alias(id));
            }
            self.names.declare(alias.name.name, Named::Alias(id));
            self.names.pending.insert(id, alias);
            self.names.bodies.insert(id, alias.ty);
            declared.push((id, alias));
            if alias.export {
                let key = self.key(alias.name.name);
                self.names.exports.push((key, id));
            }
        }
        for (id, alias) in &declared {
            // How many parameters it has must be known before any body is read.
            let params: Vec<ParamId> = alias.params.iter().map(|param| self.declare_param(param)).collect();
            self.types.aliases[id.0 as usize].params = params;
        }
        for (id, _) in &declared {
            self.force(*id);
        }
        self.check_circles(&declared);
        for (id, args, span) in std::mem::take(&mut self.names.instances) {
            self.check_instance(id, &args, span);
        }
    }

    fn declare_param(&mut self, param: &TypeParam) -> ParamId {
        let key = self.key(param.name.name);
        self.types.new_param(key)
    }

    /// Makes type parameters visible and reads their constraints.
    pub(super) fn enter_params(&mut self, params: &'a [TypeParam], ids: &[ParamId]) {
        let mut known: HashSet<Name> = HashSet::new();
        for (param, id) in params.iter().zip(ids) {
            if !known.insert(param.name.name) {
                let name = self.ast.text(param.name.name);
                let message = format!("duplicate type parameter '{name}'");
                self.diagnose(Diagnostic::new(Code::DUPLICATE, param.name.span, message));
            }
            self.names.declare(param.name.name, Named::Param(*id));
            if let Some(trace) = &mut self.trace {
                trace.params.insert(*id, param.name.span);
                trace.mention_type(param.name.span, NamedType::Param(*id));
            }
        }
        for (param, id) in params.iter().zip(ids) {
            if let Some(constraint) = param.constraint {
                let constraint = self.lower(constraint);
                self.types.params[id.0 as usize].constraint = Some(constraint);
            }
        }
    }

    /// Declares and enters the type parameters of a function.
    pub(super) fn function_params(&mut self, params: &'a [TypeParam]) -> Vec<ParamId> {
        let ids: Vec<ParamId> = params.iter().map(|param| self.declare_param(param)).collect();
        self.enter_params(params, &ids);
        ids
    }

    /// Reads the body of an alias, if that has not been done.
    fn force(&mut self, id: AliasId) {
        let Some(alias) = self.names.pending.remove(&id) else { return };
        if self.names.forced > MAX_FORCED {
            self.diagnose(Diagnostic::new(Code::TOO_COMPLEX, alias.name.span, "type too complex, treated as any"));
            return;
        }
        self.names.forced += 1;
        let mark = self.names.mark();
        let params = self.types.alias(id).params.clone();
        self.enter_params(&alias.params, &params);
        let defaults = alias.params.iter().map(|param| param.default.map(|ty| self.lower(ty))).collect();
        self.types.aliases[id.0 as usize].defaults = defaults;
        let body = self.lower(alias.ty);
        self.types.aliases[id.0 as usize].body = body;
        self.names.leave(mark);
        self.names.forced -= 1;
        self.check_growth(id, alias);
    }

    /// An alias must not refer to itself but through a table or function.
    fn check_circles(&mut self, declared: &[(AliasId, &'a Alias)]) {
        for (id, alias) in declared {
            let mut visited = vec![*id];
            let mut next = 0;
            let mut circular = false;
            while let Some(at) = visited.get(next).copied() {
                next += 1;
                let Some(body) = self.names.bodies.get(&at).copied() else { continue };
                for reference in self.bare_references(body) {
                    circular |= reference == *id;
                    if !visited.contains(&reference) && visited.len() < 256 {
                        visited.push(reference);
                    }
                }
            }
            if circular {
                let name = self.ast.text(alias.name.name);
                let message = format!("alias '{name}' refers to itself without a table or function in between");
                self.diagnose(Diagnostic::new(Code::CIRCULAR, alias.name.span, message));
                self.types.aliases[id.0 as usize].body = Ty::ANY;
            }
        }
    }

    /// The aliases that a type mentions outside of tables and functions.
    fn bare_references(&mut self, body: TypeId) -> Vec<AliasId> {
        let mut found = Vec::new();
        let mut open = vec![body];
        while let Some(at) = open.pop() {
            match self.ast.ty(at) {
                Type::Name { path, .. } => {
                    if let [name] = &path[..]
                        && let Some(Named::Alias(id)) = self.names.find(name.name)
                    {
                        found.push(id);
                    }
                }
                Type::Readonly(of) | Type::Group(of) | Type::Optional(of) => open.push(*of),
                Type::Validated { ty, .. } => open.push(*ty),
                Type::Union(parts) | Type::Intersection(parts) => open.extend(parts),
                _ => {}
            }
        }
        found
    }

    /// An alias must not mention itself with arguments that contain its own parameters in larger types.
    fn check_growth(&mut self, id: AliasId, alias: &'a Alias) {
        if alias.params.is_empty() {
            return;
        }
        let params = self.types.alias(id).params.clone();
        let body = self.types.alias(id).body;
        let mut open = vec![body];
        let mut seen: HashSet<Ty> = HashSet::new();
        while let Some(at) = open.pop() {
            if !seen.insert(at) {
                continue;
            }
            if let Kind::Alias(other, args) = self.types.kind(at).clone() {
                let grows = args.iter().any(|arg| {
                    !matches!(self.types.kind(*arg), Kind::Param(_))
                        && self
                            .parts(*arg)
                            .iter()
                            .any(|part| matches!(self.types.kind(*part), Kind::Param(param) if params.contains(param)))
                });
                if other == id && grows {
                    let name = self.ast.text(alias.name.name);
                    let message = format!("alias '{name}' refers to itself with a growing argument");
                    self.diagnose(Diagnostic::new(Code::CIRCULAR, alias.name.span, message));
                    self.types.aliases[id.0 as usize].body = Ty::ANY;
                    return;
                }
            }
            open.extend(self.children(at));
        }
    }

    /// All types within a type, itself included.
    fn parts(&self, ty: Ty) -> Vec<Ty> {
        let mut all = vec![ty];
        let mut next = 0;
        while let Some(at) = all.get(next).copied() {
            next += 1;
            for child in self.children(at) {
                if !all.contains(&child) {
                    all.push(child);
                }
            }
        }
        all
    }

    pub(super) fn children(&self, ty: Ty) -> Vec<Ty> {
        match self.types.kind(ty) {
            Kind::Array { elem, .. } => vec![*elem],
            Kind::Record(record) => {
                let fields = record.fields.iter().map(|field| field.ty);
                fields.chain(record.indexer.into_iter().flat_map(|(k, v)| [k, v])).collect()
            }
            Kind::Func(func) => {
                let params = func.params.iter().map(|param| param.ty);
                params.chain(func.vararg).chain(func.ret.types.iter().copied()).chain(func.ret.tail).collect()
            }
            Kind::Union(parts) | Kind::Intersection(parts) | Kind::Alias(_, parts) => parts.to_vec(),
            _ => Vec::new(),
        }
    }

    fn diagnose(&mut self, diagnostic: Diagnostic) {
        // Annotations are wrong wherever they stand.
        self.diagnostics.push(diagnostic);
    }

    /// The type that an annotation means.
    pub(super) fn lower(&mut self, id: TypeId) -> Ty {
        let ast = self.ast;
        match ast.ty(id) {
            Type::Error => Ty::ANY,
            Type::Nil => Ty::NIL,
            Type::Boolean(value) => self.types.literal(Literal::Boolean(*value)),
            Type::String(bytes) => self.types.string_literal(bytes),
            Type::Integer(value) => self.types.literal(Literal::Integer(*value)),
            Type::Float(value) => self.types.float_literal(*value),
            Type::Function => Ty::FUNCTION,
            Type::Typeof(value) => self.type_of(*value),
            Type::Name { path, args } => self.lower_name(path, args, ast.type_span(id)),
            Type::Readonly(of) => {
                let of = self.lower(*of);
                self.make_readonly(of)
            }
            Type::Array(elem) => {
                let elem = self.lower(*elem);
                self.types.array(elem)
            }
            Type::Table(fields) => self.lower_table(fields),
            Type::FunctionType { type_params, params, vararg, ret } => {
                let mark = self.names.mark();
                let type_params = self.function_params(type_params);
                let params: Vec<Param> = params
                    .iter()
                    .map(|param| {
                        let ty = self.lower(param.ty);
                        let ty = if param.optional { self.types.optional(ty) } else { ty };
                        let name = param.name.map(|name| self.key(name.name));
                        Param { name, ty, optional: param.optional }
                    })
                    .collect();
                let vararg = vararg.map(|ty| ty.map_or(Ty::ANY, |ty| self.lower(ty)));
                let (ret, asserts) = self.lower_return(ret, &params);
                self.names.leave(mark);
                let facts = FuncFacts { asserts, ..FuncFacts::default() };
                self.types.func(Func { type_params, params, vararg, ret, facts })
            }
            Type::Group(of) => self.lower(*of),
            Type::Optional(of) => {
                let of = self.lower(*of);
                self.types.optional(of)
            }
            Type::Validated { ty, name, args } => {
                let of = self.lower(*ty);
                if let Err((span, message)) = self.check_validator(of, name, args) {
                    self.diagnose(Diagnostic::new(Code::BAD_VALIDATOR, span, message));
                }
                of
            }
            Type::Union(parts) => {
                let parts: Vec<Ty> = parts.iter().map(|part| self.lower(*part)).collect();
                let union = self.types.union(parts.iter().copied());
                if union == Ty::ANY && !parts.contains(&Ty::ANY) {
                    let span = ast.type_span(id);
                    self.diagnose(Diagnostic::new(Code::TOO_COMPLEX, span, "type too complex, treated as any"));
                }
                union
            }
            Type::Intersection(parts) => self.lower_intersection(parts, id),
        }
    }

    fn check_validator(
        &mut self,
        of: Ty,
        name: &Ident,
        args: &[crate::syntax::ast::TypeConst],
    ) -> Result<(), (Span, String)> {
        let text = self.ast.text(name.name);
        let bases = self.types.bases(of);
        validator::check(text, bases, args).map_err(|message| (name.span, message))
    }

    fn lower_intersection(&mut self, parts: &'a [TypeId], id: TypeId) -> Ty {
        // `userdata @opaque("Class") & {…}` is a class of the host.
        if let [first, methods] = parts
            && let Type::Validated { name, args, .. } = self.ast.ty(*first)
            && self.ast.text(name.name) == "opaque"
            && let [crate::syntax::ast::TypeConst::String(class)] = &args[..]
        {
            let class = self.types.key(class);
            let methods = self.lower(*methods);
            return self.types.intern(Kind::Opaque(class, methods));
        }
        let mut met = Ty::UNKNOWN;
        for part in parts {
            let part = self.lower(*part);
            self.force_all(part);
            met = self.types.intersect(met, part);
        }
        if met == Ty::NEVER {
            self.diagnose(Diagnostic::new(Code::EMPTY_TYPE, self.ast.type_span(id), "type has no values"));
        }
        met
    }

    /// Reads all aliases that decide what a type is.
    fn force_all(&mut self, ty: Ty) {
        for part in self.parts(ty) {
            if let Kind::Alias(id, _) = *self.types.kind(part) {
                self.force(id);
            }
        }
    }

    fn make_readonly(&mut self, ty: Ty) -> Ty {
        self.force_all(ty);
        let head = self.types.head(ty);
        match self.types.kind(head).clone() {
            Kind::Array { elem, .. } => self.types.intern(Kind::Array { elem, readonly: true }),
            Kind::Record(record) => {
                let mut copy = Record::clone(&record);
                copy.fields.iter_mut().for_each(|field| field.readonly = true);
                copy.readonly = true;
                self.types.record(copy)
            }
            _ => ty,
        }
    }

    fn lower_table(&mut self, fields: &'a [TypeField]) -> Ty {
        let mut record = Record::default();
        let mut known: HashMap<Key, Span> = HashMap::new();
        for field in fields {
            match field {
                TypeField::Field { readonly, key, key_span, optional, ty } => {
                    let key = self.types.key(key);
                    let ty = self.lower(*ty);
                    if let Some(before) = known.insert(key, *key_span) {
                        let message = format!("duplicate field '{}'", self.types.key_text(key));
                        let report = Diagnostic::new(Code::DUPLICATE, *key_span, message);
                        self.diagnose(report.with_place(before, "it is declared here"));
                        continue;
                    }
                    record.fields.push(Field { key, ty, optional: *optional, readonly: *readonly });
                }
                TypeField::Indexer { key, value } => {
                    let (key, value) = (self.lower(*key), self.lower(*value));
                    record.indexer = Some((key, value));
                }
            }
        }
        let spans = self.trace.is_some().then_some(known);
        let ty = self.types.record(record);
        for (key, span) in spans.into_iter().flatten() {
            self.modules.origin(|origins| origins.field(ty, key, span));
        }
        ty
    }

    /// Results, and what the function asserts of a parameter.
    pub(super) fn lower_return(&mut self, ret: &'a ReturnType, params: &[Param]) -> (Pack, Option<(u32, Option<Ty>)>) {
        match ret {
            ReturnType::Single(ty) => (Pack::of([self.lower(*ty)]), None),
            ReturnType::Pack { types, vararg } => {
                let types = types.iter().map(|ty| self.lower(*ty)).collect();
                let tail = vararg.map(|ty| ty.map_or(Ty::ANY, |ty| self.lower(ty)));
                (Pack { types, tail }, None)
            }
            ReturnType::Vararg(ty) => (Pack::repeat(ty.map_or(Ty::ANY, |ty| self.lower(ty))), None),
            ReturnType::Asserts { name, ty } => {
                let ty = ty.map(|ty| self.lower(ty));
                let key = self.key(name.name);
                let at = params.iter().position(|param| param.name == Some(key));
                if at.is_none() {
                    let message = format!("'{}' is no parameter", self.ast.text(name.name));
                    self.diagnose(Diagnostic::new(Code::UNKNOWN_TYPE, name.span, message));
                }
                (Pack::default(), at.map(|at| (at as u32, ty)))
            }
        }
    }

    fn lower_name(&mut self, path: &'a [Ident], args: &'a [TypeId], span: Span) -> Ty {
        let args: Vec<Ty> = args.iter().map(|arg| self.lower(*arg)).collect();
        let name = path.last().expect("a name has one part at least");
        let named = match path {
            [name] => match self.names.find(name.name) {
                Some(Named::Param(id)) => {
                    self.trace_type(name.span, NamedType::Param(id));
                    return self.types.intern(Kind::Param(id));
                }
                Some(Named::Alias(id)) => Some(id),
                None => {
                    if let Some(ty) = predeclared(self.ast.text(name.name)) {
                        self.trace_type(name.span, NamedType::Predeclared(ty));
                        return ty;
                    }
                    None
                }
            },
            [module, name] => {
                let Some(interface) = self.find_module(module.name) else {
                    return self.unknown_module(module);
                };
                let key = self.key(name.name);
                let found = interface.types.get(&key).copied();
                if found.is_none() {
                    let names = interface.types.keys().copied().collect();
                    self.trace_unknown_type(name.span, names);
                    let (module, name) = (self.ast.text(module.name), self.ast.text(name.name));
                    let message = format!("module '{module}' exports no type '{name}'");
                    self.diagnose(Diagnostic::new(Code::UNKNOWN_TYPE, span, message));
                    return Ty::ANY;
                }
                found
            }
            _ => None,
        };
        let Some(id) = named else { return self.unknown_type(name, span) };
        self.trace_type(name.span, NamedType::Alias(id));
        self.instantiate_alias(id, args, span)
    }

    fn trace_type(&mut self, span: Span, of: NamedType) {
        if let Some(trace) = &mut self.trace {
            trace.mention_type(span, of);
        }
    }

    /// Notes which names an unknown one could have been.
    fn trace_unknown_type(&mut self, span: Span, names: Vec<Key>) {
        if let Some(trace) = &mut self.trace {
            trace.mention_type(span, NamedType::Unknown);
            trace.type_names.insert(span.start, names);
        }
    }

    fn find_module(&self, name: Name) -> Option<Rc<Interface>> {
        if let Some(found) = self.names.module(name) {
            return Some(Rc::clone(found));
        }
        self.library.modules.get(self.ast.text(name)).cloned()
    }

    fn unknown_module(&mut self, module: &Ident) -> Ty {
        let name = self.ast.text(module.name);
        // A module whose types are not known says nothing about them.
        if self.names.modules.iter().any(|(known, _)| *known == module.name) {
            return Ty::ANY;
        }
        let message = format!("'{name}' is no module here");
        let report = Diagnostic::new(Code::UNKNOWN_TYPE, module.span, message);
        self.diagnose(report.with_help(format!("types of a module need 'local {name} = require(\"…\")' above")));
        Ty::ANY
    }

    fn unknown_type(&mut self, name: &Ident, span: Span) -> Ty {
        if self.trace.is_some() {
            let visible: Vec<Name> = self.names.visible.iter().map(|(name, _)| *name).collect();
            let mut names: Vec<Key> = visible.into_iter().map(|name| self.key(name)).collect();
            names.extend(PREDECLARED.iter().map(|(name, _)| self.types.key(name.as_bytes())));
            self.trace_unknown_type(name.span, names);
        }
        let text = self.ast.text(name.name).to_owned();
        let variable = !self.vars_named(name.name).is_empty();
        let visible = self.names.visible.iter().map(|(name, _)| self.ast.text(*name).as_bytes());
        let predeclared = PREDECLARED.iter().map(|(name, _)| name.as_bytes());
        let near = nearest(text.as_bytes(), visible.chain(predeclared), &mut self.notes.suggestions);
        let mut report = Diagnostic::new(Code::UNKNOWN_TYPE, span, format!("unknown type '{text}'"));
        report.help = match near {
            Some(near) => Some(format!("did you mean '{near}'?")),
            None if variable => Some(format!("'{text}' is a variable; a type needs a declaration 'type {text} = …'")),
            None => None,
        };
        self.diagnose(report);
        Ty::ANY
    }

    fn instantiate_alias(&mut self, id: AliasId, mut args: Vec<Ty>, span: Span) -> Ty {
        let alias = self.types.alias(id);
        let wanted = alias.params.len();
        let (name, defaults) = (alias.name.clone(), alias.defaults.clone());
        for default in defaults.iter().skip(args.len()) {
            match default {
                Some(default) => {
                    let map = self.types.alias(id).params.iter().copied().zip(args.iter().copied()).collect();
                    let default = self.types.substitute(*default, &map);
                    args.push(default);
                }
                None => break,
            }
        }
        if args.len() != wanted {
            let arguments = if wanted == 1 { "argument" } else { "arguments" };
            let message = format!("'{name}' takes {wanted} type {arguments}, got {}", args.len());
            self.diagnose(Diagnostic::new(Code::TYPE_ARGUMENTS, span, message));
            return Ty::ANY;
        }
        if wanted > 0 {
            if self.names.pending.is_empty() && self.names.forced == 0 {
                self.check_instance(id, &args, span);
            } else {
                self.names.instances.push((id, args.clone(), span));
            }
        }
        self.types.intern(Kind::Alias(id, args.into()))
    }

    fn check_instance(&mut self, id: AliasId, args: &[Ty], span: Span) {
        let params = self.types.alias(id).params.clone();
        for (param, arg) in params.into_iter().zip(args) {
            self.check_constraint(param, *arg, span);
        }
    }

    /// Reports an argument that does not satisfy the constraint of its parameter.
    pub(super) fn check_constraint(&mut self, param: ParamId, arg: Ty, span: Span) {
        let Some(constraint) = self.types.param(param).constraint else { return };
        if !self.types.assignable(arg, constraint) {
            let message = format!(
                "{} does not satisfy constraint {} of '{}'",
                self.types.show(arg),
                self.types.show(constraint),
                self.types.key_text(self.types.param(param).name)
            );
            self.diagnose(Diagnostic::new(Code::TYPE_ARGUMENTS, span, message));
        }
    }
}

/// The predeclared type of a name, capitalised or not.
pub(super) fn predeclared(name: &str) -> Option<Ty> {
    let found = PREDECLARED.iter().find(|(known, _)| {
        *known == name
            || known.len() == name.len()
                && known[1..] == name[1..]
                && known.as_bytes()[0].to_ascii_uppercase() == name.as_bytes()[0]
    });
    found.map(|(_, ty)| *ty)
}
