//! The checker: follows a chunk once, from top to bottom, and says where types disagree.
//!
//! | file | what |
//! | --- | --- |
//! | `stat`, `loops` | statements; loops and jumps |
//! | `expr` | expressions, `and` and `or`, what is asked of a condition |
//! | `operator` | arithmetic and the like |
//! | `index` | reading and writing fields and elements |
//! | `call`, `special` | calls; functions of libraries that are known by name |
//! | `function` | bodies of functions |
//! | `table` | table constructors |
//! | `narrow`, `lengths` | what a condition tells about paths; about elements |
//! | `constants` | constants against validators |
//! | `rules` | findings about style, from the pass before |
//!
//! House rules:
//! * Every expression that produced a finding is `any` afterwards: one finding per cause.
//! * Whatever descends an expression descends the left operand and the object of a suffix with a loop (`syntax::ast`).
//! * A body of a loop is followed a second time only if the first time contradicted what was assumed at its head, and
//!   never below three such loops: the time is linear in the size of the chunk.

mod call;
mod constants;
mod expr;
mod function;
mod index;
mod lengths;
mod loops;
mod narrow;
mod operator;
mod rules;
mod special;
mod stat;
mod table;

use hashbrown::{HashMap, HashSet};
use lasso::Key as _;

use super::algebra::base;
use super::codes::Code;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::facts::{Facts, Flow, PathId, PathKey, Paths};
use super::library::Library;
use super::lower::TypeScope;
use super::mode::Mode;
use super::project::{Modules, Outcome};
use super::query::{Noted, Trace};
use super::scope::{Meaning, Scopes, VarId};
use super::ty::{Func, Key, Kind, Pack, ShapeId, Ty, Types};
use crate::syntax::Span;
use crate::syntax::ast::{Ast, Expr, ExprId, FunctionBody, Name, TypeId};
use function::Function;

/// A chunk being checked.
pub(super) struct Checker<'a> {
    pub(super) ast: &'a Ast,
    pub(super) types: &'a mut Types,
    pub(super) library: &'a Library,
    pub(super) modules: &'a mut Modules,
    pub(super) scopes: Scopes,
    pub(super) names: TypeScope<'a>,
    pub(super) diagnostics: Diagnostics,
    /// By variable.
    vars: Vec<VarState>,
    paths: Paths,
    facts: Facts,
    function: Function<'a>,
    /// The first variable that the innermost block has declared.
    first_declared: Option<VarId>,
    pub(super) notes: Notes<'a>,
    /// What editors ask about, if one is there.
    pub(super) trace: Option<Trace>,
}

/// What the chunk has declared of a variable.
#[derive(Clone, Copy, Debug)]
struct VarState {
    /// Its annotation.
    declared: Option<Ty>,
    /// What it has where nothing more is known.
    base: Flow,
}

/// What is remembered for messages, and to count everything once.
pub(super) struct Notes<'a> {
    /// Global variables of the chunk: what was assigned to them.
    globals: HashMap<Name, Flow>,
    /// Names of the chunk as keys.
    keys: Vec<Option<Key>>,
    /// Where function types are declared.
    places: HashMap<Ty, Span>,
    /// Where the types of variables are written.
    annotations: HashMap<VarId, Span>,
    /// Whether any type has a validator.
    validators: bool,
    /// Their annotations, where there are validators.
    written: HashMap<VarId, TypeId>,
    /// The functions that local variables are declared with, where there are validators.
    bodies: HashMap<VarId, &'a FunctionBody>,
    /// All variables by name, once somebody has asked.
    by_name: Option<HashMap<Name, Vec<VarId>>>,
    /// How many names may still be looked at for one that was meant.
    pub(super) suggestions: usize,
    /// The variable that a shape was made for.
    owners: HashMap<ShapeId, VarId>,
    /// Stores that have been counted.
    counted: HashSet<(ShapeId, Key, u32)>,
    /// Errors of pairs that nobody has looked at: the variable, its declaration and the called function.
    errors: Vec<(VarId, Span, String)>,
    /// Undefined globals, by the offset of the name.
    undefined: Vec<(u32, String)>,
    /// Variables of loops around the present place that go from 1 to the length of the table at a path.
    ranges: Vec<(VarId, PathId)>,
    /// Loops around the present place that may be followed again.
    loop_depth: u32,
}

