//! `UpdateBuilder` and `DeleteBuilder`.

use std::sync::Arc;

use super::clauses::{Clauses, HasClauses, limit, offset, order_by, suffix, where_};
use super::part::{Format, Part, Piece, argument, entries};
use super::select::SelectBuilder;
use super::{Build, change, placeholder_format, run_with, shown, text, to_sql};
use crate::runtime::module::object::{Object, new_object, this};
use crate::vm::Vm;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::userdata::Class;

/// See the module header.
#[derive(Clone, Default)]
pub struct UpdateBuilder {
    table: Option<String>,
    assignments: Vec<(String, Piece)>,
    from: Option<Piece>,
    clauses: Clauses,
    format: Format,
}

static UPDATE: Class = Class {
    name: "sql.UpdateBuilder",
    methods: &[
        Native::new("table", update_table),
        Native::new("set", set),
        Native::new("set_map", set_map),
        Native::new("from", update_from),
        Native::new("from_select", from_select),
        Native::new("where", where_::<UpdateBuilder>),
        Native::new("order_by", order_by::<UpdateBuilder>),
        Native::new("limit", limit::<UpdateBuilder>),
        Native::new("offset", offset::<UpdateBuilder>),
        Native::new("suffix", suffix::<UpdateBuilder>),
        Native::new("to_sql", to_sql::<UpdateBuilder>),
        Native::new("run_with", run_with::<UpdateBuilder>),
        Native::new("placeholder_format", placeholder_format::<UpdateBuilder>),
    ],
    metamethods: &[Native::new("__tostring", shown::<UpdateBuilder>)],
};

impl Object for UpdateBuilder {
    const IS_PLAIN: bool = true;

    fn class() -> &'static Class {
        &UPDATE
    }
}

impl HasClauses for UpdateBuilder {
    fn clauses(&mut self) -> &mut Clauses {
        &mut self.clauses
    }
}

impl UpdateBuilder {
    /// The table, and the statement up to its clauses.
    fn begin(&self) -> Result<(&str, Part), String> {
        let table = self.table.as_ref().ok_or("an UPDATE needs a table")?;
        if self.assignments.is_empty() {
            return Err("an UPDATE needs assignments".to_owned());
        }
        let mut part = Part::plain(format!("UPDATE {table} SET "));
        for (i, (column, value)) in self.assignments.iter().enumerate() {
            part.put(if i > 0 { ", " } else { "" });
            part.put(&format!("{column} = "));
            part.append(value.clone()?);
        }
        if let Some(from) = &self.from {
            part.put(" FROM ");
            part.append(from.clone()?);
        }
        Ok((table, part))
    }
}

impl Build for UpdateBuilder {
    const NAME: &'static str = "UpdateBuilder";

    fn render(&self) -> Piece {
        let (_, mut part) = self.begin()?;
        self.clauses.put_where(&mut part)?;
        self.clauses.put_window(&mut part);
        self.clauses.put_suffixes(&mut part)?;
        Ok(part)
    }

    fn render_for_sqlite(&self) -> Piece {
        if !self.clauses.has_window() {
            return self.render();
        }
        let (table, mut part) = self.begin()?;
        self.clauses.put_with_rowids(&mut part, table)?;
        Ok(part)
    }

    fn format(&self) -> Format {
        self.format
    }

    fn set_format(&mut self, format: Format) {
        self.format = format;
    }
}

/// `sql.builder.update([table])`
pub fn new_update(vm: &mut Vm, args: Args) -> NativeResult {
    let table = if args.get(vm, 0).is_nil() { None } else { Some(text(vm, args, 0)?) };
    let value = new_object(vm, Arc::new(UpdateBuilder { table, ..UpdateBuilder::default() }));
    vm.answer(value)
}

fn update_table(vm: &mut Vm, args: Args) -> NativeResult {
    change::<UpdateBuilder>(vm, args, |builder, vm, args| {
        builder.table = Some(text(vm, args, 1)?);
        Ok(())
    })
}

