//! Plain data: values of programs that mean something outside any heap, for details of errors and for the Rust side of
//! messages.

use std::sync::Arc;

use hashbrown::HashSet;

use super::context::Inheritance;
use super::core::RuntimeCore;
use super::errors::value_text;
use super::pid::NOBODY;
use super::process::Process;
use super::spawn;
use super::transfer::{Parcel, Text, pack_list};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::object::{Str, Table};
use crate::vm::value::{Value, tag};

/// A value made of scalars, strings, lists and maps.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Data {
    /// nil, or nothing.
    #[default]
    Nil,
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// A string: any bytes.
    Text(Box<[u8]>),
    /// A sequence, from index 1 on.
    List(Vec<Data>),
    /// Any other table. In what comes from Lua no key is nil; as keys of what goes there, nil and NaN are left out.
    Map(Vec<(Data, Data)>),
}

/// Tables nested deeper than this, and with them those that contain themselves, become their text.
const MAX_DEPTH: u32 = 64;
/// Tables that are met more than once are repeated, up to so many entries in all; then they become their text, too.
const MAX_REPETITIONS: usize = 100_000;

impl Data {
    /// What a map has under a key, if this is a map and has it.
    pub fn get(&self, key: &str) -> Option<&Data> {
        let Data::Map(entries) = self else { return None };
        entries.iter().find(|(k, _)| matches!(k, Data::Text(text) if **text == *key.as_bytes())).map(|(_, value)| value)
    }

    /// The content of a string that is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Data::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The data of a value. What is no data (a function, a channel, …) becomes its text.
    pub(crate) fn of(vm: &mut Vm, value: Value) -> Data {
        Reader { seen: HashSet::new(), repetitions: MAX_REPETITIONS }.read(vm, value, 0)
    }

    /// A fresh value of this content.
    pub(crate) fn to_value(&self, vm: &mut Vm) -> Result<Value, Box<LuaError>> {
        Ok(match self {
            Data::Nil => Value::NIL,
            Data::Boolean(b) => Value::bool(*b),
            Data::Integer(i) => Value::int(*i),
            Data::Float(f) => Value::float(*f),
            Data::Text(bytes) => vm.string(bytes)?,
            Data::List(items) => {
                let table = vm.heap.new_table(items.len() as u32, 0);
                for (i, item) in items.iter().enumerate() {
                    let item = item.to_value(vm)?;
                    vm.raw_set(table, Value::int(i as i64 + 1), item)?;
                }
                Value::table(table)
            }
            Data::Map(entries) => {
                let table = vm.heap.new_table(0, entries.len() as u32);
                for (key, value) in entries {
                    if matches!(key, Data::Nil) || matches!(key, Data::Float(f) if f.is_nan()) {
                        continue;
                    }
                    let key = key.to_value(vm)?;
                    let value = value.to_value(vm)?;
                    vm.raw_set(table, key, value)?;
                }
                Value::table(table)
            }
        })
    }

    /// Packs values for a process; `None` past the memory limit of processes.
    pub(crate) fn pack(core: &Arc<RuntimeCore>, values: &[Data]) -> Option<Parcel> {
        Some(match values {
            [] => Parcel::Empty,
            [Data::Nil] => Parcel::Nil,
            [Data::Boolean(b)] => Parcel::Boolean(*b),
            [Data::Integer(i)] => Parcel::Integer(*i),
            [Data::Float(f)] => Parcel::Float(*f),
            [Data::Text(bytes)] => Parcel::Text(Text::from_bytes(bytes)),
            values => with_heap(core, |vm| {
                let values: Result<Vec<Value>, _> = values.iter().map(|value| value.to_value(vm)).collect();
                Some(pack_list(vm, &values.ok()?))
            })?,
        })
    }

    /// The first value of a parcel; `None` past the memory limit of processes.
    pub(crate) fn unpack(core: &Arc<RuntimeCore>, parcel: &Parcel) -> Option<Data> {
        Some(match parcel {
            Parcel::Empty | Parcel::Nil => Data::Nil,
            Parcel::Boolean(b) => Data::Boolean(*b),
            Parcel::Integer(i) => Data::Integer(*i),
            Parcel::Float(f) => Data::Float(*f),
            Parcel::Text(text) => Data::Text(text.as_bytes().into()),
            Parcel::Graph(_) => with_heap(core, |vm| {
                let value = parcel.unpack_one(vm).ok()?;
                Some(Data::of(vm, value))
            })?,
        })
    }
}

