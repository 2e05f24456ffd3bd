//! What goes to a database and what comes back: parameters, cells, results; and their Lua values (`modules.md` §2.3 to §2.5).

use std::sync::Arc;

use smallvec::SmallVec;

use crate::modules::NULL;
use crate::runtime::module::object::{Object, new_object, this};
use crate::runtime::time::{Time, time_of, time_value};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::raw::string_bytes;
use crate::vm::userdata::Class;
use crate::vm::value::{Value, tag};

/// A parameter of a statement.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Param {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
    Blob(Box<[u8]>),
    Time(Box<Time>),
}

/// What `sql.as.binary` gives: a string that is no text, whatever its bytes.
pub struct Binary(pub Box<[u8]>);

static BINARY: Class = Class { name: "sql.Binary", methods: &[], metamethods: &[] };

impl Object for Binary {
    const IS_PLAIN: bool = true;

    fn class() -> &'static Class {
        &BINARY
    }
}

/// The most parameters a table can stand for: more than any engine takes, and few enough to be made.
const MAX_PARAMS: i64 = 65_535;

impl Param {
    /// The parameter for a value; `None` if it is of a sort that has none.
    pub fn of(value: Value) -> Option<Param> {
        Some(match value.tag() {
            tag::NIL => Param::Null,
            tag::FALSE | tag::TRUE => Param::Bool(value.is_true()),
            tag::INT => Param::Int(value.as_int()),
            tag::FLOAT => Param::Float(value.as_float()),
            tag::STRING => match std::str::from_utf8(string_bytes(value)) {
                Ok(text) => Param::Text(text.into()),
                Err(_) => Param::Blob(string_bytes(value).into()),
            },
            tag::LIGHT if value.same(NULL) => Param::Null,
            tag::USERDATA => match time_of(value) {
                Some(time) => Param::Time(Box::new(time)),
                None => Param::Blob(this::<Binary>(value)?.0.clone()),
            },
            _ => return None,
        })
    }

    /// A value that stands for it; null is the marker.
    pub fn to_value(&self, vm: &mut Vm) -> Result<Value, Box<LuaError>> {
        Ok(match self {
            Param::Null => NULL,
            Param::Bool(b) => Value::bool(*b),
            Param::Int(i) => Value::int(*i),
            Param::Float(f) => Value::float(*f),
            Param::Text(text) => vm.string(text.as_bytes())?,
            Param::Blob(bytes) => new_object(vm, Arc::new(Binary(bytes.clone()))),
            Param::Time(time) => time_value(vm, (**time).clone()),
        })
    }
}

/// The parameters in a table, up to its highest integer key.
///
/// # Errors
/// In words, what is wrong with them.
pub fn parameters(vm: &mut Vm, table: Value) -> Result<Vec<Param>, String> {
    if table.is_nil() {
        return Ok(Vec::new());
    }
    if !table.is_table() {
        return Err("parameters must be a table".to_owned());
    }
    let table = table.as_table();
    let mut count = vm.array_part(table).len() as i64;
    let mut at = 0;
    while let Some((next, key, _)) = vm.node_after(table, at) {
        at = next;
        if key.is_int() {
            count = count.max(key.as_int());
        }
    }
    if count > MAX_PARAMS {
        return Err("too many parameters".to_owned());
    }
    (1..=count)
        .map(|i| {
            let value = vm.raw_get_int(table, i);
            Param::of(value)
                .ok_or_else(|| format!("unsupported parameter type {} at index {i}", vm.type_name_of(value)))
        })
        .collect()
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Text or raw bytes.
    Bytes(Box<[u8]>),
}

impl Cell {
    /// A string.
    pub fn text(text: &str) -> Cell {
        Cell::Bytes(text.as_bytes().into())
    }
}

/// All rows of a result.
#[derive(Default, Debug)]
pub struct Rows {
    /// Names as the engine reports them.
    pub columns: Arc<[Box<str>]>,
    /// Row after row.
    cells: Vec<Cell>,
    count: usize,
    /// Bytes the rest of the result may take in the heap.
    budget: usize,
}

/// Bytes a value of a row takes in the heap besides its text.
const CELL_BYTES: usize = 40;

/// The heap has no room for a result.
pub struct TooLarge;

impl Rows {
    /// No rows; those to come may take `budget` bytes.
    pub fn new(columns: impl Into<Arc<[Box<str>]>>, budget: usize) -> Rows {
        Rows { columns: columns.into(), budget, ..Rows::default() }
    }

    /// Whether there is none yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &[Cell]> {
        self.cells.chunks(self.columns.len().max(1))
    }

    /// Appends a row of as many cells as there are columns.
    pub fn push(&mut self, row: impl Iterator<Item = Cell>) -> Result<(), TooLarge> {
        let before = self.cells.len();
        self.cells.extend(row);
        self.count += 1;
        let text = self.cells[before..].iter().map(|cell| match cell {
            Cell::Bytes(bytes) => bytes.len(),
            _ => 0,
        });
        let bytes = text.sum::<usize>() + CELL_BYTES * (self.columns.len() + 2);
        self.budget = self.budget.checked_sub(bytes).ok_or(TooLarge)?;
        Ok(())
    }

    /// A sequence of tables. Null cells have no entry; of two columns with one name the last counts.
    pub fn to_value(&self, vm: &mut Vm) -> Result<Value, Box<LuaError>> {
        let keys = self.columns.iter().map(|name| vm.string(name.as_bytes()));
        let keys = keys.collect::<Result<SmallVec<[Value; 8]>, _>>()?;
        let mut rows = SmallVec::<[Value; 4]>::with_capacity(self.count);
        for i in 0..self.count {
            let row = vm.new_table(0, keys.len() as u32);
            for (key, cell) in keys.iter().zip(&self.cells[i * keys.len()..]) {
                let value = match cell {
                    Cell::Null => Value::NIL,
                    Cell::Bool(b) => Value::bool(*b),
                    Cell::Int(i) => Value::int(*i),
                    Cell::Float(f) => Value::float(*f),
                    Cell::Bytes(bytes) => vm.string(bytes)?,
                };
                vm.raw_set(row, *key, value)?;
            }
            rows.push(Value::table(row));
        }
        vm.new_list(&rows)
    }
}

/// What a statement has done.
#[derive(Clone, Copy, Default, Debug)]
pub struct Effect {
    /// The key of the row inserted last; 0 where the engine has none.
    pub last_insert_id: i64,
    /// Rows inserted, changed or removed.
    pub rows_affected: i64,
}

impl Effect {
    /// A table of both.
    pub fn to_value(self, vm: &mut Vm) -> Result<Value, Box<LuaError>> {
        let table = vm.new_table(0, 2);
        vm.raw_set_name(table, "last_insert_id", Value::int(self.last_insert_id))?;
        vm.raw_set_name(table, "rows_affected", Value::int(self.rows_affected))?;
        Ok(Value::table(table))
    }
}