/// Names that are compared with misspelt ones in a chunk: who has that many has other worries.
const MAX_SUGGESTIONS: usize = 50_000;

impl Notes<'_> {
    fn new(ast: &Ast) -> Self {
        Notes {
            validators: ast.has_validators(),
            globals: HashMap::new(),
            keys: Vec::new(),
            places: HashMap::new(),
            annotations: HashMap::new(),
            written: HashMap::new(),
            bodies: HashMap::new(),
            by_name: None,
            suggestions: MAX_SUGGESTIONS,
            owners: HashMap::new(),
            counted: HashSet::new(),
            errors: Vec::new(),
            undefined: Vec::new(),
            ranges: Vec::new(),
            loop_depth: 0,
        }
    }
}

/// Checks a chunk.
pub(super) fn check_chunk<'a>(
    ast: &'a Ast,
    types: &'a mut Types,
    library: &'a Library,
    modules: &'a mut Modules,
    diagnostics: Diagnostics,
) -> Outcome {
    let mut scopes = Scopes::of(ast, types, modules.traces());
    let trace = scopes.mentions.take().map(Trace::new);
    let shapes = types.shapes.len();
    let vars = vec![VarState { declared: None, base: Flow::ANY }; scopes.vars.len()];
    let mut checker = Checker {
        ast,
        types,
        library,
        modules,
        scopes,
        names: TypeScope::default(),
        diagnostics,
        vars,
        paths: Paths::default(),
        facts: Facts::default(),
        function: Function::main(),
        first_declared: None,
        notes: Notes::new(ast),
        trace,
    };
    let interface = checker.chunk();
    checker.seal(shapes);
    checker.rules();
    let assigned =
        checker.scopes.assigned_globals.iter().map(|(name, (span, _))| (ast.text(*name).to_owned(), *span)).collect();
    let noted = checker.trace.take().map(|mut trace| {
        trace.finish();
        let types = checker.vars.iter().map(|var| var.base.ty).collect();
        Noted { trace, vars: std::mem::take(&mut checker.scopes.vars), types }
    });
    Outcome { interface, diagnostics: checker.diagnostics, undefined: checker.notes.undefined, assigned, noted }
}

impl<'a> Checker<'a> {
    /// Adds a finding, unless nothing leads here.
    fn report(&mut self, diagnostic: Diagnostic) {
        if !self.facts.unreachable {
            self.diagnostics.push(diagnostic);
        }
    }

    fn error(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.report(Diagnostic::new(code, span, message));
    }

    fn mode(&self) -> Mode {
        self.diagnostics.mode
    }

    fn is_strict(&self) -> bool {
        self.mode() == Mode::Strict
    }

    /// Notes the type of an expression for queries.
    fn trace_expr(&mut self, id: ExprId, ty: Ty) {
        if let Some(trace) = &mut self.trace {
            trace.note_expr(id, ty);
        }
    }

    /// Notes the type of what a name stands for.
    fn trace_name(&mut self, span: Span, ty: Ty) {
        if let Some(trace) = &mut self.trace {
            trace.note_name(span, ty);
        }
    }

    /// A name of the chunk as a key.
    pub(super) fn key(&mut self, name: Name) -> Key {
        let at = name.into_usize();
        if at >= self.notes.keys.len() {
            self.notes.keys.resize(at + 1, None);
        }
        if let Some(known) = self.notes.keys[at] {
            return known;
        }
        let key = self.types.key(self.ast.text(name).as_bytes());
        self.notes.keys[at] = Some(key);
        key
    }

    /// The variables of this name, in the order of their declarations.
    pub(super) fn vars_named(&mut self, name: Name) -> &[VarId] {
        let by_name = self.notes.by_name.get_or_insert_with(|| {
            let mut by_name: HashMap<Name, Vec<VarId>> = HashMap::new();
            for (id, var) in (0..).zip(&self.scopes.vars) {
                by_name.entry(var.name).or_default().push(VarId(id));
            }
            by_name
        });
        by_name.get(&name).map_or(&[], Vec::as_slice)
    }

