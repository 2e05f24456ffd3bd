//! Stores in tables of databases: a row for each key, with the value as JSON and the time at which it expires, in milliseconds
//! since 1970.
//!
//! The table is there already. Its column of keys is the primary key, or unique; keys are compared as bytes (a column of
//! MySQL is `VARBINARY` or has a binary collation). Its column of values holds texts as they are. Nothing else is asked of it: the version of an item is a digest of its
//! value, and what depends on one compares the value that it replaces.
//!
//! Rows that have expired are as good as absent. When a clean-up is due, the next operation that has succeeded removes them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use smallvec::smallvec;

use super::{Condition, Query, Stores, absent};
use crate::modules::fields::{error_value, fail_with, invalid};
use crate::modules::hash::hex;
use crate::modules::json;
use crate::modules::plain::plain;
use crate::modules::sql::{Cell, Database, Param, Sql};
use crate::runtime::core::RuntimeCore;
use crate::runtime::data::{Data, with_heap};
use crate::runtime::driver::Moment;
use crate::runtime::errors::{ALREADY_EXISTS, ErrorData, INTERNAL};
use crate::runtime::operation::run_future;
use crate::runtime::pid::Pid;
use crate::runtime::process_state::state;
use crate::runtime::spawn::sibling;
use crate::runtime::time;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::NativeResult;
use crate::vm::value::Value;

/// Statements. `{…}` stands for a name or an expression of the store, see [`Table::statement`].
const FIND: &str = "SELECT {text} FROM {table} WHERE {key} = ? AND {alive}";
const DELETE: &str = "DELETE FROM {table} WHERE {key} = ? AND {alive}";
const DELETE_EXPIRED: &str = "DELETE FROM {table} WHERE {key} = ? AND {expires} <= ?";
const SWEEP: &str = "DELETE FROM {table} WHERE {expires} <= ?";
const INSERT: &str = "INSERT INTO {table} ({key}, {value}, {expires}) VALUES (?, ?, ?)";
const ON_CONFLICT: &str =
    " ON CONFLICT ({key}) DO UPDATE SET {value} = excluded.{value}, {expires} = excluded.{expires}";
const ON_DUPLICATE: &str = " ON DUPLICATE KEY UPDATE {value} = VALUES({value}), {expires} = VALUES({expires})";
const REPLACE: &str = "UPDATE {table} SET {value} = ?, {expires} = ? WHERE {key} = ? AND {text} = ? AND {alive}";
const LIST: &str = "SELECT {key}, {text} FROM {table} WHERE {ordered} >= ? AND {ordered} > ? AND {alive}";
const LIST_END: &str = " AND {ordered} < ?";
const LIST_ORDER: &str = " ORDER BY {ordered} LIMIT ?";

/// Bytes that a value may take which the runtime itself asks for.
const MOST_DATA: usize = 16 << 20;
const NO_MEMORY: &str = "not enough memory";

/// Digits of a version.
const VERSION_LENGTH: usize = 32;

/// A store as its entry describes it.
pub struct SqlStore {
    id: Box<str>,
    /// The id of the database.
    database: String,
    table: String,
    key: String,
    value: String,
    expires: String,
    /// How often the table is cleaned up, if it is.
    interval: Option<Duration>,
}

/// When the tables of stores are to be cleaned up, by the ids of the stores.
#[derive(Default)]
pub struct Sweeps(Mutex<HashMap<Box<str>, Moment>>);

impl Sweeps {
    /// Whether a clean-up is due; if so, the next one is due after the interval.
    fn is_due(&self, id: &str, interval: Duration, now: Moment) -> bool {
        let mut due = self.0.lock();
        let is_due = due.get(id).is_none_or(|due| *due <= now);
        if is_due {
            due.insert(id.into(), now.after(interval));
        }
        is_due
    }
}

/// The table of a store, for one operation.
struct Table {
    store: Arc<SqlStore>,
    database: Arc<Database>,
    /// Unix milliseconds.
    now: i64,
    /// Bytes that the result may take.
    budget: usize,
    sweep: bool,
}

/// What is under a key: its value as text.
type Text = Box<[u8]>;

