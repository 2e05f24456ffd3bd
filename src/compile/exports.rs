//! The types of one chunk in another: what a chunk offers (types §6.1), and how a chunk that is being compiled finds what
//! others offer.
//!
//! A chunk exports its `export type` aliases, and each field of the table it returns whose value is an alias. Only what the
//! outermost block shows counts: `return {User = User}`, or `M.User = User` for the local variable `M` that it returns.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::bytecode::types::TypeTable;
use crate::syntax::ast::{Ast, Binding, Expr, ExprId, Ident, Name, StatKind, TableItem};

/// Where a chunk finds other modules while it is compiled.
pub trait Modules {
    /// What the module offers that `require` gives by this name; `None` if it is not known.
    fn exports(&self, module: &str) -> Option<Arc<Exports>>;
}

/// No modules: types of others are `any`.
pub struct NoModules;

impl Modules for NoModules {
    fn exports(&self, _: &str) -> Option<Arc<Exports>> {
        None
    }
}

/// An alias of a table.
#[derive(Clone, Debug)]
pub struct Export {
    /// The types of the chunk that declares it.
    pub table: Arc<TypeTable>,
    /// Its place among their aliases.
    pub alias: u32,
}

/// What a chunk offers.
#[derive(Default, Debug)]
pub struct Exports {
    types: HashMap<Box<str>, Export>,
}

impl Exports {
    /// The type of this name.
    pub fn get(&self, name: &str) -> Option<&Export> {
        self.types.get(name)
    }

    /// What the chunk with these types offers.
    pub(super) fn of(ast: &Ast, table: &Arc<TypeTable>, modules: &dyn Modules) -> Exports {
        let mut found = Search { ast, exports: Vec::new() };
        found.chunk();
        let types = found.exports.into_iter().filter_map(|(name, offered)| {
            let export = match offered {
                Offered::Alias(place) => {
                    let alias = table.aliases.iter().position(|alias| alias.place == place)?;
                    Export { table: Arc::clone(table), alias: alias as u32 }
                }
                Offered::Foreign(module, name) => modules.exports(&module)?.get(ast.text(name))?.clone(),
            };
            Some((ast.text(name).into(), export))
        });
        Exports { types: types.collect() }
    }
}

/// What a name is offered for.
enum Offered {
    /// The alias whose name stands at this place.
    Alias(u32),
    /// A type of another module.
    Foreign(String, Name),
}

struct Search<'a> {
    ast: &'a Ast,
    exports: Vec<(Name, Offered)>,
}

/// The module that `require("module")` asks for.
pub(super) fn required_module(ast: &Ast, e: ExprId) -> Option<String> {
    let Expr::Call { func, args, .. } = ast.expr(e) else { return None };
    match (ast.expr(*func), args.as_slice()) {
        (Expr::Name(name), [argument]) if ast.text(*name) == "require" => match ast.expr(*argument) {
            Expr::String(bytes) => String::from_utf8(bytes.to_vec()).ok(),
            _ => None,
        },
        _ => None,
    }
}

impl Search<'_> {
    fn chunk(&mut self) {
        let ast = self.ast;
        for stat in &ast.block.stats {
            if let StatKind::Alias(alias) = &stat.kind
                && alias.export
            {
                self.exports.push((alias.name.name, Offered::Alias(alias.name.span.start)));
            }
        }
        let Some(StatKind::Return(values)) = ast.block.stats.last().map(|stat| &stat.kind) else { return };
        let [value] = values.as_slice() else { return };
        match ast.expr(*value) {
            Expr::Table(items) => self.fields(items),
            Expr::Name(name) => self.fields_of(*name),
            _ => {}
        }
    }

    /// The fields that the local variable gets.
    fn fields_of(&mut self, variable: Name) {
        let ast = self.ast;
        if let Some(value) = self.local(variable)
            && let Expr::Table(items) = ast.expr(value)
        {
            self.fields(items);
        }
        for stat in &ast.block.stats {
            let StatKind::Assign { targets, values } = &stat.kind else { continue };
            for (target, value) in targets.iter().zip(values) {
                if let Expr::Field(object, field) = ast.expr(*target)
                    && matches!(ast.expr(*object), Expr::Name(name) if *name == variable)
                {
                    self.field(*field, *value);
                }
            }
        }
    }

    fn fields(&mut self, items: &[TableItem]) {
        for item in items {
            if let TableItem::Named(field, value) = item {
                self.field(*field, *value);
            }
        }
    }

    fn field(&mut self, field: Ident, value: ExprId) {
        let ast = self.ast;
        let offered = match ast.expr(value) {
            Expr::Name(name) => self.alias(*name).map(Offered::Alias),
            Expr::Field(object, name) => match ast.expr(*object) {
                Expr::Name(object) => {
                    let module = self.local(*object).and_then(|value| required_module(ast, value));
                    module.map(|module| Offered::Foreign(module, name.name))
                }
                _ => None,
            },
            _ => None,
        };
        self.exports.extend(offered.map(|offered| (field.name, offered)));
    }

    /// The place of the alias that a name means as a value: the last one, if there is no local variable of that name.
    fn alias(&self, name: Name) -> Option<u32> {
        if self.declares_local(name) {
            return None;
        }
        self.ast.block.stats.iter().rev().find_map(|stat| match &stat.kind {
            StatKind::Alias(alias) if alias.name.name == name => Some(alias.name.span.start),
            _ => None,
        })
    }

    fn declares_local(&self, name: Name) -> bool {
        self.ast.block.stats.iter().any(|stat| match &stat.kind {
            StatKind::Local { vars, .. } => vars.iter().any(|var| var.name.name == name),
            StatKind::LocalFunction { name: function, .. } => function.name == name,
            _ => false,
        })
    }

    /// The value that a local variable begins with.
    fn local(&self, variable: Name) -> Option<ExprId> {
        let is_it = |var: &Binding| var.name.name == variable;
        self.ast.block.stats.iter().rev().find_map(|stat| match &stat.kind {
            StatKind::Local { vars, values } => values.get(vars.iter().position(is_it)?).copied(),
            _ => None,
        })
    }
}