    fn var(&self, id: VarId) -> &VarState {
        &self.vars[id.0 as usize]
    }

    /// Whether an operation fails: on a type that was written, for any of its values; on another one only if it does for
    /// all of them, unless the mode is strict.
    fn fails(&mut self, flow: Flow, mut bad: impl FnMut(&mut Self, Ty) -> bool) -> bool {
        let members = self.types.members(flow.ty);
        let count = members.iter().filter(|member| bad(self, **member)).count();
        if self.is_strict() || flow.declared { count > 0 } else { count == members.len() && count > 0 }
    }

    /// Whether a nil in the type has to be reported before use.
    fn nil_matters(&mut self, flow: Flow) -> bool {
        (self.is_strict() || flow.declared) && self.types.has_nil(flow.ty)
    }

    /// Whether a value may go to a place of this type.
    fn fits(&mut self, value: Flow, expected: Ty) -> bool {
        if self.types.assignable(value.ty, expected) {
            return true;
        }
        if self.is_strict() || value.declared {
            return false;
        }
        let members = self.types.members(value.ty);
        members.iter().any(|member| {
            if self.types.assignable(*member, expected) {
                return true;
            }
            let head = self.types.head(*member);
            match self.types.kind(head).clone() {
                Kind::Shape(_) | Kind::Record(_) | Kind::Array { .. } | Kind::Unknown => false,
                // What a function declares holds; what it returns otherwise is not certain.
                Kind::Func(func) if func.facts.library.is_none() => {
                    let mut declared = Func::clone(&func);
                    if func.facts.inferred {
                        declared.ret = Pack::repeat(Ty::ANY);
                    }
                    let declared = self.types.func(declared);
                    self.types.assignable(declared, expected)
                }
                _ => self.types.overlap(*member, expected),
            }
        })
    }

    /// Reports that a value does not go to a place. `context` comes before the message; `place` is where the type of the
    /// place is written.
    fn mismatch(&mut self, value: Ty, expected: Ty, span: Span, context: &str, place: Option<Span>) {
        let mut message =
            format!("{context}{} not assignable to {}", self.types.show(value), self.types.show(expected));
        let found = self.types.mismatch(value, expected);
        if let Some(missing) = found.missing {
            let name = self.types.key_text(missing).into_owned();
            message = format!("{context}field '{name}' is missing in {}", self.types.show(found.actual));
        }
        let mut report = Diagnostic::new(Code::MISMATCH, span, message);
        if let Some(place) = place {
            report = report.with_place(place, format!("{} is expected because of this", self.types.show(expected)));
        }
        if !found.path.is_empty() && found.missing.is_none() {
            let (actual, wanted) = (self.types.show(found.actual), self.types.show(found.expected));
            report = report.with_note(format!("at '{}': {actual} is not {wanted}", found.path.trim_start_matches('.')));
        }
        if value == Ty::UNKNOWN {
            report = report.with_help("find out first what it is, with 'type(…)' or 'T:is(…)'");
        } else {
            let rest = self.types.without_nil(value);
            if rest != value && rest != Ty::NEVER && self.types.assignable(rest, expected) {
                report = report
                    .with_help("the value may be nil: test it first, give a default with 'or', or assert with '!'");
            } else if value == Ty::NUMBER && expected == Ty::INTEGER {
                report = report.with_help("'math.tointeger' or '//' gives an integer");
            }
        }
        self.report(report);
    }

    /// Checks a value against the type of its place, and says whether it fits.
    fn check_fits(&mut self, value: Flow, expected: Ty, span: Span, context: &str, place: Option<Span>) -> bool {
        let fits = self.fits(value, expected);
        if !fits {
            self.mismatch(value.ty, expected, span, context, place);
        }
        fits
    }

