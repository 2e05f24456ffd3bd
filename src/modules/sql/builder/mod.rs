//! `sql.builder` (`modules.md` §2.8): statements put together from pieces.
//!
//! Builders are values: every method makes a copy with something added. What is wrong with a piece is remembered in its place
//! and told when the statement is wanted.
//!
//! | file | owns |
//! | --- | --- |
//! | `part` | pieces, comparisons, placeholders |
//! | `clauses` | what several builders share, and the methods for it |
//! | `select`, `insert`, `change` | the builders |
//! | `executor` | statements with the handle they will be run on |

mod change;
mod clauses;
mod executor;
mod insert;
mod part;
mod select;

use std::sync::Arc;

use self::change::{DeleteBuilder, UpdateBuilder};
use self::executor::run_with;
use self::insert::InsertBuilder;
use self::part::{Comparison, Format, Part, Piece, Sqlizer, arguments, held_piece};
use self::select::SelectBuilder;
use super::error::invalid;
use super::handle::refuse;
use crate::runtime::module::object::{Object, new_object, this};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The library.
pub static LIBRARY: Library = Library {
    name: "sql.builder",
    global: false,
    natives: &[
        Native::new("select", select::new),
        Native::new("insert", insert::new),
        Native::new("update", change::new_update),
        Native::new("delete", change::new_delete),
        Native::new("expr", expr),
        Native::new("eq", |vm, args| compare(vm, args, Comparison::EQ)),
        Native::new("not_eq", |vm, args| compare(vm, args, Comparison::NOT_EQ)),
        Native::new("lt", |vm, args| compare(vm, args, Comparison::LT)),
        Native::new("lte", |vm, args| compare(vm, args, Comparison::LTE)),
        Native::new("gt", |vm, args| compare(vm, args, Comparison::GT)),
        Native::new("gte", |vm, args| compare(vm, args, Comparison::GTE)),
        Native::new("like", |vm, args| compare(vm, args, Comparison::LIKE)),
        Native::new("not_like", |vm, args| compare(vm, args, Comparison::NOT_LIKE)),
        Native::new("and_", |vm, args| combine(vm, args, " AND ", "(1=1)")),
        Native::new("or_", |vm, args| combine(vm, args, " OR ", "(1=0)")),
    ],
    constants: &[
        ("question", Literal::String("question")),
        ("default_placeholder", Literal::String("question")),
        ("dollar", Literal::String("dollar")),
        ("at", Literal::String("at")),
        ("colon", Literal::String("colon")),
    ],
};

/// What errors call the place they come from.
const BUILDER: &str = "builder";
/// The engine of statements that have none yet.
const UNKNOWN: &str = "unknown";

/// A builder.
trait Build: Object + Clone {
    /// Its name in `tostring`.
    const NAME: &'static str;

    /// The statement, with question marks.
    fn render(&self) -> Piece;

    /// The statement for an engine whose dialect is SQLite's.
    fn render_for_sqlite(&self) -> Piece {
        self.render()
    }

    /// How its placeholders are written.
    fn format(&self) -> Format;

    /// Has them written so.
    fn set_format(&mut self, format: Format);
}

static SQLIZER: Class = Class {
    name: "sql.Sqlizer",
    methods: &[Native::new("to_sql", sqlizer_to_sql)],
    metamethods: &[Native::new("__tostring", sqlizer_text)],
};

impl Object for Sqlizer {
    const IS_PLAIN: bool = true;

    fn class() -> &'static Class {
        &SQLIZER
    }
}

/// The piece of a value that is a Sqlizer: one made for the purpose, or a builder.
fn sqlizer(value: Value) -> Option<Piece> {
    held_piece(value)
        .or_else(|| this::<SelectBuilder>(value).map(|builder| builder.render()))
        .or_else(|| this::<InsertBuilder>(value).map(|builder| builder.render()))
        .or_else(|| this::<UpdateBuilder>(value).map(|builder| builder.render()))
        .or_else(|| this::<DeleteBuilder>(value).map(|builder| builder.render()))
}

fn receiver<T: Object>(vm: &mut Vm, args: Args) -> Result<Arc<T>, Box<LuaError>> {
    match this(args.get(vm, 0)) {
        Some(object) => Ok(object),
        None => Err(vm.type_error(0, T::class().name, args.try_get(vm, 0))),
    }
}

/// Argument `i` as text.
fn text(vm: &mut Vm, args: Args, i: u32) -> Result<String, Box<LuaError>> {
    Ok(String::from_utf8_lossy(args.check_bytes(vm, i)?).into_owned())
}

/// The arguments from `first` on as texts, which must be strings.
fn texts(vm: &mut Vm, args: Args, first: u32) -> Result<Vec<String>, Box<LuaError>> {
    (first..args.len)
        .map(|i| match args.get(vm, i) {
            value if value.is_string() => Ok(String::from_utf8_lossy(string_bytes(value)).into_owned()),
            value => Err(vm.type_error(i, "string", Some(value))),
        })
        .collect()
}

