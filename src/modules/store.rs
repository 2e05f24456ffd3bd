//! The `store` module (`modules.md` §4.12): plain data under keys, for all processes.
//!
//! | file | owns |
//! | --- | --- |
//! | [`memory`] | stores in memory |
//! | `sql` | stores in tables of databases |
//!
//! In an application a store is an entry, `store.memory` or `store.sql`; in script mode every id is one in memory.

pub mod memory;
#[cfg(feature = "sql")]
mod sql;

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;

use self::memory::{Item, Memory};
#[cfg(feature = "sql")]
use self::sql::{SqlStore, Sweeps};
use super::fields::{fail, fail_with};
use super::plain::plain;
use super::succeed;
use crate::runtime::access;
use crate::runtime::core::RuntimeCore;
use crate::runtime::data::Data;
use crate::runtime::driver::Moment;
use crate::runtime::errors::{self, ALREADY_EXISTS, CONFLICT, ErrorData, INVALID, NOT_FOUND};
use crate::runtime::module::{Module, ModuleClass, module};
use crate::runtime::pid::Pid;
use crate::runtime::process_state::state;
use crate::runtime::spawn::{Entries, Resource};
use crate::runtime::time::span_of;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::{Value, tag};

/// The module, with the stores of a runtime.
#[derive(Default)]
pub struct Stores {
    memory: Mutex<HashMap<Box<str>, Arc<Memory>>>,
    #[cfg(feature = "sql")]
    sweeps: Sweeps,
}

impl Module for Stores {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Storage, ModuleClass::Io, ModuleClass::Nondeterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("store.d.lua")
    }
}

/// The library.
static LIBRARY: Library = Library {
    name: "store",
    global: false,
    natives: &[Native::new("get", open)],
    constants: &[
        (
            "backend",
            Literal::Table(&[
                ("MEMORY", Literal::String("memory")),
                ("SQL", Literal::String("sql")),
                ("KV_RAFT", Literal::String("kv_raft")),
                ("KV_CRDT", Literal::String("kv_crdt")),
                ("UNKNOWN", Literal::String("unknown")),
            ]),
        ),
        (
            "consistency",
            Literal::Table(&[
                ("LINEARIZABLE", Literal::String("linearizable")),
                ("EVENTUAL", Literal::String("eventual")),
                ("LOCAL", Literal::String("local")),
                ("UNKNOWN", Literal::String("unknown")),
            ]),
        ),
    ],
};

/// The kind of stores in memory.
pub const MEMORY: &str = "store.memory";
/// The kind of stores in tables.
#[cfg(feature = "sql")]
pub const SQL: &str = "store.sql";
/// All kinds of stores.
#[cfg(feature = "sql")]
pub const KINDS: &[&str] = &[MEMORY, SQL];
/// All kinds of stores.
#[cfg(not(feature = "sql"))]
pub const KINDS: &[&str] = &[MEMORY];
/// Keys that a store has room for, unless it says so.
const MAX_SIZE: usize = 10_000;
/// Keys of a list, unless it says so, and at most.
const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

const CLASS: &str = "store.Store";

static STORE: Class = Class {
    name: CLASS,
    methods: &[
        Native::new("get", get),
        Native::new("entry", entry),
        Native::new("set", set),
        Native::new("put", put),
        Native::new("has", has),
        Native::new("delete", delete),
        Native::new("list", list),
        Native::new("info", info),
        Native::new("release", release),
    ],
    metamethods: &[Native::new("__tostring", text)],
};

/// A store.
pub struct Store {
    id: Box<str>,
    backend: Backend,
}

/// What keeps its data.
enum Backend {
    Memory(Arc<Memory>),
    #[cfg(feature = "sql")]
    Sql(Arc<SqlStore>),
}

/// A handle.
struct Handle {
    /// `None` once it is released.
    store: Option<Arc<Store>>,
}

impl UserData for Handle {
    fn class(&self) -> &'static str {
        CLASS
    }
}

impl Stores {
    /// The store in memory of an id.
    ///
    /// # Errors
    /// If there is none.
    fn memory(&self, entries: &dyn Entries, id: &str) -> Result<Arc<Memory>, ErrorData> {
        let max_size = match entries.resource(id) {
            Resource::Undeclared if !id.is_empty() => MAX_SIZE,
            _ => match entries.declared(id, &[MEMORY])?.1.get("max_size") {
                Some(Data::Integer(size)) => usize::try_from(*size).unwrap_or(MAX_SIZE),
                _ => MAX_SIZE,
            },
        };
        let make = || Arc::new(Memory::new(max_size));
        Ok(Arc::clone(self.memory.lock().entry(id.into()).or_insert_with(make)))
    }

