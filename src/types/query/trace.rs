//! What is noted of a chunk while it is checked, if somebody is going to ask about it.

use std::path::{Path, PathBuf};

use hashbrown::HashMap;

use crate::syntax::Span;
use crate::syntax::ast::{ExprId, Name};
use crate::types::scope::{Var, VarId};
use crate::types::ty::{AliasId, Key, ParamId, Ty};

/// A name in the text, and what it stands for.
#[derive(Clone, Copy, Debug)]
pub(in crate::types) struct Mention {
    /// Where.
    pub span: Span,
    /// What for.
    pub of: Mentioned,
}

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::types) enum Mentioned {
    /// A variable: where it is declared, read or assigned.
    Variable(VarId, Access),
    /// A global variable.
    Global(Name, Access),
    /// A field.
    Field {
        /// Its name.
        name: Name,
        /// Whose field; a table constructor and a function statement name fields, too.
        object: Option<ExprId>,
        /// The expression that reads it. The type of others is noted by name.
        whole: Option<ExprId>,
    },
    /// A type.
    Type(NamedType),
    /// The name of a module in a call of `require`.
    Module(ExprId),
}

/// What a name in an annotation stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::types) enum NamedType {
    /// A declared type.
    Alias(AliasId),
    /// A type parameter.
    Param(ParamId),
    /// A predeclared type.
    Predeclared(Ty),
    /// Nothing: the name is unknown.
    Unknown,
}

/// What happens to a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::types) enum Access {
    Declare,
    Read,
    Write,
}

/// Notes of one chunk.
#[derive(Default, Debug)]
pub(in crate::types) struct Trace {
    /// Names, in the order of their places once the chunk is checked.
    pub mentions: Vec<Mention>,
    /// By expression, the type of its value where it was followed last.
    exprs: Vec<Option<Ty>>,
    /// By the place of a name: methods, functions of function statements and fields of constructors.
    names: HashMap<u32, Ty>,
    /// Where type parameters are declared.
    pub params: HashMap<ParamId, Span>,
    /// Names of types that are visible where an unknown one stands.
    pub type_names: HashMap<u32, Vec<Key>>,
}

impl Trace {
    /// Notes of a chunk with these names in expressions.
    pub fn new(mentions: Vec<Mention>) -> Trace {
        Trace { mentions, ..Trace::default() }
    }

    /// Notes a name in an annotation.
    pub fn mention_type(&mut self, span: Span, of: NamedType) {
        self.mentions.push(Mention { span, of: Mentioned::Type(of) });
    }

    /// Notes the type of an expression.
    pub fn note_expr(&mut self, id: ExprId, ty: Ty) {
        let at = id.0 as usize;
        if at >= self.exprs.len() {
            self.exprs.resize(at + 1, None);
        }
        self.exprs[at] = Some(ty);
    }

    /// Notes the type of what a name stands for.
    pub fn note_name(&mut self, span: Span, ty: Ty) {
        self.names.insert(span.start, ty);
    }

    /// The type of an expression; `None` where nothing leads.
    pub fn expr(&self, id: ExprId) -> Option<Ty> {
        self.exprs.get(id.0 as usize).copied().flatten()
    }

    /// The type noted for the name at this place.
    pub fn name(&self, at: u32) -> Option<Ty> {
        self.names.get(&at).copied()
    }

    /// Puts the names in order, each once.
    pub fn finish(&mut self) {
        self.mentions.sort_by_key(|mention| mention.span.start);
        self.mentions.dedup_by(|a, b| a.span == b.span && (a.of == b.of || matches!(a.of, Mentioned::Type(_))));
    }

    /// The name around a place.
    pub fn at(&self, offset: u32) -> Option<&Mention> {
        let after = self.mentions.partition_point(|mention| mention.span.start <= offset);
        // The end of a name still belongs to it, unless another one begins there.
        self.mentions[..after].iter().rev().take(2).find(|mention| offset <= mention.span.end)
    }
}

/// What remains of a checked chunk for queries, beside its tree.
#[derive(Debug)]
pub(in crate::types) struct Noted {
    pub trace: Trace,
    pub vars: Vec<Var>,
    /// By variable, what it has where nothing more is known.
    pub types: Vec<Ty>,
}

/// Where the types of a whole run are declared.
#[derive(Default, Debug)]
pub(in crate::types) struct Origins {
    files: Vec<PathBuf>,
    current: usize,
    fields: HashMap<(Ty, Key), (usize, Span)>,
    aliases: HashMap<AliasId, (usize, Span)>,
    globals: HashMap<String, (usize, Span)>,
}

impl Origins {
    /// What is noted from now on is in this file. Answers the one before.
    pub fn enter(&mut self, file: &Path) -> usize {
        self.files.push(file.to_owned());
        std::mem::replace(&mut self.current, self.files.len() - 1)
    }

    /// Returns to the file before.
    pub fn leave(&mut self, before: usize) {
        self.current = before;
    }

    /// Notes where a field of a table type is declared, or first stored into an inferred table.
    pub fn field(&mut self, of: Ty, key: Key, span: Span) {
        self.fields.entry((of, key)).or_insert((self.current, span));
    }

    /// Notes where a type is declared.
    pub fn alias(&mut self, id: AliasId, span: Span) {
        self.aliases.insert(id, (self.current, span));
    }

    /// Notes where a global variable is assigned.
    pub fn global(&mut self, name: &str, span: Span) {
        self.globals.insert(name.to_owned(), (self.current, span));
    }

    /// The place of a field.
    pub fn of_field(&self, of: Ty, key: Key) -> Option<(&Path, Span)> {
        self.fields.get(&(of, key)).map(|found| self.place(*found))
    }

    /// The place of a type.
    pub fn of_alias(&self, id: AliasId) -> Option<(&Path, Span)> {
        self.aliases.get(&id).map(|found| self.place(*found))
    }

    /// The place of a global variable.
    pub fn of_global(&self, name: &str) -> Option<(&Path, Span)> {
        self.globals.get(name).map(|found| self.place(*found))
    }

    fn place(&self, (file, span): (usize, Span)) -> (&Path, Span) {
        (&self.files[file], span)
    }
}