impl SqlStore {
    /// The store that an entry with these fields is.
    pub fn new(id: &str, fields: &Data) -> SqlStore {
        let text = |field: &str, default: &str| fields.get(field).and_then(Data::as_str).unwrap_or(default).to_owned();
        let interval = fields.get("cleanup_interval").and_then(time::Duration::of_data);
        SqlStore {
            id: id.into(),
            database: sibling(id, &text("database", "")),
            table: text("table_name", ""),
            key: text("id_column_name", "key"),
            value: text("payload_column_name", "value"),
            expires: text("expire_column_name", "expires_at"),
            interval: interval.filter(|interval| !interval.is_zero()),
        }
    }

    /// Whether it outlives the program.
    pub fn is_durable(&self, vm: &mut Vm) -> Result<bool, ErrorData> {
        Ok(self.find_database(vm)?.is_durable())
    }

    fn find_database(&self, vm: &mut Vm) -> Result<Arc<Database>, ErrorData> {
        self.database_of(state(vm).core())
    }

    fn database_of(&self, core: &RuntimeCore) -> Result<Arc<Database>, ErrorData> {
        let sql = core.modules.of_type::<Sql>();
        let sql = sql.ok_or_else(|| ErrorData::plain(INTERNAL, "the runtime has no module sql"))?;
        sql.find(&*core.entries, &self.database)
    }

    fn open(self: &Arc<Self>, vm: &mut Vm) -> Result<Table, ErrorData> {
        let core = state(vm).core();
        self.check(core, state(vm).process().pid)?;
        self.table(core, vm.heap.headroom())
    }

    fn table(self: &Arc<Self>, core: &RuntimeCore, budget: usize) -> Result<Table, ErrorData> {
        let database = self.database_of(core)?;
        let stores = core.modules.of_type::<Stores>();
        let due = |interval| stores.is_some_and(|stores| stores.sweeps.is_due(&self.id, interval, core.driver.now()));
        let sweep = self.interval.is_some_and(due);
        let clock = core.driver.wall_clock();
        let now = clock.seconds.saturating_mul(1000).saturating_add(i64::from(clock.nanos / 1_000_000));
        Ok(Table { store: Arc::clone(self), database, now, budget, sweep })
    }

    /// Whether operations for a process would ever get a connection.
    ///
    /// # Errors
    /// `Invalid` if a transaction of the process itself holds the only one; those of a database that cannot be had.
    pub fn check(&self, core: &RuntimeCore, process: Pid) -> Result<(), ErrorData> {
        self.database_of(core)?.check(process)
    }

    /// What is under a key, for the runtime itself.
    ///
    /// # Errors
    /// Those of the database; `Internal` if there is no JSON.
    pub async fn find_data(self: &Arc<Self>, core: &Arc<RuntimeCore>, key: &str) -> Result<Option<Data>, ErrorData> {
        let table = self.table(core, MOST_DATA)?;
        let found = table.find(&Param::Text(key.into())).await?;
        table.sweep().await;
        found.map(|text| data_of(core, &text)).transpose()
    }

    /// Puts something under a key, whatever was there, for the runtime itself.
    ///
    /// # Errors
    /// Those of the database; `Invalid` for what cannot be JSON.
    pub async fn set_data(
        self: &Arc<Self>,
        core: &Arc<RuntimeCore>,
        key: &str,
        value: &Data,
        ttl: Duration,
    ) -> Result<(), ErrorData> {
        let text = text_of_data(core, value)?;
        let table = self.table(core, MOST_DATA)?;
        table.set(Param::Text(key.into()), &text, Some(ttl)).await?;
        table.sweep().await;
        Ok(())
    }