    /// The store of an id, of whatever kind.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(&self, entries: &dyn Entries, id: &str) -> Result<Store, ErrorData> {
        let backend = match entries.resource(id) {
            Resource::Undeclared => Backend::Memory(self.memory(entries, id)?),
            _ => match entries.declared(id, KINDS)? {
                #[cfg(feature = "sql")]
                (kind, fields) if &*kind == SQL => Backend::Sql(Arc::new(SqlStore::new(id, &fields))),
                _ => Backend::Memory(self.memory(entries, id)?),
            },
        };
        Ok(Store { id: id.into(), backend })
    }
}

/// For other modules of the runtime.
impl Store {
    /// Whether operations for a process would ever end.
    ///
    /// # Errors
    /// If the process itself holds the only connection to where the data are; if that cannot be had.
    #[cfg_attr(not(feature = "sql"), expect(unused_variables, reason = "memory is always there"))]
    pub fn check(&self, core: &RuntimeCore, process: Pid) -> Result<(), ErrorData> {
        match &self.backend {
            Backend::Memory(_) => Ok(()),
            #[cfg(feature = "sql")]
            Backend::Sql(store) => store.check(core, process),
        }
    }

    /// What is under a key.
    ///
    /// # Errors
    /// Those of the place where the data are.
    pub async fn find(&self, core: &Arc<RuntimeCore>, key: &str) -> Result<Option<Data>, ErrorData> {
        match &self.backend {
            Backend::Memory(store) => Ok(store.find(key.as_bytes(), core.driver.now()).map(|item| item.value)),
            #[cfg(feature = "sql")]
            Backend::Sql(store) => store.find_data(core, key).await,
        }
    }

    /// Puts something under a key for a time, whatever was there.
    ///
    /// # Errors
    /// As [`Store::find`]; `Internal` if there is no room, `Invalid` for what cannot be kept there.
    pub async fn set(&self, core: &Arc<RuntimeCore>, key: &str, value: Data, ttl: Duration) -> Result<(), ErrorData> {
        match &self.backend {
            Backend::Memory(store) => {
                let now = core.driver.now();
                store.set(key.as_bytes(), value, Some(now.after(ttl)), now)
            }
            #[cfg(feature = "sql")]
            Backend::Sql(store) => store.set_data(core, key, &value, ttl).await,
        }
    }

    /// Removes a key. Says whether it was there.
    ///
    /// # Errors
    /// As [`Store::find`].
    pub async fn delete(&self, core: &Arc<RuntimeCore>, key: &str) -> Result<bool, ErrorData> {
        match &self.backend {
            Backend::Memory(store) => Ok(store.delete(key.as_bytes(), core.driver.now())),
            #[cfg(feature = "sql")]
            Backend::Sql(store) => store.delete_data(core, key).await,
        }
    }
}

/// `store.get(id)`
fn open(vm: &mut Vm, args: Args) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    let stores = module::<Stores>(vm);
    let allowed = access::check(vm, "store.get", &id);
    match allowed.and_then(|()| stores.open(&*state(vm).core().entries, &id)) {
        Ok(store) => {
            let metatable = vm.image.class(&STORE);
            let handle = vm.heap.new_userdata(Handle { store: Some(Arc::new(store)) }, metatable);
            succeed(vm, Value::userdata(handle))
        }
        Err(error) => fail(vm, error),
    }
}

/// The store; `None` if the handle is released.
fn this(vm: &mut Vm, args: Args) -> Result<Option<Arc<Store>>, Box<LuaError>> {
    Ok(args.check_userdata::<Handle>(vm, 0, CLASS)?.store.clone())
}

/// The present, for stores in memory.
fn now(vm: &mut Vm) -> Moment {
    state(vm).core().driver.now()
}

/// Calls a method that has a key, of a store that is not released; `action` is what
/// it does, `failed` is the first result of a failure.
fn with_key(
    vm: &mut Vm,
    args: Args,
    action: &str,
    failed: Value,
    method: impl FnOnce(&mut Vm, &Backend, &[u8]) -> NativeResult,
) -> NativeResult {
    let Some(store) = this(vm, args)? else { return errors::fail_with(vm, failed, INVALID, RELEASED) };
    let key = args.check_bytes(vm, 1)?;
    if key.is_empty() {
        return errors::fail_with(vm, failed, INVALID, "empty key");
    }
    if let Err(error) = access::check_with(vm, action, &store.id, || Data::from([("key", key)])) {
        return fail_with(vm, failed, error);
    }
    method(vm, &store.backend, key)
}

const RELEASED: &str = "the store was released";

/// The error of a key that is not there.
fn absent(key: &[u8]) -> ErrorData {
    ErrorData::plain(NOT_FOUND, &format!("key not found: {}", String::from_utf8_lossy(key)))
}

