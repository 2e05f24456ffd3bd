//! The `store` module (`modules.md` §4.12): plain data under keys, in memory, for all processes.
//!
//! In an application a store is an entry, `store.memory`; in script mode every id is one. A store lives as long as the
//! runtime. A key that has expired is absent from that moment on, and makes room when room is needed.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::fields::{fail, fail_with};
use super::plain::plain;
use super::succeed;
use crate::runtime::access;
use crate::runtime::data::Data;
use crate::runtime::driver::Moment;
use crate::runtime::errors::{self, ALREADY_EXISTS, CONFLICT, ErrorData, INTERNAL, INVALID, NOT_FOUND};
use crate::runtime::module::{Module, ModuleClass, module};
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
pub struct Stores(Mutex<HashMap<Box<str>, Arc<Store>>>);

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
                ("MEMORY", Literal::String(MEMORY)),
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
                ("LOCAL", Literal::String(LOCAL)),
                ("UNKNOWN", Literal::String("unknown")),
            ]),
        ),
    ],
};

const MEMORY: &str = "memory";
const LOCAL: &str = "local";

/// The kind of entries that are stores.
const KIND: &str = "store.memory";
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
    max_size: usize,
    content: Mutex<Content>,
}

#[derive(Default)]
struct Content {
    items: BTreeMap<Box<[u8]>, Item>,
    /// Counts what was stored.
    versions: u64,
}

#[derive(Clone)]
struct Item {
    value: Data,
    version: u64,
    expires: Option<Moment>,
}

impl Item {
    fn is_there(&self, now: Moment) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
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
    /// The store of an id.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(&self, entries: &dyn Entries, id: &str) -> Result<Arc<Store>, ErrorData> {
        let max_size = match entries.resource(id) {
            Resource::Undeclared if !id.is_empty() => MAX_SIZE,
            _ => match entries.declared(id, &[KIND])?.1.get("max_size") {
                Some(Data::Integer(size)) => usize::try_from(*size).unwrap_or(MAX_SIZE),
                _ => MAX_SIZE,
            },
        };
        let make = || Arc::new(Store { id: id.into(), max_size, content: Mutex::default() });
        Ok(Arc::clone(self.0.lock().entry(id.into()).or_insert_with(make)))
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
            let handle = vm.heap.new_userdata(Handle { store: Some(store) }, metatable);
            succeed(vm, Value::userdata(handle))
        }
        Err(error) => fail(vm, error),
    }
}

/// The store and the present; `None` if the handle is released.
fn this(vm: &mut Vm, args: Args) -> Result<Option<(Arc<Store>, Moment)>, Box<LuaError>> {
    let store = args.check_userdata::<Handle>(vm, 0, CLASS)?.store.clone();
    let now = state(vm).core().driver.now();
    Ok(store.map(|store| (store, now)))
}

/// Calls a method that has a key, of a store that is not released; `action` is what
/// it does, `failed` is the first result of a failure.
fn with_key(
    vm: &mut Vm,
    args: Args,
    action: &str,
    failed: Value,
    method: impl FnOnce(&mut Vm, &Store, Moment, &[u8]) -> NativeResult,
) -> NativeResult {
    let Some((store, now)) = this(vm, args)? else { return errors::fail_with(vm, failed, INVALID, RELEASED) };
    let key = args.check_bytes(vm, 1)?;
    if key.is_empty() {
        return errors::fail_with(vm, failed, INVALID, "empty key");
    }
    if let Err(error) = access::check_with(vm, action, &store.id, || Data::from([("key", key)])) {
        return fail_with(vm, failed, error);
    }
    method(vm, &store, now, key)
}

const RELEASED: &str = "the store was released";

fn absent(vm: &mut Vm, key: &[u8]) -> NativeResult {
    errors::fail(vm, NOT_FOUND, &format!("key not found: {}", String::from_utf8_lossy(key)))
}

fn get(vm: &mut Vm, args: Args) -> NativeResult {
    with_key(vm, args, "store.key.get", Value::NIL, |vm, store, now, key| match store.find(key, now) {
        Some(item) => {
            let value = item.value.to_value(vm)?;
            succeed(vm, value)
        }
        None => absent(vm, key),
    })
}

fn entry_data(key: &[u8], item: Item) -> Data {
    Data::from([("key", Data::from(key)), ("value", item.value), ("version", item.version.to_string().into())])
}