    /// Removes a key, for the runtime itself. Says whether it was there.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn delete_data(self: &Arc<Self>, core: &Arc<RuntimeCore>, key: &str) -> Result<bool, ErrorData> {
        let table = self.table(core, MOST_DATA)?;
        let deleted = table.execute(DELETE, vec![Param::Text(key.into()), Param::Int(table.now)]).await?;
        table.sweep().await;
        Ok(deleted > 0)
    }

    /// Does something with the table. `failed` is the first result of a failure.
    fn run<T, F>(
        self: &Arc<Self>,
        vm: &mut Vm,
        failed: Value,
        work: impl FnOnce(Arc<Table>) -> Result<F, ErrorData>,
        finish: impl FnOnce(&mut Vm, T) -> Answer + Send + 'static,
    ) -> NativeResult
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ErrorData>> + Send + 'static,
    {
        let table = self.open(vm).map(Arc::new);
        let (work, table) = match table.and_then(|table| Ok((work(Arc::clone(&table))?, table))) {
            Ok(begun) => begun,
            Err(error) => return fail_with(vm, failed, error),
        };
        let work = async move {
            let result = work.await;
            if result.is_ok() {
                table.sweep().await;
            }
            result
        };
        let fails_with_false = !failed.is_nil();
        run_future(vm, "store", work, move |vm, result| {
            let answer = match result {
                Ok(result) => finish(vm, result)?,
                Err(error) => Err(error),
            };
            Ok(match answer {
                Ok(value) => smallvec![value, Value::NIL],
                Err(error) => {
                    let first = if fails_with_false { Value::FALSE } else { Value::NIL };
                    smallvec![first, error_value(vm, error)]
                }
            })
        })
    }

    /// What is under a key; `finish` makes the result of it.
    fn find(
        self: &Arc<Self>,
        vm: &mut Vm,
        key: &[u8],
        finish: impl FnOnce(&mut Vm, &[u8], &[u8]) -> Answer + Send + 'static,
    ) -> NativeResult {
        let shown: Box<[u8]> = key.into();
        let find = |table: Arc<Table>| {
            let key = key_param(key)?;
            Ok(async move { table.find(&key).await })
        };
        self.run(vm, Value::NIL, find, move |vm, found| match found {
            Some(text) => finish(vm, &shown, &text),
            None => Ok(Err(absent(&shown))),
        })
    }

    /// `store:get(key)`
    pub fn get(self: &Arc<Self>, vm: &mut Vm, key: &[u8]) -> NativeResult {
        self.find(vm, key, |vm, _, text| value_of(vm, text))
    }

    /// `store:entry(key)`
    pub fn entry(self: &Arc<Self>, vm: &mut Vm, key: &[u8]) -> NativeResult {
        self.find(vm, key, entry_of)
    }

    /// `store:has(key)`
    pub fn has(self: &Arc<Self>, vm: &mut Vm, key: &[u8]) -> NativeResult {
        let find = |table: Arc<Table>| {
            let key = key_param(key)?;
            Ok(async move { table.find(&key).await })
        };
        self.run(vm, Value::FALSE, find, |_, found| Ok(Ok(Value::bool(found.is_some()))))
    }

    /// `store:delete(key)`
    pub fn delete(self: &Arc<Self>, vm: &mut Vm, key: &[u8]) -> NativeResult {
        let delete = |table: Arc<Table>| {
            let params = vec![key_param(key)?, Param::Int(table.now)];
            Ok(async move { table.execute(DELETE, params).await })
        };
        self.run(vm, Value::FALSE, delete, |_, deleted| Ok(Ok(Value::bool(deleted > 0))))
    }

    /// `store:set(key, value, ttl?)`
    pub fn set(self: &Arc<Self>, vm: &mut Vm, key: &[u8], value: Value, ttl: Option<Duration>) -> NativeResult {
        let text = match text_of(vm, value)? {
            Ok(text) => text,
            Err(error) => return fail_with(vm, Value::FALSE, error),
        };
        let set = |table: Arc<Table>| {
            let key = key_param(key)?;
            Ok(async move { table.set(key, &text, ttl).await })
        };
        self.run(vm, Value::FALSE, set, |_, ()| Ok(Ok(Value::TRUE)))
    }

    /// `store:put(key, value, options?)`
    pub fn put(
        self: &Arc<Self>,
        vm: &mut Vm,
        key: &[u8],
        value: Value,
        ttl: Option<Duration>,
        condition: Condition,
    ) -> NativeResult {
        let text = match text_of(vm, value)? {
            Ok(text) => text,
            Err(error) => return fail_with(vm, Value::NIL, error),
        };
        let shown: Box<[u8]> = key.into();
        let put = |table: Arc<Table>| {
            let key = key_param(key)?;
            Ok(async move {
                match condition {
                    Condition::None => table.set(key, &text, ttl).await?,
                    Condition::Absent => table.insert(key, &text, ttl).await?,
                    Condition::Version(version) => table.replace(key, &text, ttl, &version).await?,
                }
                Ok(text)
            })
        };
        self.run(vm, Value::NIL, put, move |vm, text| entry_of(vm, &shown, text.as_bytes()))
    }

    /// `store:list{prefix?, after?, limit?}`
    pub fn list(self: &Arc<Self>, vm: &mut Vm, query: Query) -> NativeResult {
        let limit = query.limit;
        let list = |table: Arc<Table>| {
            let (prefix, after) = (utf8(&query.prefix)?, utf8(&query.after)?);
            let (mut text, mut params) = (LIST.to_owned(), vec![Param::Text(prefix.into()), Param::Text(after.into())]);
            params.push(Param::Int(table.now));
            if let Some(end) = behind(prefix) {
                text += LIST_END;
                params.push(Param::Text(end.into()));
            }
            text += LIST_ORDER;
            // One more tells whether there are more.
            params.push(Param::Int(limit as i64 + 1));
            Ok(async move { table.items(&text, params).await })
        };
        self.run(vm, Value::NIL, list, move |vm, mut found| {
            let more = found.len() > limit;
            found.truncate(limit);
            let items = vm.new_table(found.len() as u32, 0);
            let mut cursor = Value::NIL;
            for (i, (key, text)) in found.iter().enumerate() {
                match entry_of(vm, key, text)? {
                    Ok(entry) => vm.raw_set(items, Value::int(i as i64 + 1), entry)?,
                    Err(error) => return Ok(Err(error)),
                }
                cursor = vm.string(key)?;
            }
            let page = vm.new_table(0, 3);
            vm.raw_set_name(page, "items", Value::table(items))?;
            vm.raw_set_name(page, "cursor", cursor)?;
            vm.raw_set_name(page, "has_more", Value::bool(more))?;
            Ok(Ok(Value::table(page)))
        })
    }
}