fn get(vm: &mut Vm, args: Args) -> NativeResult {
    with_key(vm, args, "store.key.get", Value::NIL, |vm, store, key| match store {
        Backend::Memory(store) => match store.find(key, now(vm)) {
            Some(item) => {
                let value = item.value.to_value(vm)?;
                succeed(vm, value)
            }
            None => fail(vm, absent(key)),
        },
        #[cfg(feature = "sql")]
        Backend::Sql(store) => store.get(vm, key),
    })
}

fn entry_data(key: &[u8], item: Item) -> Data {
    Data::from([("key", Data::from(key)), ("value", item.value), ("version", item.version.to_string().into())])
}

fn entry(vm: &mut Vm, args: Args) -> NativeResult {
    with_key(vm, args, "store.key.get", Value::NIL, |vm, store, key| match store {
        Backend::Memory(store) => match store.find(key, now(vm)) {
            Some(item) => {
                let entry = entry_data(key, item).to_value(vm)?;
                succeed(vm, entry)
            }
            None => fail(vm, absent(key)),
        },
        #[cfg(feature = "sql")]
        Backend::Sql(store) => store.entry(vm, key),
    })
}

fn has(vm: &mut Vm, args: Args) -> NativeResult {
    with_key(vm, args, "store.key.has", Value::FALSE, |vm, store, key| match store {
        Backend::Memory(store) => {
            let there = store.find(key, now(vm)).is_some();
            succeed(vm, Value::bool(there))
        }
        #[cfg(feature = "sql")]
        Backend::Sql(store) => store.has(vm, key),
    })
}

fn delete(vm: &mut Vm, args: Args) -> NativeResult {
    with_key(vm, args, "store.key.delete", Value::FALSE, |vm, store, key| match store {
        Backend::Memory(store) => {
            let removed = store.delete(key, now(vm));
            succeed(vm, Value::bool(removed))
        }
        #[cfg(feature = "sql")]
        Backend::Sql(store) => store.delete(vm, key),
    })
}

/// How long something lives: seconds, or a duration; nothing and zero mean for ever.
fn time_to_live(ttl: Value) -> Result<Option<Duration>, ErrorData> {
    let wrong = || ErrorData::plain(INVALID, "ttl must be a number of seconds or a duration, and not negative");
    let ttl = match ttl.tag() {
        tag::NIL => return Ok(None),
        tag::INT => Duration::try_from_secs_f64(ttl.as_int() as f64).map_err(|_| wrong())?,
        tag::FLOAT => Duration::try_from_secs_f64(ttl.as_float()).map_err(|_| wrong())?,
        _ => span_of(ttl).filter(|duration| duration.0 >= 0).ok_or_else(wrong)?.to_std(),
    };
    Ok((!ttl.is_zero()).then_some(ttl))
}

/// Under which condition something is stored.
enum Condition {
    None,
    /// The key is not there.
    Absent,
    /// What is there has this version.
    Version(String),
}

impl Condition {
    /// The error of a key that is there.
    fn exists() -> ErrorData {
        ErrorData::plain(ALREADY_EXISTS, "the key exists already")
    }

    /// The error of a key that is not there, or is not what it was.
    fn changed() -> ErrorData {
        ErrorData::judged(CONFLICT, "the key has another version", true)
    }
}

/// `store:set(key, value, ttl?)`
fn set(vm: &mut Vm, args: Args) -> NativeResult {
    with_key(vm, args, "store.key.set", Value::FALSE, |vm, store, key| {
        let (value, ttl) = (args.get(vm, 2), args.get(vm, 3));
        let ttl = match time_to_live(ttl) {
            Ok(ttl) => ttl,
            Err(error) => return fail_with(vm, Value::FALSE, error),
        };
        match store {
            Backend::Memory(store) => {
                let now = now(vm);
                let expires = ttl.map(|ttl| now.after(ttl));
                match plain(vm, value).and_then(|value| store.set(key, value, expires, now)) {
                    Ok(()) => succeed(vm, Value::TRUE),
                    Err(error) => fail_with(vm, Value::FALSE, error),
                }
            }
            #[cfg(feature = "sql")]
            Backend::Sql(store) => store.set(vm, key, value, ttl),
        }
    })
}