fn entry(vm: &mut Vm, args: Args) -> NativeResult {
    with_key(vm, args, "store.key.get", Value::NIL, |vm, store, now, key| match store.find(key, now) {
        Some(item) => {
            let entry = entry_data(key, item).to_value(vm)?;
            succeed(vm, entry)
        }
        None => absent(vm, key),
    })
}

fn has(vm: &mut Vm, args: Args) -> NativeResult {
    with_key(vm, args, "store.key.has", Value::FALSE, |vm, store, now, key| {
        let there = store.find(key, now).is_some();
        succeed(vm, Value::bool(there))
    })
}

fn delete(vm: &mut Vm, args: Args) -> NativeResult {
    with_key(vm, args, "store.key.delete", Value::FALSE, |vm, store, now, key| {
        let removed = store.delete(key, now);
        succeed(vm, Value::bool(removed))
    })
}

/// When something expires that is to live so long: seconds, or a duration; nothing and zero mean for ever.
fn expiry(now: Moment, ttl: Value) -> Result<Option<Moment>, &'static str> {
    const WRONG: &str = "ttl must be a number of seconds or a duration, and not negative";
    let seconds = match ttl.tag() {
        tag::NIL => return Ok(None),
        tag::INT => Duration::try_from_secs_f64(ttl.as_int() as f64),
        tag::FLOAT => Duration::try_from_secs_f64(ttl.as_float()),
        _ => match span_of(ttl) {
            Some(duration) if duration.0 >= 0 => Ok(duration.to_std()),
            _ => return Err(WRONG),
        },
    };
    let ttl = seconds.map_err(|_| WRONG)?;
    Ok((!ttl.is_zero()).then(|| now.after(ttl)))
}

/// Under which conditions something is stored.
#[derive(Default)]
struct Condition {
    only_if_absent: bool,
    version: Option<String>,
}

impl Store {
    fn find(&self, key: &[u8], now: Moment) -> Option<Item> {
        self.content.lock().items.get(key).filter(|item| item.is_there(now)).cloned()
    }

    /// What is under a key.
    pub fn get(&self, key: &[u8], now: Moment) -> Option<Data> {
        self.find(key, now).map(|item| item.value)
    }

    /// Puts something under a key, whatever was there.
    ///
    /// # Errors
    /// `Internal` if the store is full.
    pub fn set(&self, key: &[u8], value: Data, expires: Option<Moment>, now: Moment) -> Result<(), ErrorData> {
        self.put(key, Item { value, version: 0, expires }, &Condition::default(), now).map(drop)
    }

    /// Removes a key. Says whether it was there.
    pub fn delete(&self, key: &[u8], now: Moment) -> bool {
        self.content.lock().items.remove(key).is_some_and(|item| item.is_there(now))
    }

    /// Stores a value.
    fn put(&self, key: &[u8], item: Item, condition: &Condition, now: Moment) -> Result<Item, ErrorData> {
        let mut content = self.content.lock();
        let known = content.items.get(key).filter(|item| item.is_there(now));
        if condition.only_if_absent && known.is_some() {
            return Err(ErrorData::plain(ALREADY_EXISTS, "the key exists already"));
        }
        if let Some(wanted) = &condition.version
            && known.is_none_or(|known| known.version.to_string() != *wanted)
        {
            let error = ErrorData::plain(CONFLICT, "the key has another version");
            return Err(ErrorData { retryable: Some(true), ..error });
        }
        if known.is_none() && content.items.len() >= self.max_size {
            content.items.retain(|_, item| item.is_there(now));
            if content.items.len() >= self.max_size {
                return Err(ErrorData::plain(INTERNAL, "the store is full"));
            }
        }
        content.versions += 1;
        let item = Item { version: content.versions, ..item };
        content.items.insert(key.into(), item.clone());
        Ok(item)
    }
}

/// The item that a value and its time to live make.
fn new_item(vm: &mut Vm, value: Value, ttl: Value, now: Moment) -> Result<Item, ErrorData> {
    let value = plain(vm, value)?;
    let expires = expiry(now, ttl).map_err(|complaint| ErrorData::plain(INVALID, complaint))?;
    Ok(Item { value, version: 0, expires })
}

