//! `SelectBuilder`.

use std::sync::Arc;

use super::clauses::{
    Clauses, HasClauses, condition_argument, limit, offset, order_by, put_conditions, suffix, where_,
};
use super::part::{Format, Part, Piece, arguments};
use super::{Build, change, placeholder_format, run_with, shown, text, texts, to_sql};
use crate::runtime::module::object::{Object, new_object};
use crate::vm::Vm;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::userdata::Class;

/// See the module header.
#[derive(Clone, Default)]
pub struct SelectBuilder {
    columns: Vec<String>,
    distinct: bool,
    table: Option<String>,
    joins: Vec<Piece>,
    group_by: Vec<String>,
    having: Vec<Piece>,
    clauses: Clauses,
    format: Format,
}

static CLASS: Class = Class {
    name: "sql.SelectBuilder",
    methods: &[
        Native::new("columns", columns),
        Native::new("distinct", distinct),
        Native::new("from", from),
        Native::new("join", |vm, args| join(vm, args, "JOIN")),
        Native::new("left_join", |vm, args| join(vm, args, "LEFT JOIN")),
        Native::new("right_join", |vm, args| join(vm, args, "RIGHT JOIN")),
        Native::new("inner_join", |vm, args| join(vm, args, "INNER JOIN")),
        Native::new("where", where_::<SelectBuilder>),
        Native::new("group_by", group_by),
        Native::new("having", having),
        Native::new("order_by", order_by::<SelectBuilder>),
        Native::new("limit", limit::<SelectBuilder>),
        Native::new("offset", offset::<SelectBuilder>),
        Native::new("suffix", suffix::<SelectBuilder>),
        Native::new("to_sql", to_sql::<SelectBuilder>),
        Native::new("run_with", run_with::<SelectBuilder>),
        Native::new("placeholder_format", placeholder_format::<SelectBuilder>),
    ],
    metamethods: &[Native::new("__tostring", shown::<SelectBuilder>)],
};

impl Object for SelectBuilder {
    const IS_PLAIN: bool = true;

    fn class() -> &'static Class {
        &CLASS
    }
}

impl HasClauses for SelectBuilder {
    fn clauses(&mut self) -> &mut Clauses {
        &mut self.clauses
    }
}

impl Build for SelectBuilder {
    const NAME: &'static str = "SelectBuilder";

    fn render(&self) -> Piece {
        if self.columns.is_empty() {
            return Err("a SELECT needs columns".to_owned());
        }
        let mut part = Part::plain(if self.distinct { "SELECT DISTINCT " } else { "SELECT " });
        part.put(&self.columns.join(", "));
        if let Some(table) = &self.table {
            part.put(&format!(" FROM {table}"));
        }
        for join in &self.joins {
            part.put(" ");
            part.append(join.clone()?);
        }
        self.clauses.put_where(&mut part)?;
        if !self.group_by.is_empty() {
            part.put(&format!(" GROUP BY {}", self.group_by.join(", ")));
        }
        put_conditions(&mut part, " HAVING ", &self.having)?;
        self.clauses.put_window(&mut part);
        self.clauses.put_suffixes(&mut part)?;
        Ok(part)
    }

    fn format(&self) -> Format {
        self.format
    }

    fn set_format(&mut self, format: Format) {
        self.format = format;
    }
}

/// `sql.builder.select(column...)`
pub fn new(vm: &mut Vm, args: Args) -> NativeResult {
    let columns = texts(vm, args, 0)?;
    let value = new_object(vm, Arc::new(SelectBuilder { columns, ..SelectBuilder::default() }));
    vm.answer(value)
}

fn columns(vm: &mut Vm, args: Args) -> NativeResult {
    change::<SelectBuilder>(vm, args, |builder, vm, args| {
        builder.columns.extend(texts(vm, args, 1)?);
        Ok(())
    })
}

fn distinct(vm: &mut Vm, args: Args) -> NativeResult {
    change::<SelectBuilder>(vm, args, |builder, _, _| {
        builder.distinct = true;
        Ok(())
    })
}

fn from(vm: &mut Vm, args: Args) -> NativeResult {
    change::<SelectBuilder>(vm, args, |builder, vm, args| {
        builder.table = Some(text(vm, args, 1)?);
        Ok(())
    })
}

/// A clause without `ON` or `USING` takes the first argument as its condition, if that is a string.
fn join(vm: &mut Vm, args: Args, word: &str) -> NativeResult {
    change::<SelectBuilder>(vm, args, |builder, vm, args| {
        let mut clause = format!("{word} {}", text(vm, args, 1)?);
        let mut first = 2;
        let has_condition = clause
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word.eq_ignore_ascii_case("on") || word.eq_ignore_ascii_case("using"));
        let condition = args.get(vm, 2);
        if !has_condition && condition.is_string() {
            clause.push_str(" ON ");
            clause.push_str(&String::from_utf8_lossy(string_bytes(condition)));
            first = 3;
        }
        let arguments = arguments(vm, args, first);
        builder.joins.push(Part::spliced(&clause, arguments));
        Ok(())
    })
}

fn group_by(vm: &mut Vm, args: Args) -> NativeResult {
    change::<SelectBuilder>(vm, args, |builder, vm, args| {
        builder.group_by.extend(texts(vm, args, 1)?);
        Ok(())
    })
}

fn having(vm: &mut Vm, args: Args) -> NativeResult {
    change::<SelectBuilder>(vm, args, |builder, vm, args| {
        builder.having.push(condition_argument(vm, args)?);
        Ok(())
    })
}