/// `store:put(key, value, options?)`
fn put(vm: &mut Vm, args: Args) -> NativeResult {
    with_key(vm, args, "store.key.set", Value::NIL, |vm, store, key| {
        let mut condition = Condition::None;
        let mut ttl = Value::NIL;
        if !args.get(vm, 3).is_nil() {
            let options = args.check_table(vm, 3)?;
            ttl = vm.raw_get_name(options, "ttl")?;
            let only_if_absent = vm.raw_get_name(options, "only_if_absent")?.is_true();
            let version = vm.raw_get_name(options, "if_version")?;
            condition = match (only_if_absent, version.is_nil()) {
                (false, true) => Condition::None,
                (true, true) => Condition::Absent,
                (false, false) => Condition::Version(errors::value_text(vm, version)),
                (true, false) => {
                    return errors::fail(vm, INVALID, "only_if_absent and if_version exclude each other");
                }
            };
        }
        let value = args.get(vm, 2);
        let ttl = match time_to_live(ttl) {
            Ok(ttl) => ttl,
            Err(error) => return fail(vm, error),
        };
        match store {
            Backend::Memory(store) => {
                let now = now(vm);
                let expires = ttl.map(|ttl| now.after(ttl));
                match plain(vm, value).and_then(|value| store.put(key, value, expires, &condition, now)) {
                    Ok(item) => {
                        let entry = entry_data(key, item).to_value(vm)?;
                        succeed(vm, entry)
                    }
                    Err(error) => fail(vm, error),
                }
            }
            #[cfg(feature = "sql")]
            Backend::Sql(store) => store.put(vm, key, value, ttl, condition),
        }
    })
}

/// Which keys a list is to have.
struct Query {
    prefix: Box<[u8]>,
    /// They come behind this one.
    after: Box<[u8]>,
    limit: usize,
}

impl Query {
    fn of(options: &Data) -> Result<Query, String> {
        let text = |name| match options.get(name) {
            Some(Data::Text(text)) => Ok(text.clone()),
            None => Ok(Box::default()),
            Some(_) => Err(format!("{name} must be a string")),
        };
        let limit = match options.get("limit") {
            None => PAGE,
            Some(Data::Integer(limit @ 1..)) => (*limit as usize).min(MAX_PAGE),
            Some(_) => return Err("limit must be a positive integer".to_owned()),
        };
        Ok(Query { prefix: text("prefix")?, after: text("after")?, limit })
    }
}

/// `store:list{prefix?, after?, limit?}`
fn list(vm: &mut Vm, args: Args) -> NativeResult {
    let Some(store) = this(vm, args)? else { return errors::fail(vm, INVALID, RELEASED) };
    let options = match args.get(vm, 1) {
        options if options.is_nil() => Data::Nil,
        _ => {
            let options = args.check_table(vm, 1)?;
            Data::of(vm, Value::table(options))
        }
    };
    let query = match Query::of(&options) {
        Ok(query) => query,
        Err(complaint) => return errors::fail(vm, INVALID, &complaint),
    };
    let prefix_meta = || Data::from([("prefix", &*query.prefix)]);
    if let Err(error) = access::check_with(vm, "store.key.list", &store.id, prefix_meta) {
        return fail(vm, error);
    }
    match &store.backend {
        Backend::Memory(store) => {
            let mut found = store.list(&query, now(vm));
            let more = found.len() > query.limit;
            found.truncate(query.limit);
            let cursor = found.last().map(|(key, _)| Data::from(&**key));
            let items = found.into_iter().map(|(key, item)| entry_data(&key, item)).collect();
            let page = Data::from([("items", Data::List(items)), ("cursor", cursor.into()), ("has_more", more.into())]);
            let page = page.to_value(vm)?;
            succeed(vm, page)
        }
        #[cfg(feature = "sql")]
        Backend::Sql(store) => store.list(vm, query),
    }
}

fn info(vm: &mut Vm, args: Args) -> NativeResult {
    let Some(store) = this(vm, args)? else { return errors::fail(vm, INVALID, RELEASED) };
    if let Err(error) = access::check(vm, "store.info", &store.id) {
        return fail(vm, error);
    }
    let (backend, consistency, is_durable) = match &store.backend {
        Backend::Memory(_) => ("memory", "local", false),
        #[cfg(feature = "sql")]
        Backend::Sql(store) => match store.is_durable(vm) {
            Ok(is_durable) => ("sql", "linearizable", is_durable),
            Err(error) => return fail(vm, error),
        },
    };
    let info = Data::from([
        ("id", Data::from(&*store.id)),
        ("backend", backend.into()),
        ("consistency", consistency.into()),
        ("durable", is_durable.into()),
        ("list", true.into()),
        ("versioned", true.into()),
        ("conditional_put", true.into()),
        ("ttl", true.into()),
    ]);
    let info = info.to_value(vm)?;
    succeed(vm, info)
}

fn release(vm: &mut Vm, args: Args) -> NativeResult {
    args.check_userdata::<Handle>(vm, 0, CLASS)?.store = None;
    vm.answer(Value::TRUE)
}

fn text(vm: &mut Vm, args: Args) -> NativeResult {
    let released = args.check_userdata::<Handle>(vm, 0, CLASS)?.store.is_none();
    let text = vm.string(if released { b"store.Store{released}" } else { b"store.Store{}" })?;
    vm.answer(text)
}