impl Table {
    /// A statement for this table and its engine. Parameters are numbered where the engine wants that.
    fn statement(&self, template: &str) -> String {
        let engine = self.database.engine();
        let store = &*self.store;
        let (mut text, mut params) = (String::with_capacity(2 * template.len()), 0);
        let mut rest = template;
        while let Some(at) = rest.find(['?', '{']) {
            text += &rest[..at];
            let mut param = |text: &mut String| {
                params += 1;
                match engine {
                    "postgres" => *text += &format!("${params}"),
                    _ => text.push('?'),
                }
            };
            if rest[at..].starts_with('?') {
                param(&mut text);
                rest = &rest[at + 1..];
                continue;
            }
            let (name, behind) = rest[at + 1..].split_once('}').expect("the names in the statements above end");
            let name_of = |name: &str| quoted(engine, name);
            match name {
                "table" => text += &store.table.split('.').map(name_of).collect::<Vec<_>>().join("."),
                "key" => text += &name_of(&store.key),
                "value" => text += &name_of(&store.value),
                "expires" => text += &name_of(&store.expires),
                // The order is that of bytes.
                "ordered" if engine == "postgres" => text += &format!("{} COLLATE \"C\"", name_of(&store.key)),
                "ordered" => text += &name_of(&store.key),
                // What is compared is the text itself.
                "text" if engine == "mysql" => {
                    text += &format!("CONVERT({} USING utf8mb4) COLLATE utf8mb4_bin", name_of(&store.value));
                }
                "text" => text += &format!("CAST({} AS TEXT)", name_of(&store.value)),
                _ => {
                    let expires = name_of(&store.expires);
                    text += &format!("({expires} IS NULL OR {expires} > ");
                    param(&mut text);
                    text.push(')');
                }
            }
            rest = behind;
        }
        text + rest
    }

