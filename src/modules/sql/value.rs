//! What goes to a database and what comes back: parameters, cells, results; and their Lua values (`modules.md` §2.3 to §2.5).

use std::borrow::Borrow;
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

/// A value of a row, with bytes of its own or borrowed ones.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Cell<B = Box<[u8]>> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Text or raw bytes.
    Bytes(B),
}

impl Cell {
    /// A string.
    pub fn text(text: &str) -> Cell {
        Cell::Bytes(text.as_bytes().into())
    }

    /// The cell a value was made of, or one that gives the same value.
    fn of(value: Value) -> Cell {
        match value.tag() {
            tag::FALSE | tag::TRUE => Cell::Bool(value.is_true()),
            tag::INT => Cell::Int(value.as_int()),
            tag::FLOAT => Cell::Float(value.as_float()),
            tag::STRING => Cell::Bytes(string_bytes(value).into()),
            _ => Cell::Null,
        }
    }
}

impl<B: AsRef<[u8]>> Cell<B> {
    fn to_value(&self, vm: &mut Vm) -> Result<Value, Box<LuaError>> {
        Ok(match self {
            Cell::Null => Value::NIL,
            Cell::Bool(b) => Value::bool(*b),
            Cell::Int(i) => Value::int(*i),
            Cell::Float(f) => Value::float(*f),
            Cell::Bytes(bytes) => return vm.string(bytes.as_ref()),
        })
    }
}

impl Cell<&[u8]> {
    /// The same with bytes of its own.
    fn into_owned(self) -> Cell {
        match self {
            Cell::Null => Cell::Null,
            Cell::Bool(b) => Cell::Bool(b),
            Cell::Int(i) => Cell::Int(i),
            Cell::Float(f) => Cell::Float(f),
            Cell::Bytes(bytes) => Cell::Bytes(bytes.into()),
        }
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

    /// The number of columns.
    fn width(&self) -> usize {
        self.columns.as_ref().map_or(0, |columns| columns.len())
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &[Cell]> {
        self.cells.chunks(self.width().max(1))
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
        let bytes = text.sum::<usize>() + CELL_BYTES * (self.width() + 2);
        self.budget = self.budget.checked_sub(bytes).ok_or(TooLarge)?;
        Ok(())
    }

    /// A sequence of tables, as [`Tables`] makes them.
    pub fn to_value(&self, vm: &mut Vm) -> Result<Value, Box<LuaError>> {
        let mut tables = Tables::new(vm);
        let columns = self.columns.as_deref().unwrap_or_default();
        tables.name_columns(columns)?;
        for i in 0..self.count {
            tables.push(self.cells[i * columns.len()..].iter())?;
        }
        tables.finish()
    }
}

/// Rows that become tables of the process one by one, while nothing is collected. Null cells have no entry; of two columns
/// with one name the last counts.
pub struct Tables<'vm> {
    vm: &'vm mut Vm,
    /// The names of the columns, with values of the last row.
    fields: Option<SmallVec<[[Value; 2]; 8]>>,
    rows: SmallVec<[Value; 4]>,
}

impl Tables<'_> {
    /// No rows.
    pub fn new(vm: &mut Vm) -> Tables<'_> {
        Tables { vm, fields: None, rows: SmallVec::new() }
    }

    fn name_columns(&mut self, columns: &[Box<str>]) -> Result<(), Box<LuaError>> {
        let mut fields = SmallVec::with_capacity(columns.len());
        for name in columns {
            fields.push([self.vm.string(name.as_bytes())?, Value::NIL]);
        }
        self.fields = Some(fields);
        Ok(())
    }

    fn push<B: AsRef<[u8]>>(&mut self, row: impl Iterator<Item = impl Borrow<Cell<B>>>) -> Result<(), Box<LuaError>> {
        let fields = self.fields.as_deref_mut().unwrap_or_default();
        for ([_, value], cell) in fields.iter_mut().zip(row) {
            *value = cell.borrow().to_value(self.vm)?;
        }
        self.rows.push(self.vm.new_record(fields)?);
        Ok(())
    }

    /// The sequence of all.
    pub fn finish(self) -> Result<Value, Box<LuaError>> {
        self.vm.new_list(&self.rows)
    }

    /// The same rows outside of the heap, where the rest may take `budget` bytes.
    pub fn into_rows(self, budget: usize) -> Rows {
        let Some(fields) = self.fields else { return Rows::of_unknown_columns(budget) };
        let columns: Columns =
            fields.iter().map(|[name, _]| String::from_utf8_lossy(string_bytes(*name)).into()).collect();
        let mut rows = Rows::new(columns, budget);
        for row in &self.rows {
            rows.cells.extend(fields.iter().map(|[name, _]| Cell::of(self.vm.raw_get(row.as_table(), *name))));
        }
        rows.count = self.rows.len();
        rows
    }
}

/// Where the rows of a statement go.
pub trait Sink {
    /// Takes a row. `columns` tells the columns, which are those of the first row.
    ///
    /// # Errors
    /// The heap has no room for it.
    fn add<'r>(
        &mut self,
        columns: impl FnOnce() -> Columns,
        row: impl Iterator<Item = Cell<&'r [u8]>>,
    ) -> Result<(), TooLarge>;
}

impl Sink for Rows {
    fn add<'r>(
        &mut self,
        columns: impl FnOnce() -> Columns,
        row: impl Iterator<Item = Cell<&'r [u8]>>,
    ) -> Result<(), TooLarge> {
        if self.columns.is_none() {
            self.columns = Some(columns());
        }
        self.push(row.map(|cell| cell.into_owned()))
    }
}

impl Sink for Tables<'_> {
    fn add<'r>(
        &mut self,
        columns: impl FnOnce() -> Columns,
        row: impl Iterator<Item = Cell<&'r [u8]>>,
    ) -> Result<(), TooLarge> {
        if self.vm.heap.over_limit() {
            return Err(TooLarge);
        }
        if self.fields.is_none() {
            self.name_columns(&columns()).map_err(|_| TooLarge)?;
        }
        self.push(row).map_err(|_| TooLarge)
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
