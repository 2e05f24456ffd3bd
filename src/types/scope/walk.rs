//! The walk over the program: names to variables, and what is done with these.

use lasso::Key as _;

use super::{Assigned, Scopes, Var, VarId, VarKind, Writes};
use crate::syntax::Span;
use crate::syntax::ast::{
    Ast, BinOp, Binding, Block, Expr, ExprId, FunctionBody, Ident, Name, ReturnType, Stat, StatKind, TableItem, Type,
    TypeField, TypeId, UnOp,
};
use crate::types::query::{Access, Mention, Mentioned};
use crate::types::ty::{Key, Types};
use hashbrown::{HashMap, HashSet};

impl Scopes {
    /// Walks `ast`. With `trace`, every name is noted.
    pub fn of(ast: &Ast, types: &mut Types, trace: bool) -> Scopes {
        let scopes = Scopes {
            vars: Vec::new(),
            declarations: HashMap::new(),
            functions: HashMap::new(),
            names: Vec::new(),
            assigned: HashMap::new(),
            loop_labels: HashSet::new(),
            assigned_globals: HashMap::new(),
            tested_globals: HashSet::new(),
            tested_fields: HashSet::new(),
            basic_metatables: false,
            writes: Writes::default(),
            open_globals: false,
            open_locals: EXPOSING.iter().any(|name| ast.names.get(name).is_some()),
            mentions: trace.then(Vec::new),
        };
        let mut walker = Walker {
            ast,
            types,
            scopes,
            visible: Vec::new(),
            shadowed: Vec::new(),
            block_start: 0,
            depth: 0,
            regions: Vec::new(),
            gotos: HashMap::new(),
            environment: ast.names.get("_ENV"),
            globals: ast.names.get("_G"),
            receiver: ast.names.get("self"),
            require: ast.names.get("require"),
            setmetatable: ast.names.get("setmetatable"),
        };
        walker.function_region(u32::MAX, |walker| walker.block(&ast.block, u32::MAX));
        walker.scopes
    }
}

/// Functions that change variables from outside.
const EXPOSING: [&str; 3] = ["setlocal", "setupvalue", "upvaluejoin"];

/// Functions that programs ask whether something is there.
const TESTS: [&str; 4] = ["type", "assert", "pcall", "rawequal"];

/// A loop or a function on the way to the place being walked.
struct Region {
    start: u32,
    first_var: u32,
    function: bool,
    assigned: Assigned,
    labels: Vec<(Name, u32)>,
}

struct Walker<'a> {
    ast: &'a Ast,
    types: &'a mut Types,
    scopes: Scopes,
    /// Per name, the variable it means here.
    visible: Vec<Option<VarId>>,
    /// What to restore in `visible` when scopes end.
    shadowed: Vec<(usize, Option<VarId>)>,
    /// Where the declarations of the innermost block begin in `shadowed`.
    block_start: usize,
    depth: u32,
    regions: Vec<Region>,
    /// Where the last `goto` to a label is in the present function.
    gotos: HashMap<Name, u32>,
    environment: Option<Name>,
    globals: Option<Name>,
    receiver: Option<Name>,
    require: Option<Name>,
    setmetatable: Option<Name>,
}