    async fn execute(&self, template: &str, params: Vec<Param>) -> Result<i64, ErrorData> {
        self.database.execute(self.statement(template), params).await
    }

    /// Removes what has expired, if it is time.
    async fn sweep(&self) {
        if self.sweep {
            // Whoever cares for what has expired is not the one who asked; it is tried again.
            let _ = self.execute(SWEEP, vec![Param::Int(self.now)]).await;
        }
    }

    async fn find(&self, key: &Param) -> Result<Option<Text>, ErrorData> {
        let params = vec![key.clone(), Param::Int(self.now)];
        let rows = self.database.query(self.statement(FIND), params, self.budget).await?;
        Ok(rows.iter().next().and_then(|row| row.first()).map(bytes))
    }

    /// Keys and values.
    async fn items(&self, template: &str, params: Vec<Param>) -> Result<Vec<(Text, Text)>, ErrorData> {
        let rows = self.database.query(self.statement(template), params, self.budget).await?;
        let items = rows.iter().filter_map(|row| match row {
            [key, text] => Some((bytes(key), bytes(text))),
            _ => None,
        });
        Ok(items.collect())
    }

    fn row(&self, key: Param, text: &str, ttl: Option<Duration>) -> Vec<Param> {
        vec![key, Param::Text(text.into()), self.expiry(ttl)]
    }

    fn expiry(&self, ttl: Option<Duration>) -> Param {
        let Some(ttl) = ttl else { return Param::Null };
        // What lives for a part of a millisecond lives for one.
        let millis = i64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX);
        Param::Int(self.now.saturating_add(millis))
    }

    /// Stores a value, whatever was there.
    async fn set(&self, key: Param, text: &str, ttl: Option<Duration>) -> Result<(), ErrorData> {
        let conflict = if self.database.engine() == "mysql" { ON_DUPLICATE } else { ON_CONFLICT };
        self.execute(&format!("{INSERT}{conflict}"), self.row(key, text, ttl)).await.map(drop)
    }

    /// Stores a value where nothing is.
    async fn insert(&self, key: Param, text: &str, ttl: Option<Duration>) -> Result<(), ErrorData> {
        self.execute(DELETE_EXPIRED, vec![key.clone(), Param::Int(self.now)]).await?;
        match self.execute(INSERT, self.row(key, text, ttl)).await {
            Err(error) if &*error.kind == ALREADY_EXISTS => Err(Condition::exists()),
            result => result.map(drop),
        }
    }

    /// Stores a value where something of this version is.
    async fn replace(&self, key: Param, text: &str, ttl: Option<Duration>, version: &str) -> Result<(), ErrorData> {
        let known = self.find(&key).await?.filter(|known| version_of(known) == version);
        let known = known.ok_or_else(Condition::changed)?;
        let compared = Param::Text(String::from_utf8_lossy(&known).into());
        let params = vec![Param::Text(text.into()), self.expiry(ttl), key.clone(), compared, Param::Int(self.now)];
        if self.execute(REPLACE, params).await? > 0 {
            return Ok(());
        }
        // MySQL does not count a row that was like that already.
        match self.find(&key).await? {
            Some(found) if found == known && *known == *text.as_bytes() => Ok(()),
            _ => Err(Condition::changed()),
        }
    }
}

/// A name for a statement, whatever is in it.
fn quoted(engine: &str, name: &str) -> String {
    let quote = if engine == "mysql" { "`" } else { "\"" };
    format!("{quote}{}{quote}", name.replace(quote, &quote.repeat(2)))
}

