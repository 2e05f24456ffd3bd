//! `InsertBuilder`.

use std::sync::Arc;

use super::clauses::piece_argument;
use super::part::{Format, Part, Piece, argument, arguments, entries};
use super::select::SelectBuilder;
use super::{Build, change, placeholder_format, run_with, shown, text, texts, to_sql};
use crate::runtime::module::object::{Object, new_object, this};
use crate::vm::Vm;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::userdata::Class;

/// See the module header.
#[derive(Clone, Default)]
pub struct InsertBuilder {
    table: Option<String>,
    columns: Vec<String>,
    rows: Vec<Vec<Piece>>,
    select: Option<Piece>,
    options: Vec<String>,
    prefixes: Vec<Piece>,
    suffixes: Vec<Piece>,
    format: Format,
}

static CLASS: Class = Class {
    name: "sql.InsertBuilder",
    methods: &[
        Native::new("into", into),
        Native::new("columns", columns),
        Native::new("values", values),
        Native::new("set_map", set_map),
        Native::new("select", select),
        Native::new("options", options),
        Native::new("prefix", prefix),
        Native::new("suffix", suffix),
        Native::new("to_sql", to_sql::<InsertBuilder>),
        Native::new("run_with", run_with::<InsertBuilder>),
        Native::new("placeholder_format", placeholder_format::<InsertBuilder>),
    ],
    metamethods: &[Native::new("__tostring", shown::<InsertBuilder>)],
};

impl Object for InsertBuilder {
    const IS_PLAIN: bool = true;

    fn class() -> &'static Class {
        &CLASS
    }
}

impl Build for InsertBuilder {
    const NAME: &'static str = "InsertBuilder";

    fn render(&self) -> Piece {
        let table = self.table.as_ref().ok_or("an INSERT needs a table")?;
        let mut part = Part::default();
        for prefix in &self.prefixes {
            part.append(prefix.clone()?);
            part.put(" ");
        }
        part.put("INSERT ");
        for option in &self.options {
            part.put(&format!("{option} "));
        }
        part.put(&format!("INTO {table}"));
        if !self.columns.is_empty() {
            part.put(&format!(" ({})", self.columns.join(",")));
        }
        if let Some(select) = &self.select {
            part.put(" ");
            part.append(select.clone()?);
        } else if self.rows.is_empty() {
            return Err("an INSERT needs values or a SELECT".to_owned());
        } else {
            part.put(" VALUES ");
            for (i, row) in self.rows.iter().enumerate() {
                part.put(if i > 0 { ",(" } else { "(" });
                part.append_all(row.iter().cloned(), ",")?;
                part.put(")");
            }
        }
        for suffix in &self.suffixes {
            part.put(" ");
            part.append(suffix.clone()?);
        }
        Ok(part)
    }

    fn format(&self) -> Format {
        self.format
    }

    fn set_format(&mut self, format: Format) {
        self.format = format;
    }
}

/// `sql.builder.insert([table])`
pub fn new(vm: &mut Vm, args: Args) -> NativeResult {
    let table = if args.get(vm, 0).is_nil() { None } else { Some(text(vm, args, 0)?) };
    let value = new_object(vm, Arc::new(InsertBuilder { table, ..InsertBuilder::default() }));
    vm.answer(value)
}

fn into(vm: &mut Vm, args: Args) -> NativeResult {
    change::<InsertBuilder>(vm, args, |builder, vm, args| {
        builder.table = Some(text(vm, args, 1)?);
        Ok(())
    })
}

fn columns(vm: &mut Vm, args: Args) -> NativeResult {
    change::<InsertBuilder>(vm, args, |builder, vm, args| {
        builder.columns.extend(texts(vm, args, 1)?);
        Ok(())
    })
}

fn values(vm: &mut Vm, args: Args) -> NativeResult {
    change::<InsertBuilder>(vm, args, |builder, vm, args| {
        builder.rows.push(arguments(vm, args, 1));
        Ok(())
    })
}

fn set_map(vm: &mut Vm, args: Args) -> NativeResult {
    change::<InsertBuilder>(vm, args, |builder, vm, args| {
        args.check_table(vm, 1)?;
        let entries = entries(vm, args.get(vm, 1));
        builder.columns = entries.iter().map(|(column, _)| column.clone()).collect();
        builder.rows = vec![entries.into_iter().map(|(_, value)| argument(vm, value)).collect()];
        Ok(())
    })
}

fn select(vm: &mut Vm, args: Args) -> NativeResult {
    change::<InsertBuilder>(vm, args, |builder, vm, args| match this::<SelectBuilder>(args.get(vm, 1)) {
        Some(select) => {
            builder.select = Some(select.render());
            Ok(())
        }
        None => Err(vm.type_error(1, SelectBuilder::class().name, args.try_get(vm, 1))),
    })
}

fn options(vm: &mut Vm, args: Args) -> NativeResult {
    change::<InsertBuilder>(vm, args, |builder, vm, args| {
        builder.options.extend(texts(vm, args, 1)?);
        Ok(())
    })
}

fn prefix(vm: &mut Vm, args: Args) -> NativeResult {
    change::<InsertBuilder>(vm, args, |builder, vm, args| {
        builder.prefixes.push(piece_argument(vm, args)?);
        Ok(())
    })
}

fn suffix(vm: &mut Vm, args: Args) -> NativeResult {
    change::<InsertBuilder>(vm, args, |builder, vm, args| {
        builder.suffixes.push(piece_argument(vm, args)?);
        Ok(())
    })
}