fn set(vm: &mut Vm, args: Args) -> NativeResult {
    change::<UpdateBuilder>(vm, args, |builder, vm, args| {
        let column = text(vm, args, 1)?;
        let value = args.get(vm, 2);
        builder.assignments.push((column, argument(vm, value)));
        Ok(())
    })
}

fn set_map(vm: &mut Vm, args: Args) -> NativeResult {
    change::<UpdateBuilder>(vm, args, |builder, vm, args| {
        args.check_table(vm, 1)?;
        for (column, value) in entries(vm, args.get(vm, 1)) {
            builder.assignments.push((column, argument(vm, value)));
        }
        Ok(())
    })
}

fn update_from(vm: &mut Vm, args: Args) -> NativeResult {
    change::<UpdateBuilder>(vm, args, |builder, vm, args| {
        builder.from = Some(Ok(Part::plain(text(vm, args, 1)?)));
        Ok(())
    })
}

fn from_select(vm: &mut Vm, args: Args) -> NativeResult {
    change::<UpdateBuilder>(vm, args, |builder, vm, args| {
        let Some(select) = this::<SelectBuilder>(args.get(vm, 1)) else {
            return Err(vm.type_error(1, SelectBuilder::class().name, args.try_get(vm, 1)));
        };
        let alias = text(vm, args, 2)?;
        builder.from = Some(select.render().map(|select| {
            let mut part = Part::plain("(");
            part.append(select);
            part.put(&format!(") AS {alias}"));
            part
        }));
        Ok(())
    })
}

/// See the module header.
#[derive(Clone, Default)]
pub struct DeleteBuilder {
    table: Option<String>,
    clauses: Clauses,
    format: Format,
}

static DELETE: Class = Class {
    name: "sql.DeleteBuilder",
    methods: &[
        Native::new("from", delete_from),
        Native::new("where", where_::<DeleteBuilder>),
        Native::new("order_by", order_by::<DeleteBuilder>),
        Native::new("limit", limit::<DeleteBuilder>),
        Native::new("offset", offset::<DeleteBuilder>),
        Native::new("suffix", suffix::<DeleteBuilder>),
        Native::new("to_sql", to_sql::<DeleteBuilder>),
        Native::new("run_with", run_with::<DeleteBuilder>),
        Native::new("placeholder_format", placeholder_format::<DeleteBuilder>),
    ],
    metamethods: &[Native::new("__tostring", shown::<DeleteBuilder>)],
};

impl Object for DeleteBuilder {
    const IS_PLAIN: bool = true;

    fn class() -> &'static Class {
        &DELETE
    }
}

impl HasClauses for DeleteBuilder {
    fn clauses(&mut self) -> &mut Clauses {
        &mut self.clauses
    }
}

impl Build for DeleteBuilder {
    const NAME: &'static str = "DeleteBuilder";

    fn render(&self) -> Piece {
        let table = self.table.as_ref().ok_or("a DELETE needs a table")?;
        let mut part = Part::plain(format!("DELETE FROM {table}"));
        self.clauses.put_where(&mut part)?;
        self.clauses.put_window(&mut part);
        self.clauses.put_suffixes(&mut part)?;
        Ok(part)
    }

    fn render_for_sqlite(&self) -> Piece {
        let Some(table) = self.table.as_ref().filter(|_| self.clauses.has_window()) else { return self.render() };
        let mut part = Part::plain(format!("DELETE FROM {table}"));
        self.clauses.put_with_rowids(&mut part, table)?;
        Ok(part)
    }

    fn format(&self) -> Format {
        self.format
    }

    fn set_format(&mut self, format: Format) {
        self.format = format;
    }
}

/// `sql.builder.delete([table])`
pub fn new_delete(vm: &mut Vm, args: Args) -> NativeResult {
    let table = if args.get(vm, 0).is_nil() { None } else { Some(text(vm, args, 0)?) };
    let value = new_object(vm, Arc::new(DeleteBuilder { table, ..DeleteBuilder::default() }));
    vm.answer(value)
}

fn delete_from(vm: &mut Vm, args: Args) -> NativeResult {
    change::<DeleteBuilder>(vm, args, |builder, vm, args| {
        builder.table = Some(text(vm, args, 1)?);
        Ok(())
    })
}