    /// The path that an expression denotes.
    fn path_of(&mut self, id: ExprId) -> Option<PathId> {
        let mut keys: smallvec::SmallVec<[PathKey; 4]> = smallvec::SmallVec::new();
        let mut at = id;
        let root = loop {
            match self.ast.expr(at) {
                Expr::Paren(inner) | Expr::NonNil(inner) => at = *inner,
                Expr::Field(object, name) => {
                    keys.push(PathKey::Name(self.key(name.name)));
                    at = *object;
                }
                Expr::Index(object, key) => {
                    keys.push(self.path_key(*key)?);
                    at = *object;
                }
                Expr::Name(_) => match self.scopes.meaning(at) {
                    Meaning::Local(var) => break self.paths.root(var),
                    _ => return None,
                },
                _ => return None,
            }
            if keys.len() > 4 {
                return None;
            }
        };
        let mut path = root;
        for key in keys.into_iter().rev() {
            path = self.paths.extend(path, key)?;
        }
        Some(path)
    }

    fn path_key(&mut self, key: ExprId) -> Option<PathKey> {
        match self.ast.expr(key) {
            Expr::String(bytes) => Some(PathKey::Name(self.types.key(bytes))),
            Expr::Integer(value) => Some(PathKey::Index(*value)),
            _ => None,
        }
    }

    /// What a variable has here.
    fn var_flow(&mut self, var: VarId) -> Flow {
        let path = self.paths.root(var);
        self.facts.get(path).unwrap_or_else(|| self.base_flow(var))
    }

    /// What a variable has where nothing more is known than its declaration.
    fn base_flow(&self, var: VarId) -> Flow {
        let (state, scope) = (self.var(var), self.scopes.var(var));
        // Between its declaration and the call of this function it may have been assigned.
        let elsewhere = scope.assigned > 0 && scope.depth != self.function.depth;
        if elsewhere && state.declared.is_none() { Flow::ANY } else { state.base }
    }

    /// Whether the type of a variable cannot be followed: it changes where the checker does not look.
    fn is_volatile(&self, var: VarId) -> bool {
        self.scopes.open_locals || self.scopes.var(var).assigned_elsewhere
    }

    /// Gives a variable its value at the declaration.
    fn declare_var(&mut self, var: VarId, declared: Option<Ty>, value: Flow) {
        self.first_declared = Some(self.first_declared.map_or(var, |first| first.min(var)));
        let path = self.paths.root(var);
        match declared {
            Some(ty) => {
                self.vars[var.0 as usize] = VarState { declared, base: Flow::declared(ty) };
                let narrowed = self.inhabited(ty, value);
                if narrowed.ty != ty && !self.is_volatile(var) {
                    self.facts.set(path, narrowed);
                }
            }
            None => {
                let widened = Flow { ty: self.types.widen(value.ty), ..value };
                let base = if self.is_volatile(var) { Flow::ANY } else { widened };
                self.vars[var.0 as usize] = VarState { declared: None, base };
                self.own_shape(var, base.ty);
            }
        }
    }

    /// Remembers which variable a table was made for.
    fn own_shape(&mut self, var: VarId, ty: Ty) {
        let Kind::Shape(id) = *self.types.kind(ty) else { return };
        if !self.scopes.var(var).constructed || self.notes.owners.contains_key(&id) {
            return;
        }
        self.notes.owners.insert(id, var);
        if self.types.shape(id).name.is_none() {
            let name = self.key(self.scopes.var(var).name);
            self.types.shape_mut(id).name = Some(name);
        }
    }

    /// The part of a declared type that a value of it can be.
    fn inhabited(&mut self, declared: Ty, value: Flow) -> Flow {
        if value.ty == Ty::ANY || value.ty == Ty::UNKNOWN || declared == Ty::ANY {
            return Flow::declared(declared);
        }
        let members = self.types.members(declared);
        if members.len() < 2 || value.ty == declared {
            return Flow::declared(declared);
        }
        let widened = self.types.widen(value.ty);
        let bases = self.types.bases(widened);
        let ty = self
            .types
            .retain(declared, |types, member| types.bases(member) & bases != 0 && types.overlap(member, value.ty));
        Flow::declared(if ty == Ty::NEVER { declared } else { ty })
    }

    /// What is known after either of two states.
    fn merge(&mut self, a: Facts, b: Facts) -> Facts {
        let (vars, paths) = (&self.vars, &self.paths);
        a.join(b, self.types, &mut |_, path| {
            paths.parent(path).is_none().then(|| vars[paths.var(path).0 as usize].base)
        })
    }