fn answer_piece(vm: &mut Vm, piece: Piece) -> NativeResult {
    let value = new_object(vm, Arc::new(Sqlizer(piece)));
    vm.answer(value)
}

fn answer_text(vm: &mut Vm, text: &str) -> NativeResult {
    let text = vm.string(text.as_bytes())?;
    vm.answer(text)
}

/// Answers with a statement and its arguments, or `nil, error`.
fn answer_statement(vm: &mut Vm, piece: Piece, format: Format) -> NativeResult {
    let part = match piece {
        Ok(part) => part,
        Err(why) => return refuse(vm, &invalid(why), BUILDER, UNKNOWN),
    };
    let values = part.args.iter().map(|arg| arg.to_value(vm)).collect::<Result<Vec<_>, _>>()?;
    let text = vm.string(part.numbered(format).as_bytes())?;
    let args = vm.new_list(&values)?;
    vm.push(text)?;
    vm.push(args)?;
    Ok(Flow::Return(2))
}

// ---- methods of all builders

fn to_sql<B: Build>(vm: &mut Vm, args: Args) -> NativeResult {
    let builder = receiver::<B>(vm, args)?;
    answer_statement(vm, builder.render(), builder.format())
}

fn placeholder_format<B: Build>(vm: &mut Vm, args: Args) -> NativeResult {
    let word = args.check_bytes(vm, 1)?;
    match Format::from_word(word) {
        Some(format) => change::<B>(vm, args, |builder, _, _| {
            builder.set_format(format);
            Ok(())
        }),
        None => Err(vm.argument_error(1, "unknown placeholder format")),
    }
}

fn shown<B: Build>(vm: &mut Vm, args: Args) -> NativeResult {
    let builder = receiver::<B>(vm, args)?;
    let text = match builder.render() {
        Ok(part) => format!("{}: {}", B::NAME, part.shown(builder.format())),
        Err(why) => format!("{} Error: {why}", B::NAME),
    };
    answer_text(vm, &text)
}

/// Answers with a changed copy.
fn change<B: Build>(
    vm: &mut Vm,
    args: Args,
    apply: impl FnOnce(&mut B, &mut Vm, Args) -> Result<(), Box<LuaError>>,
) -> NativeResult {
    let mut builder = B::clone(&*receiver::<B>(vm, args)?);
    apply(&mut builder, vm, args)?;
    let value = new_object(vm, Arc::new(builder));
    vm.answer(value)
}

// ---- Sqlizers

fn sqlizer_to_sql(vm: &mut Vm, args: Args) -> NativeResult {
    let sqlizer = receiver::<Sqlizer>(vm, args)?;
    answer_statement(vm, sqlizer.0.clone(), Format::Question)
}

fn sqlizer_text(vm: &mut Vm, args: Args) -> NativeResult {
    let sqlizer = receiver::<Sqlizer>(vm, args)?;
    let text = match &sqlizer.0 {
        Ok(part) => format!("SQL: {}", part.shown(Format::Question)),
        Err(why) => format!("SQL Error: {why}"),
    };
    answer_text(vm, &text)
}

fn expr(vm: &mut Vm, args: Args) -> NativeResult {
    let text = text(vm, args, 0)?;
    let arguments = arguments(vm, args, 1);
    answer_piece(vm, Part::spliced(&text, arguments))
}

fn compare(vm: &mut Vm, args: Args, comparison: Comparison) -> NativeResult {
    args.check_table(vm, 0)?;
    let piece = comparison.of_map(vm, args.get(vm, 0));
    answer_piece(vm, piece)
}

fn combine(vm: &mut Vm, args: Args, word: &str, empty: &str) -> NativeResult {
    let list = args.check_table(vm, 0)?;
    let mut parts = Vec::new();
    for i in 1..=vm.raw_len(list) {
        let item = vm.raw_get_int(list, i);
        match condition(vm, item) {
            Some(piece) => parts.push(piece),
            None => return Err(vm.argument_error(0, "a list of Sqlizers and maps expected")),
        }
    }
    parts.retain(|piece| !matches!(piece, Ok(part) if part.text.is_empty()));
    if parts.is_empty() {
        return answer_piece(vm, Ok(Part::plain(empty)));
    }
    let mut all = Part::plain("(");
    let appended = all.append_all(parts, word);
    all.put(")");
    answer_piece(vm, appended.map(|()| all))
}

/// The condition a Sqlizer or a map stands for.
fn condition(vm: &mut Vm, value: Value) -> Option<Piece> {
    sqlizer(value).or_else(|| value.is_table().then(|| Comparison::EQ.of_map(vm, value)))
}
