//! The pass before checking: which variable every name means, and what happens to each of them.
//!
//! The checker follows the program once, from top to bottom, and has to know beforehand what comes further down: whether a
//! variable is ever assigned again, by whom, which of them a loop assigns, which fields are written how often.
//!
//! A declaration is identified by the place of its name; the implicit `self` of a method by that of the method's name.

mod walk;

use super::query::Mention;
use super::ty::Key;
use crate::syntax::Span;
use crate::syntax::ast::{ExprId, Ident, Name};
use hashbrown::{HashMap, HashSet};

/// A declared variable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct VarId(pub u32);

/// What declared a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VarKind {
    /// `local`
    Local,
    /// `local function`
    Function,
    /// A parameter.
    Param,
    /// The implicit one of a method.
    Receiver,
    /// The variable of a `for`.
    Loop,
    /// The value of an alias.
    Alias,
}

/// What is known of a variable before the program is followed.
#[derive(Clone, Debug)]
pub struct Var {
    /// Its name.
    pub name: Name,
    /// Where it is declared.
    pub span: Span,
    /// What declared it.
    pub kind: VarKind,
    /// Assignments after the declaration.
    pub assigned: u32,
    /// Some of them in another function than the one that owns it.
    pub assigned_elsewhere: bool,
    /// Whether it is mentioned in another function.
    pub captured: bool,
    /// Whether it is ever read.
    pub read: bool,
    /// Initialised by a table constructor, or by `setmetatable` of one.
    pub constructed: bool,
    /// Initialised by a call of `require`.
    pub imported: bool,
    /// The declaration that it hides.
    pub hides: Option<VarId>,
    /// Depth of the function that owns it; that of the chunk is 1.
    pub depth: u32,
    /// The offset where its scope ends.
    pub end: u32,
}

/// What a name in an expression means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// A variable.
    Local(VarId),
    /// A global variable.
    Global,
    /// A field of an environment of the program's own.
    Environment,
}

/// What is assigned in a loop or function.
#[derive(Clone, Default, Debug)]
pub struct Assigned {
    /// Variables declared outside.
    pub vars: Vec<VarId>,
    /// Whether any field or element is assigned.
    pub fields: bool,
}

/// How often the fields of tables are written.
#[derive(Default, Debug)]
pub struct Writes {
    by_var: HashMap<(VarId, Key), u32>,
    /// All writes, constructors included.
    all: HashMap<Key, u32>,
    /// Writes to tables of which it is not known where they come from.
    foreign: HashMap<Key, u32>,
    dynamic: HashSet<VarId>,
}

impl Writes {
    /// Whether the chunk writes such a field anywhere.
    pub fn anywhere(&self, key: Key) -> bool {
        self.all.contains_key(&key)
    }

    /// Assignments to this field of the table in a variable, if all of them are known.
    pub fn to_field(&self, var: VarId, key: Key) -> Option<u32> {
        let mine = self.by_var.get(&(var, key)).copied().unwrap_or(0);
        (!self.foreign.contains_key(&key)).then_some(mine)
    }

    /// Whether some table of unknown origin is written under this name.
    pub fn is_foreign(&self, key: Key) -> bool {
        self.foreign.contains_key(&key)
    }

    /// Whether fields of the table in a variable are written under computed names.
    pub fn dynamically(&self, var: VarId) -> bool {
        self.dynamic.contains(&var)
    }
}

/// The result of the pass.
pub struct Scopes {
    /// All variables, in the order of their declarations.
    pub vars: Vec<Var>,
    /// By the offset of the declaring name.
    declarations: HashMap<u32, VarId>,
    /// By the offset of the first name of a function statement: the variable it means.
    functions: HashMap<u32, VarId>,
    /// By expression: the variable plus two; 0 for a global, 1 for a field of an environment.
    names: Vec<u32>,
    /// By the offset of the loop or function.
    assigned: HashMap<u32, Assigned>,
    /// Offsets of labels that are jumped back to.
    pub loop_labels: HashSet<u32>,
    /// Globals that the chunk assigns: the first place, and how many there are.
    pub assigned_globals: HashMap<Name, (Span, u32)>,
    /// Globals that some condition tests for existence.
    pub tested_globals: HashSet<Name>,
    /// Fields of which the same holds.
    pub tested_fields: HashSet<Key>,
    /// `debug.setmetatable` is mentioned: even numbers may have fields.
    pub basic_metatables: bool,
    /// Writes to fields.
    pub writes: Writes,
    /// Globals may come from anywhere: `_G` or `_ENV` is used as a table.
    pub open_globals: bool,
    /// Variables may be assigned from outside: functions of `debug` are mentioned.
    pub open_locals: bool,
    /// All names, if somebody is going to ask about them.
    pub mentions: Option<Vec<Mention>>,
}

impl Scopes {
    /// The variable declared by a name.
    pub fn declared(&self, ident: &Ident) -> Option<VarId> {
        self.declarations.get(&ident.span.start).copied()
    }

    /// The variable that the first name of a function statement means.
    pub fn visible_at(&self, ident: &Ident) -> Option<VarId> {
        self.functions.get(&ident.span.start).copied()
    }

    /// What the name expression `id` means.
    pub fn meaning(&self, id: ExprId) -> Meaning {
        match self.names.get(id.0 as usize).copied().unwrap_or(0) {
            0 => Meaning::Global,
            1 => Meaning::Environment,
            local => Meaning::Local(VarId(local - 2)),
        }
    }

    /// What the loop or function that begins at this place assigns.
    pub fn assigned_in(&self, start: u32) -> Assigned {
        self.assigned.get(&start).cloned().unwrap_or_default()
    }

    /// The variable.
    pub fn var(&self, id: VarId) -> &Var {
        &self.vars[id.0 as usize]
    }
}