    /// Forgets what a call may have changed.
    fn invalidate_by_call(&mut self) {
        if self.facts.is_empty() {
            return;
        }
        let strict = self.is_strict();
        let lasting = if strict { self.readonly_facts() } else { Vec::new() };
        let (paths, scopes) = (&self.paths, &self.scopes);
        self.facts.retain(|path| {
            let keyed = paths.parent(path).is_some();
            !(scopes.var(paths.var(path)).assigned_elsewhere || keyed && strict && !lasting.contains(&path))
        });
    }

    /// Paths of which something is known that no call can change: all their keys are readonly fields.
    fn readonly_facts(&mut self) -> Vec<PathId> {
        let facts = std::mem::take(&mut self.facts);
        let keyed = facts.paths().filter(|path| self.paths.parent(*path).is_some());
        let lasting = keyed.collect::<Vec<_>>().into_iter().filter(|path| self.is_readonly(&facts, *path)).collect();
        self.facts = facts;
        lasting
    }

    fn is_readonly(&mut self, facts: &Facts, mut path: PathId) -> bool {
        while let (Some(parent), Some(key)) = (self.paths.parent(path), self.paths.key(path)) {
            let (PathKey::Name(key), Some(object)) = (key, self.path_flow(facts, parent)) else { return false };
            let there = self.types.without_nil(object.ty);
            let head = self.types.head(there);
            let Kind::Record(record) = self.types.kind(head) else { return false };
            if !record.field(key).is_some_and(|field| field.readonly) {
                return false;
            }
            path = parent;
        }
        true
    }

    /// Forgets what an assignment to a field or element may have changed. `target` is the path, if it is one.
    fn invalidate_by_store(&mut self, target: Option<PathId>, key: Option<PathKey>) {
        if self.facts.is_empty() {
            return;
        }
        let paths = &self.paths;
        self.facts.retain(|path| {
            let mut at = Some(path);
            while let Some(here) = at {
                let own = paths.key(here);
                let hit = match (own, key) {
                    (None, _) => false,
                    (Some(PathKey::Last), Some(PathKey::Index(_))) => true,
                    (Some(own), Some(key)) => own == key,
                    (Some(_), None) => true,
                };
                // Another variable may hold the same table.
                if hit && (Some(here) == target || target.is_none() || paths.parent(here) != target) {
                    return false;
                }
                at = paths.parent(here);
            }
            true
        });
    }

    /// Whether every store to the field of a shape is known and has been seen.
    fn is_settled(&self, id: ShapeId, key: Key, writes: u32) -> bool {
        let shape = self.types.shape(id);
        if shape.sealed {
            return writes > 0;
        }
        match self.notes.owners.get(&id) {
            Some(var) => {
                !self.scopes.writes.dynamically(*var)
                    && self.scopes.writes.to_field(*var, key).is_some_and(|all| writes >= all)
            }
            None => !self.scopes.writes.is_foreign(key),
        }
    }

    /// Ends the growth of all shapes made since: other chunks read them.
    fn seal(&mut self, first: usize) {
        for at in first..self.types.shapes.len() {
            let id = ShapeId(at as u32);
            for field in 0..self.types.shape(id).fields.len() {
                let known = self.types.shape(id).fields[field];
                if !self.is_settled(id, known.key, known.writes) {
                    self.types.shape_mut(id).fields[field].ty = Ty::ANY;
                }
            }
            self.types.shape_mut(id).sealed = true;
            self.types.shape_mut(id).escaped = true;
        }
    }

    /// Marks what is read as a value as known elsewhere.
    fn escape(&mut self, ty: Ty) {
        if let Kind::Shape(id) = *self.types.kind(ty) {
            self.types.shape_mut(id).escaped = true;
        }
    }

    /// The certain Lua type of a value, for messages and definite failures: the type without `any`.
    fn is_table_like(&mut self, ty: Ty) -> bool {
        self.types.bases(ty) & base::TABLE != 0
    }

    /// The results of a pack as the results of a call.
    fn values_of(&self, pack: &Pack, declared: bool) -> expr::Values {
        expr::Values {
            items: pack.types.iter().map(|ty| Flow { ty: *ty, declared }).collect(),
            tail: pack.tail.map(|ty| Flow { ty, declared }),
            fallible: None,
        }
    }
}
