//! The pre-pass over a whole chunk that decides how each local variable is stored.
//!
//! A closure copies what it captures, so a variable needs a heap cell only if it is captured by an inner function *and*
//! assigned after its declaration. Both can happen later in the text than the first use, hence a pass of its own.
//!
//! Functions of the debug library assign variables from outside, and see which closures share one. In a chunk that
//! mentions one of them every captured variable counts as assigned, so that it is shared.
//!
//! A declaration is identified by the place of its name in the source, which is unique and the same for whoever walks
//! the tree in whatever order. The implicit `self` of a method is identified by the method's name.

use hashbrown::HashMap;
use lasso::Key;

use crate::syntax::ast::{Ast, Binding, Block, Expr, ExprId, FunctionBody, Ident, Name, Stat, StatKind, TableItem};

/// Names of the functions of `debug` that tell a shared variable from copies of it.
const EXPOSING: [&str; 4] = ["setlocal", "setupvalue", "upvalueid", "upvaluejoin"];

/// The identity of one declared local.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Declaration(u32);

impl Declaration {
    /// The declaration made by `name`.
    pub(super) fn of(name: &Ident) -> Self {
        Declaration(name.span.start)
    }
}

/// What became of an assigned variable; the others are not recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Assigned {
    ByOwner,
    AndCaptured,
}

/// The result of the pass.
pub(super) struct Resolution {
    assigned: HashMap<Declaration, Assigned>,
    /// Whether the chunk assigns its own `_ENV`, which is captured by definition.
    pub(super) environment_is_cell: bool,
}

impl Resolution {
    /// Walks `ast`.
    pub(super) fn of(ast: &Ast) -> Self {
        let mut resolver = Resolver {
            ast,
            variables: vec![Variable { declaration: Declaration(u32::MAX), depth: 0, captured: true, assigned: false }],
            visible: Vec::new(),
            shadowed: Vec::new(),
            depth: 1,
            environment: ast.names.get("_ENV"),
            receiver: ast.names.get("self"),
        };
        resolver.block(&ast.block);
        let exposed = EXPOSING.iter().any(|name| ast.names.get(name).is_some());
        let environment_is_cell = exposed || resolver.variables[0].assigned;
        let assigned = resolver.variables[1..]
            .iter()
            .filter(|variable| variable.assigned || exposed && variable.captured)
            .map(|variable| {
                let kind = if variable.captured { Assigned::AndCaptured } else { Assigned::ByOwner };
                (variable.declaration, kind)
            })
            .collect();
        Resolution { assigned, environment_is_cell }
    }

    /// Whether the variable is ever assigned after its declaration.
    pub(super) fn is_assigned(&self, declaration: Declaration) -> bool {
        self.assigned.contains_key(&declaration)
    }

    /// Whether the variable lives in a heap cell.
    pub(super) fn is_cell(&self, declaration: Declaration) -> bool {
        self.assigned.get(&declaration) == Some(&Assigned::AndCaptured)
    }
}

struct Variable {
    declaration: Declaration,
    /// Nesting depth of the function that declares it.
    depth: u32,
    captured: bool,
    assigned: bool,
}

/// Index of the chunk's `_ENV` among the variables.
const CHUNK_ENVIRONMENT: usize = 0;

struct Resolver<'a> {
    ast: &'a Ast,
    variables: Vec<Variable>,
    /// Per name, the variable it means here.
    visible: Vec<Option<usize>>,
    /// What to restore in `visible` when scopes end.
    shadowed: Vec<(usize, Option<usize>)>,
    depth: u32,
    environment: Option<Name>,
    receiver: Option<Name>,
}