/// `store:set(key, value, ttl?)`
fn set(vm: &mut Vm, args: Args) -> NativeResult {
    with_key(vm, args, "store.key.set", Value::FALSE, |vm, store, now, key| {
        let (value, ttl) = (args.get(vm, 2), args.get(vm, 3));
        match new_item(vm, value, ttl, now) {
            Err(error) => fail_with(vm, Value::FALSE, error),
            Ok(item) => match store.put(key, item, &Condition::default(), now) {
                Ok(_) => succeed(vm, Value::TRUE),
                Err(error) => fail_with(vm, Value::FALSE, error),
            },
        }
    })
}

/// `store:put(key, value, options?)`
fn put(vm: &mut Vm, args: Args) -> NativeResult {
    with_key(vm, args, "store.key.set", Value::NIL, |vm, store, now, key| {
        let mut condition = Condition::default();
        let mut ttl = Value::NIL;
        if !args.get(vm, 3).is_nil() {
            let options = args.check_table(vm, 3)?;
            ttl = vm.raw_get_name(options, "ttl")?;
            condition.only_if_absent = vm.raw_get_name(options, "only_if_absent")?.is_true();
            let version = vm.raw_get_name(options, "if_version")?;
            if !version.is_nil() {
                condition.version = Some(errors::value_text(vm, version));
            }
        }
        if condition.only_if_absent && condition.version.is_some() {
            return errors::fail(vm, INVALID, "only_if_absent and if_version exclude each other");
        }
        let value = args.get(vm, 2);
        match new_item(vm, value, ttl, now) {
            Err(error) => fail(vm, error),
            Ok(item) => match store.put(key, item, &condition, now) {
                Ok(item) => {
                    let entry = entry_data(key, item).to_value(vm)?;
                    succeed(vm, entry)
                }
                Err(error) => fail(vm, error),
            },
        }
    })
}

/// `store:list{prefix?, after?, limit?}`
fn list(vm: &mut Vm, args: Args) -> NativeResult {
    let Some((store, now)) = this(vm, args)? else { return errors::fail(vm, INVALID, RELEASED) };
    let options = match args.get(vm, 1) {
        options if options.is_nil() => Data::Nil,
        _ => {
            let options = args.check_table(vm, 1)?;
            Data::of(vm, Value::table(options))
        }
    };
    let text = |name| match options.get(name) {
        Some(Data::Text(text)) => Ok(&text[..]),
        None => Ok(&b""[..]),
        Some(_) => Err(format!("{name} must be a string")),
    };
    let limit = match options.get("limit") {
        None => Ok(PAGE),
        Some(Data::Integer(limit @ 1..)) => Ok((*limit as usize).min(MAX_PAGE)),
        Some(_) => Err("limit must be a positive integer".to_owned()),
    };
    let (prefix, after, limit) = match (text("prefix"), text("after"), limit) {
        (Ok(prefix), Ok(after), Ok(limit)) => (prefix, after, limit),
        (Err(complaint), ..) | (_, Err(complaint), _) | (.., Err(complaint)) => {
            return errors::fail(vm, INVALID, &complaint);
        }
    };
    let prefix_meta = || Data::from([("prefix", prefix)]);
    if let Err(error) = access::check_with(vm, "store.key.list", &store.id, prefix_meta) {
        return fail(vm, error);
    }
    let from = if after.is_empty() || after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
    let content = store.content.lock();
    let mut found: Vec<_> = content
        .items
        .range::<[u8], _>((from, Bound::Unbounded))
        .take_while(|(key, _)| key.starts_with(prefix))
        .filter(|(_, item)| item.is_there(now))
        .take(limit + 1)
        .map(|(key, item)| (key.clone(), item.clone()))
        .collect();
    drop(content);
    let more = found.len() > limit;
    found.truncate(limit);
    let cursor = found.last().map(|(key, _)| Data::from(&**key));
    let items = found.into_iter().map(|(key, item)| entry_data(&key, item)).collect();
    let page = Data::from([("items", Data::List(items)), ("cursor", cursor.into()), ("has_more", more.into())]);
    let page = page.to_value(vm)?;
    succeed(vm, page)
}

fn info(vm: &mut Vm, args: Args) -> NativeResult {
    let Some((store, _)) = this(vm, args)? else { return errors::fail(vm, INVALID, RELEASED) };
    if let Err(error) = access::check(vm, "store.info", &store.id) {
        return fail(vm, error);
    }
    let info = Data::from([
        ("id", Data::from(&*store.id)),
        ("backend", MEMORY.into()),
        ("consistency", LOCAL.into()),
        ("durable", false.into()),
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