impl Walker<'_> {
    /// A scope that ends at this offset.
    fn scope(&mut self, end: u32, body: impl FnOnce(&mut Self)) {
        let mark = self.shadowed.len();
        let outer = std::mem::replace(&mut self.block_start, mark);
        body(self);
        self.block_start = outer;
        for (name, previous) in self.shadowed.drain(mark..).rev() {
            let ended = std::mem::replace(&mut self.visible[name], previous);
            if let Some(ended) = ended {
                self.scopes.vars[ended.0 as usize].end = end;
            }
        }
    }

    fn region(&mut self, start: u32, function: bool, body: impl FnOnce(&mut Self)) {
        let first_var = self.scopes.vars.len() as u32;
        self.regions.push(Region { start, first_var, function, assigned: Assigned::default(), labels: Vec::new() });
        body(self);
        let region = self.regions.pop().expect("pushed above");
        self.scopes.assigned.insert(region.start, region.assigned);
    }

    fn function_region(&mut self, start: u32, body: impl FnOnce(&mut Self)) {
        self.depth += 1;
        let gotos = std::mem::take(&mut self.gotos);
        let mut labels = Vec::new();
        self.region(start, true, |walker| {
            body(walker);
            labels = std::mem::take(&mut walker.regions.last_mut().expect("the region of this function").labels);
        });
        let gotos = std::mem::replace(&mut self.gotos, gotos);
        for (name, at) in labels {
            if gotos.get(&name).is_some_and(|from| *from > at) {
                self.scopes.loop_labels.insert(at);
            }
        }
        self.depth -= 1;
    }

    fn declare(&mut self, ident: &Ident, name: Name, kind: VarKind) -> VarId {
        let slot = name.into_usize();
        if slot >= self.visible.len() {
            self.visible.resize(slot + 1, None);
        }
        let id = VarId(self.scopes.vars.len() as u32);
        let hides = self.visible[slot].replace(id);
        self.shadowed.push((slot, hides));
        self.scopes.vars.push(Var {
            name,
            span: ident.span,
            kind,
            assigned: 0,
            assigned_elsewhere: false,
            captured: false,
            read: false,
            constructed: false,
            imported: false,
            hides,
            depth: self.depth,
            end: u32::MAX,
        });
        self.scopes.declarations.insert(ident.span.start, id);
        self.mention(ident.span, Mentioned::Variable(id, Access::Declare));
        id
    }

    fn find(&self, name: Name) -> Option<VarId> {
        self.visible.get(name.into_usize()).copied().flatten()
    }

    fn mention(&mut self, span: Span, of: Mentioned) {
        if let Some(mentions) = &mut self.scopes.mentions {
            mentions.push(Mention { span, of });
        }
    }

    fn block(&mut self, block: &Block, end: u32) {
        self.scope(end, |walker| walker.stats(block));
    }

    fn stats(&mut self, block: &Block) {
        block.stats.iter().for_each(|stat| self.stat(stat));
    }

    fn stat(&mut self, stat: &Stat) {
        match &stat.kind {
            StatKind::Error | StatKind::Break => {}
            StatKind::Assign { targets, values } => {
                values.iter().for_each(|value| self.expr(*value));
                targets.iter().for_each(|target| self.target(*target));
            }
            StatKind::Call(call) => self.expr(*call),
            StatKind::Label(label) => {
                let region = self.regions.iter_mut().rfind(|region| region.function);
                region.expect("the chunk is a function").labels.push((label.name, label.span.start));
            }
            StatKind::Goto(label) => _ = self.gotos.insert(label.name, label.span.start),
            StatKind::Do(block) => self.block(block, stat.span.end),
            StatKind::While { cond, body } => self.region(stat.span.start, false, |walker| {
                walker.condition(*cond);
                walker.block(body, stat.span.end);
            }),
            StatKind::Repeat { body, cond } => self.region(stat.span.start, false, |walker| {
                walker.scope(stat.span.end, |walker| {
                    walker.stats(body);
                    walker.condition(*cond);
                });
            }),
            StatKind::If { arms, otherwise } => {
                for (at, (cond, block)) in arms.iter().enumerate() {
                    self.condition(*cond);
                    let next = arms.get(at + 1).map(|(cond, _)| self.ast.expr_span(*cond).start);
                    let otherwise = otherwise.as_ref().and_then(|block| Some(block.stats.first()?.span.start));
                    self.block(block, next.or(otherwise).unwrap_or(stat.span.end));
                }
                otherwise.iter().for_each(|block| self.block(block, stat.span.end));
            }
            StatKind::NumericFor { var, start, limit, step, body } => {
                [Some(*start), Some(*limit), *step].into_iter().flatten().for_each(|value| self.expr(value));
                self.region(stat.span.start, false, |walker| {
                    walker.scope(stat.span.end, |walker| {
                        walker.binding(var, VarKind::Loop);
                        walker.stats(body);
                    });
                });
            }
            StatKind::GenericFor { vars, values, body } => {
                values.iter().for_each(|value| self.expr(*value));
                self.region(stat.span.start, false, |walker| {
                    walker.scope(stat.span.end, |walker| {
                        vars.iter().for_each(|var| _ = walker.binding(var, VarKind::Loop));
                        walker.stats(body);
                    });
                });
            }
            StatKind::Function { path, method, body } => {
                if let Some(first) = path.first()
                    && let Some(var) = self.find(first.name)
                {
                    self.scopes.functions.insert(first.span.start, var);
                }
                self.mention_path(path, method.as_ref());
                match (&path[..], method) {
                    ([only], None) => match self.find(only.name) {
                        Some(var) => self.assign(var),
                        None => self.assign_global(only),
                    },
                    ([first, rest @ ..], _) => {
                        let var = self.find(first.name);
                        if let Some(var) = var {
                            self.read(var);
                        }
                        let last = method.as_ref().or(rest.last()).expect("a path or a method follows");
                        let key = self.types.key(self.ast.text(last.name).as_bytes());
                        let direct = path.len() == 1 || path.len() == 2 && method.is_none();
                        self.write(var.filter(|_| direct), Some(key));
                    }
                    ([], _) => {}
                }
                self.function(body, method.as_ref());
            }
            StatKind::LocalFunction { name, body } => {
                self.declare(name, name.name, VarKind::Function);
                self.function(body, None);
            }
            StatKind::Local { vars, values } => {
                values.iter().for_each(|value| self.expr(*value));
                for (at, var) in vars.iter().enumerate() {
                    let id = self.binding(var, VarKind::Local);
                    let Some(value) = values.get(at) else { continue };
                    self.scopes.vars[id.0 as usize].imported = self.is_call_of(*value, self.require).is_some();
                    let made = self.is_call_of(*value, self.setmetatable).unwrap_or(*value);
                    if let Expr::Table(items) = self.ast.expr(made) {
                        self.scopes.vars[id.0 as usize].constructed = true;
                        for item in items {
                            let key = match item {
                                TableItem::Named(name, _) => self.ast.text(name.name).as_bytes(),
                                TableItem::Keyed(key, _) => match self.ast.expr(*key) {
                                    Expr::String(bytes) => bytes,
                                    _ => continue,
                                },
                                TableItem::Positional(_) => continue,
                            };
                            let key = self.types.key(key);
                            *self.scopes.writes.by_var.entry((id, key)).or_default() += 1;
                        }
                    }
                }
            }
            StatKind::Return(values) => values.iter().for_each(|value| self.expr(*value)),
            StatKind::Alias(alias) => {
                self.ty(alias.ty);
                let declared = self.find(alias.name.name).is_some_and(|var| {
                    let slot = alias.name.name.into_usize();
                    self.shadowed[self.block_start..].iter().any(|(name, _)| *name == slot)
                        && self.scopes.var(var).kind != VarKind::Alias
                });
                if !declared {
                    self.declare(&alias.name, alias.name.name, VarKind::Alias);
                }
            }
        }
    }

    /// The names of a function statement.
    fn mention_path(&mut self, path: &[Ident], method: Option<&Ident>) {
        let Some((first, fields)) = path.split_first() else { return };
        let access = if fields.is_empty() && method.is_none() { Access::Write } else { Access::Read };
        let of = match self.find(first.name) {
            Some(var) => Mentioned::Variable(var, access),
            None => Mentioned::Global(first.name, access),
        };
        self.mention(first.span, of);
        for field in fields.iter().chain(method) {
            self.mention(field.span, Mentioned::Field { name: field.name, object: None, whole: None });
        }
    }

    /// The first argument, if the expression is a call of this name.
    fn is_call_of(&self, value: ExprId, name: Option<Name>) -> Option<ExprId> {
        let Expr::Call { func, args, .. } = self.ast.expr(value) else { return None };
        match self.ast.expr(*func) {
            Expr::Name(called) if Some(*called) == name => args.first().copied(),
            _ => None,
        }
    }

    fn binding(&mut self, binding: &Binding, kind: VarKind) -> VarId {
        if let Some(ty) = binding.ty {
            self.ty(ty);
        }
        self.declare(&binding.name, binding.name.name, kind)
    }

    fn function(&mut self, body: &FunctionBody, method: Option<&Ident>) {
        self.function_region(body.span.start, |walker| {
            walker.scope(body.span.end, |walker| {
                if let (Some(method), Some(receiver)) = (method, walker.receiver) {
                    walker.declare(method, receiver, VarKind::Receiver);
                }
                body.params.iter().for_each(|param| _ = walker.binding(param, VarKind::Param));
                if let Some(ty) = body.vararg.and_then(|vararg| vararg.ty) {
                    walker.ty(ty);
                }
                if let Some(ret) = &body.ret {
                    walker.ret(ret);
                }
                walker.stats(&body.block);
            });
        });
    }

    fn read(&mut self, var: VarId) {
        let depth = self.depth;
        let var = &mut self.scopes.vars[var.0 as usize];
        var.read = true;
        var.captured |= var.depth != depth;
    }

    fn assign(&mut self, id: VarId) {
        let depth = self.depth;
        let var = &mut self.scopes.vars[id.0 as usize];
        var.assigned += 1;
        var.captured |= var.depth != depth;
        var.assigned_elsewhere |= var.depth != depth;
        for region in self.regions.iter_mut().rev() {
            if id.0 >= region.first_var || region.assigned.vars.contains(&id) {
                break;
            }
            region.assigned.vars.push(id);
        }
        // A function's own variables count as assigned in it: a label may lead back.
        if let Some(region) = self.regions.iter_mut().rfind(|region| region.function)
            && !region.assigned.vars.contains(&id)
        {
            region.assigned.vars.push(id);
        }
    }

    fn assign_global(&mut self, ident: &Ident) {
        self.scopes.assigned_globals.entry(ident.name).or_insert((ident.span, 0)).1 += 1;
    }

    /// A write to a field; without a key, to a computed one.
    fn write(&mut self, var: Option<VarId>, key: Option<Key>) {
        for region in self.regions.iter_mut().rev().take_while(|region| !region.assigned.fields) {
            region.assigned.fields = true;
        }
        let known = var.filter(|var| {
            let var = self.scopes.var(*var);
            var.constructed && var.assigned == 0
        });
        match (known, key) {
            (Some(var), Some(key)) => {
                *self.scopes.writes.by_var.entry((var, key)).or_default() += 1;
                *self.scopes.writes.all.entry(key).or_default() += 1;
            }
            (None, Some(key)) => {
                *self.scopes.writes.all.entry(key).or_default() += 1;
                *self.scopes.writes.foreign.entry(key).or_default() += 1;
            }
            (Some(var), None) => _ = self.scopes.writes.dynamic.insert(var),
            (None, None) => {}
        }
    }

    fn target(&mut self, target: ExprId) {
        match self.ast.expr(target) {
            Expr::Name(name) => match self.find(*name) {
                Some(var) => {
                    self.resolve(target, *name, false);
                    self.assign(var);
                }
                None => {
                    self.resolve(target, *name, false);
                    let span = self.ast.expr_span(target);
                    self.assign_global(&Ident { name: *name, span });
                }
            },
            Expr::Field(object, name) => {
                self.mention_field(name, Some(*object), Some(target));
                self.expr(*object);
                self.write_through(*object, Some(self.ast.text(name.name).as_bytes()));
            }
            Expr::Index(object, key) => {
                self.expr(*object);
                self.expr(*key);
                match self.ast.expr(*key) {
                    Expr::String(bytes) => self.write_through(*object, Some(bytes)),
                    Expr::Integer(_) | Expr::Float(_) => self.write(None, None),
                    _ => self.write_through(*object, None),
                }
            }
            _ => self.expr(target),
        }
    }

    fn mention_field(&mut self, name: &Ident, object: Option<ExprId>, whole: Option<ExprId>) {
        self.mention(name.span, Mentioned::Field { name: name.name, object, whole });
    }

    fn write_through(&mut self, object: ExprId, key: Option<&[u8]>) {
        let ast = self.ast;
        let key = key.map(|bytes| (self.types.key(bytes), bytes));
        let var = match ast.expr(object) {
            Expr::Name(name) => {
                let var = self.find(*name);
                if var.is_none() && (Some(*name) == self.globals || Some(*name) == self.environment) {
                    match key.and_then(|(_, bytes)| ast.names.get(std::str::from_utf8(bytes).ok()?)) {
                        Some(global) => self.assign_global(&Ident { name: global, span: ast.expr_span(object) }),
                        None => self.scopes.open_globals = true,
                    }
                }
                var
            }
            _ => None,
        };
        self.write(var, key.map(|(key, _)| key));
    }

    fn resolve(&mut self, id: ExprId, name: Name, read: bool) {
        let access = if read { Access::Read } else { Access::Write };
        let found = self.find(name);
        let of = found.map_or(Mentioned::Global(name, access), |var| Mentioned::Variable(var, access));
        self.mention(self.ast.expr_span(id), of);
        let meaning = match found {
            Some(var) => {
                if read {
                    self.read(var);
                }
                var.0 + 2
            }
            None => u32::from(self.environment.and_then(|environment| self.find(environment)).is_some()),
        };
        if meaning > 0 {
            let at = id.0 as usize;
            if at >= self.scopes.names.len() {
                self.scopes.names.resize(at + 1, 0);
            }
            self.scopes.names[at] = meaning;
        }
    }

    /// A condition: globals in it are tested for existence.
    fn condition(&mut self, cond: ExprId) {
        self.tests(cond);
        self.expr(cond);
    }

    /// Notes a global whose value is only tested.
    fn tests(&mut self, operand: ExprId) {
        let mut at = operand;
        while let Expr::Paren(inner) = self.ast.expr(at) {
            at = *inner;
        }
        match self.ast.expr(at) {
            Expr::Name(name) => _ = self.scopes.tested_globals.insert(*name),
            Expr::Field(_, name) => {
                let key = self.types.key(self.ast.text(name.name).as_bytes());
                self.scopes.tested_fields.insert(key);
            }
            _ => {}
        }
    }

    fn expr(&mut self, id: ExprId) {
        let mut at = id;
        // Chains nest to the left.
        loop {
            match self.ast.expr(at) {
                Expr::Error
                | Expr::Nil
                | Expr::True
                | Expr::False
                | Expr::Integer(_)
                | Expr::Float(_)
                | Expr::String(_)
                | Expr::Vararg => return,
                Expr::Function(body) => return self.function(body, None),
                Expr::Name(name) => {
                    let (name, used) = (*name, at == id);
                    self.resolve(at, name, true);
                    let table = Some(name) == self.globals || Some(name) == self.environment;
                    // `_G` as a value goes anywhere; `_G.name` is looked at by whoever has the field.
                    if table && used && self.find(name).is_none() {
                        self.scopes.open_globals = true;
                    }
                    return;
                }
                Expr::Paren(inner) | Expr::NonNil(inner) => at = *inner,
                Expr::Cast(inner, ty) => {
                    self.ty(*ty);
                    at = *inner;
                }
                Expr::Field(object, name) => {
                    self.mention_field(name, Some(*object), Some(at));
                    self.scopes.basic_metatables |= Some(name.name) == self.setmetatable;
                    at = *object;
                }
                Expr::Index(object, key) => {
                    self.expr(*key);
                    at = *object;
                }
                Expr::Call { func, args, .. } => {
                    let tested = matches!(self.ast.expr(*func), Expr::Name(name)
                        if TESTS.contains(&self.ast.text(*name)));
                    args.iter().filter(|_| tested).for_each(|arg| self.tests(*arg));
                    if self.scopes.mentions.is_some()
                        && let Some(module) = self.is_call_of(at, self.require)
                    {
                        self.mention(self.ast.expr_span(module), Mentioned::Module(module));
                    }
                    args.iter().for_each(|arg| self.expr(*arg));
                    at = *func;
                }
                Expr::MethodCall { object, name, args, .. } => {
                    self.mention_field(name, Some(*object), None);
                    args.iter().for_each(|arg| self.expr(*arg));
                    at = *object;
                }
                Expr::Unary { op, operand, .. } => {
                    if *op == UnOp::Not {
                        self.tests(*operand);
                    }
                    at = *operand;
                }
                Expr::Binary { op, lhs, rhs, .. } => {
                    if matches!(op, BinOp::And | BinOp::Or | BinOp::Eq | BinOp::Ne) {
                        self.tests(*lhs);
                        self.tests(*rhs);
                    }
                    self.expr(*rhs);
                    at = *lhs;
                }
                Expr::Table(items) => {
                    for item in items {
                        let value = match item {
                            TableItem::Positional(value) => value,
                            TableItem::Named(name, value) => {
                                self.mention_field(name, None, None);
                                let key = self.types.key(self.ast.text(name.name).as_bytes());
                                *self.scopes.writes.all.entry(key).or_default() += 1;
                                value
                            }
                            TableItem::Keyed(key, value) => {
                                if let Expr::String(bytes) = self.ast.expr(*key) {
                                    let key = self.types.key(bytes);
                                    *self.scopes.writes.all.entry(key).or_default() += 1;
                                }
                                self.expr(*key);
                                value
                            }
                        };
                        self.expr(*value);
                    }
                    return;
                }
            }
        }
    }

    /// Expressions within types.
    fn ty(&mut self, id: TypeId) {
        match self.ast.ty(id) {
            Type::Typeof(value) => self.expr(*value),
            Type::Name { args, .. } => args.iter().for_each(|arg| self.ty(*arg)),
            Type::Readonly(of) | Type::Array(of) | Type::Group(of) | Type::Optional(of) => self.ty(*of),
            Type::Validated { ty, .. } => self.ty(*ty),
            Type::Table(fields) => fields.iter().for_each(|field| match field {
                TypeField::Field { ty, .. } => self.ty(*ty),
                TypeField::Indexer { key, value } => {
                    self.ty(*key);
                    self.ty(*value);
                }
            }),
            Type::FunctionType { params, vararg, ret, .. } => {
                params.iter().for_each(|param| self.ty(param.ty));
                vararg.iter().flatten().for_each(|ty| self.ty(*ty));
                self.ret(ret);
            }
            Type::Union(parts) | Type::Intersection(parts) => parts.iter().for_each(|part| self.ty(*part)),
            Type::Error
            | Type::Nil
            | Type::Boolean(_)
            | Type::String(_)
            | Type::Integer(_)
            | Type::Float(_)
            | Type::Function => {}
        }
    }

    fn ret(&mut self, ret: &ReturnType) {
        match ret {
            ReturnType::Single(ty) => self.ty(*ty),
            ReturnType::Pack { types, vararg } => {
                types.iter().for_each(|ty| self.ty(*ty));
                vararg.iter().flatten().for_each(|ty| self.ty(*ty));
            }
            ReturnType::Vararg(ty) => ty.iter().for_each(|ty| self.ty(*ty)),
            ReturnType::Asserts { ty, .. } => ty.iter().for_each(|ty| self.ty(*ty)),
        }
    }
}