impl Resolver<'_> {
    fn scope(&mut self, body: impl FnOnce(&mut Self)) {
        let mark = self.shadowed.len();
        body(self);
        for (name, previous) in self.shadowed.drain(mark..).rev() {
            self.visible[name] = previous;
        }
    }

    fn declare(&mut self, name: Name, declaration: Declaration) {
        let slot = name.into_usize();
        if slot >= self.visible.len() {
            self.visible.resize(slot + 1, None);
        }
        let variable = Variable { declaration, depth: self.depth, captured: false, assigned: false };
        self.shadowed.push((slot, self.visible[slot].replace(self.variables.len())));
        self.variables.push(variable);
    }

    fn declare_bindings(&mut self, bindings: &[Binding]) {
        for binding in bindings {
            self.declare(binding.name.name, Declaration::of(&binding.name));
        }
    }

    fn lookup(&self, name: Name) -> Option<usize> {
        self.visible.get(name.into_usize()).copied().flatten()
    }

    fn mention(&mut self, name: Name, assign: bool) {
        let (variable, assign) = match self.lookup(name) {
            Some(variable) => (variable, assign),
            None if Some(name) == self.environment => (CHUNK_ENVIRONMENT, assign),
            // A global: a field of whatever `_ENV` is here.
            None => (self.environment.and_then(|name| self.lookup(name)).unwrap_or(CHUNK_ENVIRONMENT), false),
        };
        let depth = self.depth;
        let variable = &mut self.variables[variable];
        variable.captured |= variable.depth != depth;
        variable.assigned |= assign;
    }

    fn block(&mut self, block: &Block) {
        self.scope(|this| this.statements(block));
    }

    fn statements(&mut self, block: &Block) {
        for stat in &block.stats {
            self.statement(stat);
        }
    }

    fn statement(&mut self, stat: &Stat) {
        match &stat.kind {
            StatKind::Error | StatKind::Label(_) | StatKind::Break | StatKind::Goto(_) | StatKind::Alias(_) => {}
            StatKind::Assign { targets, values } => {
                self.exprs(values);
                for &target in targets {
                    match self.ast.expr(target) {
                        Expr::Name(name) => self.mention(*name, true),
                        _ => self.expr(target),
                    }
                }
            }
            StatKind::Call(call) => self.expr(*call),
            StatKind::Do(body) => self.block(body),
            StatKind::While { cond, body } => {
                self.expr(*cond);
                self.block(body);
            }
            StatKind::Repeat { body, cond } => self.scope(|this| {
                this.statements(body);
                this.expr(*cond);
            }),
            StatKind::If { arms, otherwise } => {
                for (cond, body) in arms {
                    self.expr(*cond);
                    self.block(body);
                }
                if let Some(body) = otherwise {
                    self.block(body);
                }
            }
            StatKind::NumericFor { var, start, limit, step, body } => {
                self.expr(*start);
                self.expr(*limit);
                self.exprs(step.as_slice());
                self.scope(|this| {
                    this.declare_bindings(std::slice::from_ref(var));
                    this.statements(body);
                });
            }
            StatKind::GenericFor { vars, values, body } => {
                self.exprs(values);
                self.scope(|this| {
                    this.declare_bindings(vars);
                    this.statements(body);
                });
            }
            StatKind::Function { path, method, body } => {
                self.mention(path[0].name, path.len() == 1 && method.is_none());
                self.function(body, method.as_ref());
            }
            StatKind::LocalFunction { name, body } => {
                self.declare(name.name, Declaration::of(name));
                self.function(body, None);
            }
            StatKind::Local { vars, values } => {
                self.exprs(values);
                self.declare_bindings(vars);
            }
            StatKind::Return(values) => self.exprs(values),
        }
    }

    fn function(&mut self, body: &FunctionBody, method: Option<&Ident>) {
        self.depth += 1;
        self.scope(|this| {
            if let (Some(method), Some(receiver)) = (method, this.receiver) {
                this.declare(receiver, Declaration::of(method));
            }
            this.declare_bindings(&body.params);
            this.statements(&body.block);
        });
        self.depth -= 1;
    }

    fn exprs(&mut self, ids: &[ExprId]) {
        for &id in ids {
            self.expr(id);
        }
    }

    /// Visits an expression: its left spine with the loop, the rest by recursion. No expression declares anything
    /// for its neighbours, so that the order does not matter.
    fn expr(&mut self, mut id: ExprId) {
        loop {
            id = match self.ast.expr(id) {
                Expr::Error
                | Expr::Nil
                | Expr::True
                | Expr::False
                | Expr::Integer(_)
                | Expr::Float(_)
                | Expr::String(_)
                | Expr::Vararg => return,
                Expr::Function(body) => return self.function(body, None),
                Expr::Name(name) => return self.mention(*name, false),
                Expr::Table(items) => return self.table(items),
                Expr::Paren(inner) | Expr::NonNil(inner) | Expr::Cast(inner, _) => *inner,
                Expr::Unary { operand, .. } => *operand,
                Expr::Field(object, _) => *object,
                Expr::Index(object, key) => {
                    self.expr(*key);
                    *object
                }
                Expr::Call { func, args, .. } => {
                    self.exprs(args);
                    *func
                }
                Expr::MethodCall { object, args, .. } => {
                    self.exprs(args);
                    *object
                }
                Expr::Binary { lhs, rhs, .. } => {
                    self.expr(*rhs);
                    *lhs
                }
            };
        }
    }

    fn table(&mut self, items: &[TableItem]) {
        for item in items {
            match *item {
                TableItem::Positional(value) | TableItem::Named(_, value) => self.expr(value),
                TableItem::Keyed(key, value) => {
                    self.expr(key);
                    self.expr(value);
                }
            }
        }
    }
}
