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
    let mut params = Vec::with_capacity(count as usize);
    for i in 1..=count {
        let value = vm.raw_get_int(table, i);
        match Param::of(value) {
            Some(param) => params.push(param),
            None => return Err(format!("unsupported parameter type {} at index {i}", vm.type_name_of(value))),
        }
    }
    Ok(params)
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

/// The names of the columns of a result.
pub type Columns = Arc<[Box<str>]>;

/// All rows of a result.
#[derive(Default, Debug)]
pub struct Rows {
    /// Names as the engine reports them; `None` if they were not told, which they are before the first row.
    columns: Option<Columns>,
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
    pub fn new(columns: impl Into<Columns>, budget: usize) -> Rows {
        Rows { columns: Some(columns.into()), budget, ..Rows::default() }
    }

    /// The same before the columns are known.
    pub fn of_unknown_columns(budget: usize) -> Rows {
        Rows { budget, ..Rows::default() }
    }

    /// Tells the columns, unless they are known.
    pub fn name_columns(&mut self, columns: impl FnOnce() -> Columns) {
        if self.columns.is_none() {
            let columns = columns();
            self.cells.reserve_exact(columns.len());
            self.columns = Some(columns);
        }
    }

    /// Appends a row of as many cells as there are columns.
    pub fn push(&mut self, row: impl Iterator<Item = Cell>) -> Result<(), TooLarge> {
        let columns = self.columns.as_ref().map_or(0, |columns| columns.len());
        let before = self.cells.len();
        self.cells.extend(row);
        self.count += 1;
        let text = self.cells[before..].iter().map(|cell| match cell {
            Cell::Bytes(bytes) => bytes.len(),
            _ => 0,
        });
        let bytes = text.sum::<usize>() + CELL_BYTES * (columns + 2);
        self.budget = self.budget.checked_sub(bytes).ok_or(TooLarge)?;
        Ok(())
    }

    /// A sequence of tables. Null cells have no entry; of two columns with one name the last counts.
    pub fn to_value(&self, vm: &mut Vm) -> Result<Value, Box<LuaError>> {
        let columns = self.columns.as_deref().unwrap_or_default();
        let mut fields = SmallVec::<[[Value; 2]; 8]>::with_capacity(columns.len());
        for name in columns {
            fields.push([vm.string(name.as_bytes())?, Value::NIL]);
        }
        let mut rows = SmallVec::<[Value; 4]>::with_capacity(self.count);
        for i in 0..self.count {
            for ([_, value], cell) in fields.iter_mut().zip(&self.cells[i * columns.len()..]) {
                *value = match cell {
                    Cell::Null => Value::NIL,
                    Cell::Bool(b) => Value::bool(*b),
                    Cell::Int(i) => Value::int(*i),
                    Cell::Float(f) => Value::float(*f),
                    Cell::Bytes(bytes) => vm.string(bytes)?,
                };
            }
            rows.push(vm.new_record(&fields)?);
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
        let [id, affected] = [vm.string(b"last_insert_id")?, vm.string(b"rows_affected")?];
        vm.new_record(&[[id, Value::int(self.last_insert_id)], [affected, Value::int(self.rows_affected)]])
    }
}