/// Turns values into data.
struct Reader {
    /// The tables met so far, by address.
    seen: HashSet<u64>,
    /// How many entries of tables met before may still be repeated.
    repetitions: usize,
}

impl Reader {
    fn read(&mut self, vm: &mut Vm, value: Value, depth: u32) -> Data {
        match value.tag() {
            tag::NIL => Data::Nil,
            tag::FALSE | tag::TRUE => Data::Boolean(value.is_true()),
            tag::INT => Data::Integer(value.as_int()),
            tag::FLOAT => Data::Float(value.as_float()),
            // SAFETY: values refer to live strings.
            tag::STRING => Data::Text(unsafe { Str::bytes(value.as_string()) }.into()),
            tag::TABLE if depth < MAX_DEPTH && self.enter(value) => self.read_table(vm, value.as_table(), depth),
            _ => Data::Text(value_text(vm, value).into_bytes().into()),
        }
    }

    /// Whether a table is read: the first time it is met, and again as long as that does not lead too far.
    fn enter(&mut self, table: Value) -> bool {
        if self.seen.insert(table.payload()) {
            return true;
        }
        // SAFETY: values refer to live tables.
        let entries = unsafe { Table::len(table.as_table()) as usize + Table::node_count(table.as_table()) as usize };
        match self.repetitions.checked_sub(entries + 1) {
            Some(rest) => {
                self.repetitions = rest;
                true
            }
            None => false,
        }
    }

    fn read_table(&mut self, vm: &mut Vm, table: *mut Table, depth: u32) -> Data {
        // SAFETY: callers hold the table where the collector sees it, and nothing changes it meanwhile.
        let (items, is_list) = unsafe { (Table::len(table) as i64, Table::has_no_nodes(table)) };
        if items > 0 && is_list {
            // SAFETY: as above.
            let item = |i| self.read(vm, unsafe { Table::get_int(table, i) }, depth + 1);
            return Data::List((1..=items).map(item).collect());
        }
        let mut entries = Vec::new();
        let mut key = Value::NIL;
        // SAFETY: as above.
        while let Ok(Some((next, value))) = unsafe { Table::next(table, &mut vm.heap, key) } {
            key = next;
            entries.push((self.read(vm, key, depth + 1), self.read(vm, value, depth + 1)));
        }
        Data::Map(entries)
    }
}

/// Lends a heap in which data is built or read: that of a process that nobody knows and that never runs. There is no
/// safepoint in `f`, so what it makes stays.
pub(crate) fn with_heap<R>(core: &Arc<RuntimeCore>, f: impl FnOnce(&mut Vm) -> R) -> R {
    let process = Process::new(Arc::clone(core), NOBODY, false);
    f(&mut spawn::machine(&process, &"".into(), Inheritance::default()))
}

impl From<()> for Data {
    fn from((): ()) -> Data {
        Data::Nil
    }
}

impl From<bool> for Data {
    fn from(b: bool) -> Data {
        Data::Boolean(b)
    }
}

impl From<f64> for Data {
    fn from(f: f64) -> Data {
        Data::Float(f)
    }
}

macro_rules! integer {
    ($($ty:ty)*) => {$(
        impl From<$ty> for Data {
            fn from(i: $ty) -> Data {
                Data::Integer(i.into())
            }
        }
    )*};
}

integer!(i8 i16 i32 i64 u8 u16 u32);

impl From<&str> for Data {
    fn from(text: &str) -> Data {
        Data::Text(text.as_bytes().into())
    }
}

impl From<String> for Data {
    fn from(text: String) -> Data {
        Data::Text(text.into_bytes().into())
    }
}

impl From<&[u8]> for Data {
    fn from(bytes: &[u8]) -> Data {
        Data::Text(bytes.into())
    }
}

impl<T: Into<Data>> From<Option<T>> for Data {
    fn from(value: Option<T>) -> Data {
        value.map_or(Data::Nil, Into::into)
    }
}

impl<T: Into<Data>> From<Vec<T>> for Data {
    fn from(items: Vec<T>) -> Data {
        Data::List(items.into_iter().map(Into::into).collect())
    }
}

impl<K: Into<Data>, V: Into<Data>, const N: usize> From<[(K, V); N]> for Data {
    fn from(entries: [(K, V); N]) -> Data {
        Data::Map(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}
