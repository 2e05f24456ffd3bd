//! Clauses that several builders have, and the methods that add to them.

use super::part::{Part, Piece, arguments};
use super::{Build, change, condition, text, texts};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, NativeResult};

/// What selects rows, and the end of a statement.
#[derive(Clone, Default)]
pub struct Clauses {
    /// All must hold.
    pub wheres: Vec<Piece>,
    /// Columns with their directions.
    pub order_by: Vec<String>,
    /// The most rows.
    pub limit: Option<i64>,
    /// Rows that are passed over.
    pub offset: Option<i64>,
    /// Whatever comes last.
    pub suffixes: Vec<Piece>,
}

/// A builder with clauses.
pub trait HasClauses: Build {
    /// Its clauses.
    fn clauses(&mut self) -> &mut Clauses;
}

impl Clauses {
    /// Appends ` WHERE …`.
    pub fn put_where(&self, part: &mut Part) -> Result<(), String> {
        put_conditions(part, " WHERE ", &self.wheres)
    }

    /// Appends ` ORDER BY … LIMIT … OFFSET …`.
    pub fn put_window(&self, part: &mut Part) {
        if !self.order_by.is_empty() {
            part.put(&format!(" ORDER BY {}", self.order_by.join(", ")));
        }
        if let Some(limit) = self.limit {
            part.put(&format!(" LIMIT {limit}"));
        }
        if let Some(offset) = self.offset {
            part.put(&format!(" OFFSET {offset}"));
        }
    }

    /// Appends what comes last.
    pub fn put_suffixes(&self, part: &mut Part) -> Result<(), String> {
        for suffix in &self.suffixes {
            part.put(" ");
            part.append(suffix.clone()?);
        }
        Ok(())
    }

    /// Whether rows are counted.
    pub fn has_window(&self) -> bool {
        !self.order_by.is_empty() || self.limit.is_some() || self.offset.is_some()
    }

    /// Appends all of them, for a dialect that has no window in statements that change rows: the rows of `table` are found
    /// by a query.
    pub fn put_with_rowids(&self, part: &mut Part, table: &str) -> Result<(), String> {
        part.put(&format!(" WHERE rowid IN (SELECT rowid FROM {table}"));
        self.put_where(part)?;
        self.put_window(part);
        if self.limit.is_none() && self.offset.is_some() {
            // Without a limit the dialect knows no offset.
            return Err("offset needs a limit".to_owned());
        }
        part.put(")");
        self.put_suffixes(part)
    }
}

/// Appends conditions that must all hold.
pub fn put_conditions(part: &mut Part, word: &str, conditions: &[Piece]) -> Result<(), String> {
    let conditions: Vec<Piece> =
        conditions.iter().filter(|piece| !matches!(piece, Ok(part) if part.text.is_empty())).cloned().collect();
    if !conditions.is_empty() {
        part.put(word);
        part.append_all(conditions, " AND ")?;
    }
    Ok(())
}

/// The condition in the arguments from 1 on: a text with arguments, a map, or a Sqlizer.
pub fn condition_argument(vm: &mut Vm, args: Args) -> Result<Piece, Box<LuaError>> {
    let first = args.get(vm, 1);
    if first.is_string() {
        let text = text(vm, args, 1)?;
        let arguments = arguments(vm, args, 2);
        return Ok(Part::spliced(&text, arguments));
    }
    match condition(vm, first) {
        Some(piece) => Ok(piece),
        None => Err(vm.type_error(1, "string, map or Sqlizer", args.try_get(vm, 1))),
    }
}

/// A text with arguments from argument 1 on.
pub fn piece_argument(vm: &mut Vm, args: Args) -> Result<Piece, Box<LuaError>> {
    let text = text(vm, args, 1)?;
    let arguments = arguments(vm, args, 2);
    Ok(Part::spliced(&text, arguments))
}

/// `where(condition)`
pub fn where_<B: HasClauses>(vm: &mut Vm, args: Args) -> NativeResult {
    change::<B>(vm, args, |builder, vm, args| {
        let piece = condition_argument(vm, args)?;
        builder.clauses().wheres.push(piece);
        Ok(())
    })
}

/// `order_by(column...)`
pub fn order_by<B: HasClauses>(vm: &mut Vm, args: Args) -> NativeResult {
    change::<B>(vm, args, |builder, vm, args| {
        let columns = texts(vm, args, 1)?;
        builder.clauses().order_by.extend(columns);
        Ok(())
    })
}

/// `limit(n)`
pub fn limit<B: HasClauses>(vm: &mut Vm, args: Args) -> NativeResult {
    change::<B>(vm, args, |builder, vm, args| {
        builder.clauses().limit = Some(args.check_int(vm, 1)?.max(0));
        Ok(())
    })
}

/// `offset(n)`
pub fn offset<B: HasClauses>(vm: &mut Vm, args: Args) -> NativeResult {
    change::<B>(vm, args, |builder, vm, args| {
        builder.clauses().offset = Some(args.check_int(vm, 1)?.max(0));
        Ok(())
    })
}

/// `suffix(text, arg...)`
pub fn suffix<B: HasClauses>(vm: &mut Vm, args: Args) -> NativeResult {
    change::<B>(vm, args, |builder, vm, args| {
        let piece = piece_argument(vm, args)?;
        builder.clauses().suffixes.push(piece);
        Ok(())
    })
}