/// The first of the texts that come, in the order of bytes, behind all that begin with this one; `None` if there is none.
fn behind(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

fn utf8(key: &[u8]) -> Result<&str, ErrorData> {
    std::str::from_utf8(key).map_err(|_| invalid("a key in a table is UTF-8"))
}

fn key_param(key: &[u8]) -> Result<Param, ErrorData> {
    utf8(key).map(|key| Param::Text(key.into()))
}

/// What a cell holds, as text.
fn bytes(cell: &Cell) -> Text {
    match cell {
        Cell::Null => b"null"[..].into(),
        Cell::Bool(b) => b.to_string().into_bytes().into(),
        Cell::Int(i) => i.to_string().into_bytes().into(),
        Cell::Float(f) => f.to_string().into_bytes().into(),
        Cell::Bytes(bytes) => bytes.clone(),
    }
}

fn version_of(text: &[u8]) -> String {
    let mut version = hex(&Sha256::digest(text));
    version.truncate(VERSION_LENGTH);
    version
}

/// A value for a program, or why there is none.
type Answer = Result<Result<Value, ErrorData>, Box<LuaError>>;

/// The JSON of data.
fn text_of_data(core: &Arc<RuntimeCore>, data: &Data) -> Result<String, ErrorData> {
    if !is_utf8(data) {
        return Err(invalid("the value has text that is not UTF-8"));
    }
    let text = with_heap(core, |vm| {
        let value = data.to_value(vm).ok()?;
        json::text_of(vm, value).ok()
    });
    let text = text.ok_or_else(|| ErrorData::plain(INTERNAL, NO_MEMORY))?;
    let text = text.map_err(|why| invalid(format!("the value cannot be JSON: {why}")))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The data of JSON.
fn data_of(core: &Arc<RuntimeCore>, text: &[u8]) -> Result<Data, ErrorData> {
    let data = with_heap(core, |vm| match json::value_of(vm, text).ok()? {
        Ok(value) => Some(Ok(Data::of(vm, value))),
        Err(mistake) => Some(Err(no_json(&mistake))),
    });
    data.ok_or_else(|| ErrorData::plain(INTERNAL, NO_MEMORY))?
}

fn no_json(mistake: &str) -> ErrorData {
    ErrorData::judged(INTERNAL, &format!("the table has no JSON: {mistake}"), false)
}

/// The JSON of a value that is plain.
fn text_of(vm: &mut Vm, value: Value) -> Result<Result<String, ErrorData>, Box<LuaError>> {
    match plain(vm, value) {
        Ok(data) if is_utf8(&data) => {}
        Ok(_) => return Ok(Err(invalid("the value has text that is not UTF-8"))),
        Err(error) => return Ok(Err(error)),
    }
    let text = json::text_of(vm, value)?.map_err(|why| invalid(format!("the value cannot be JSON: {why}")));
    Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
}

/// Whether JSON has room for all texts in it.
fn is_utf8(data: &Data) -> bool {
    match data {
        Data::Text(text) => std::str::from_utf8(text).is_ok(),
        Data::List(items) => items.iter().all(is_utf8),
        Data::Map(entries) => entries.iter().all(|(key, value)| is_utf8(key) && is_utf8(value)),
        Data::Nil | Data::Boolean(_) | Data::Integer(_) | Data::Float(_) => true,
    }
}

fn value_of(vm: &mut Vm, text: &[u8]) -> Answer {
    let value = json::value_of(vm, text)?;
    Ok(value.map_err(|mistake| no_json(&mistake)))
}

fn entry_of(vm: &mut Vm, key: &[u8], text: &[u8]) -> Answer {
    let value = match value_of(vm, text)? {
        Ok(value) => value,
        Err(error) => return Ok(Err(error)),
    };
    let entry = vm.new_table(0, 3);
    let key = vm.string(key)?;
    vm.raw_set_name(entry, "key", key)?;
    vm.raw_set_name(entry, "value", value)?;
    let version = vm.string(version_of(text).as_bytes())?;
    vm.raw_set_name(entry, "version", version)?;
    Ok(Ok(Value::table(entry)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_prefixes() {
        for (prefix, end) in
            [("", None), ("a", Some("b")), ("a\u{7f}", Some("a\u{80}")), ("\u{d7ff}", Some("\u{e000}"))]
        {
            assert_eq!(behind(prefix).as_deref(), end, "{prefix:?}");
        }
        assert_eq!(behind("b\u{10ffff}\u{10ffff}").as_deref(), Some("c"));
        assert_eq!(behind("\u{10ffff}"), None);
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted("mysql", "a`b\"c"), "`a``b\"c`");
        assert_eq!(quoted("sqlite", "a`b\"c"), "\"a`b\"\"c\"");
    }
}
