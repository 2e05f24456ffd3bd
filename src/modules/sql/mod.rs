//! The `sql` module (`modules.md` §2): one interface to an embedded engine and two servers.
//!
//! | file | owns |
//! | --- | --- |
//! | `config` | how a database is reached |
//! | `pool` | connections: who has one, who waits |
//! | `connection` | what all engines can do |
//! | `sqlite`, `postgres`, `mysql`, `tls` | the engines |
//! | `value`, `error` | parameters, results, errors |
//! | `objects`, `handle` | the objects programs hold, and how they reach a connection |
//! | `host` | what other modules do with a database |
//! | `builder` | statements put together from pieces |
//!
//! In an application, databases are entries. A script has none; there, `sql.get` takes a URL: `sqlite:PATH`, `sqlite::memory:`, `postgres://USER:PASSWORD@HOST/DATABASE`, `mysql://…`. Equal URLs are one
//! database with one pool, for as long as the program runs.

mod builder;
pub mod config;
mod connection;
mod error;
mod handle;
mod host;
mod mysql;
mod objects;
mod pool;
mod postgres;
mod sqlite;
#[cfg(all(test, not(loom)))]
mod tests;
mod tls;
mod value;

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;

use self::config::Config;
use self::pool::Pool;
use self::value::Binary;
pub use self::value::{Cell, Param, Rows};
use super::NULL;
use crate::runtime::access;
use crate::runtime::errors::{self, ErrorData, INVALID, NOT_FOUND, UNAVAILABLE, to_value};
use crate::runtime::module::object::new_object;
use crate::runtime::module::resource::{self, Declaration, Work};
use crate::runtime::module::{Module, ModuleClass, module};
use crate::runtime::process_state::state;
use crate::runtime::spawn::{Entries, Resource};
use crate::vm::Vm;
use crate::vm::concat::append_text;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// A database with its pool.
pub struct Database {
    pool: Pool,
}

impl Database {
    /// The database that an entry of this kind (`db.sql.sqlite`, `db.sql.postgres`, `db.sql.mysql`) describes. Nothing is opened
    /// yet.
    ///
    /// # Errors
    /// `Invalid` if a field is missing or wrong.
    pub fn open(entry: &Declaration<'_>) -> Result<Arc<Database>, ErrorData> {
        Ok(Database::new(Config::from_entry(entry)?))
    }

    fn new(config: Config) -> Arc<Database> {
        Arc::new(Database { pool: Pool::new(config) })
    }

    /// Opens a connection: whether the database can be reached.
    ///
    /// # Errors
    /// What connecting fails with.
    pub async fn ping(&self) -> Result<(), ErrorData> {
        match self.pool.acquire().await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_data("open", self.engine())),
        }
    }

    /// Refuses new work, waits until all connections are back, but no longer than `timeout`, and closes them.
    pub async fn close(&self, timeout: Duration) {
        self.pool.close(timeout).await;
    }

    /// `sqlite`, `postgres` or `mysql`.
    pub fn engine(&self) -> &'static str {
        self.pool.config().source.engine()
    }
}

/// The databases that programs find, by id or URL.
type Databases = Mutex<HashMap<Box<str>, Arc<Database>>>;

/// The module.
#[derive(Default)]
pub struct Sql(Arc<Databases>);

impl Sql {
    /// Lets programs find a database under an id.
    pub fn add(&self, id: &str, database: Arc<Database>) {
        self.0.lock().insert(id.into(), database);
    }

    /// The database of an id, which must be running if it is an entry.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(&self, entries: &dyn Entries, id: &str) -> Result<Arc<Database>, ErrorData> {
        if id.is_empty() {
            return Err(ErrorData::plain(INVALID, "empty database id"));
        }
        let mut databases = self.0.lock();
        if let Some(known) = databases.get(id) {
            return Ok(Arc::clone(known));
        }
        match entries.resource(id) {
            Resource::Undeclared => {
                let unknown =
                    || ErrorData::plain(NOT_FOUND, "no such database; a script names it by URL, as sqlite:app.db");
                let database = Database::new(Config::from_url(id).ok_or_else(unknown)??);
                databases.insert(id.into(), Arc::clone(&database));
                Ok(database)
            }
            Resource::Unknown => Err(ErrorData::plain(NOT_FOUND, &format!("no database {id}"))),
            Resource::Entry { kind, .. } if !config::KINDS.contains(&&*kind) => {
                Err(ErrorData::plain(INVALID, &format!("{id} is a {kind}, not a database")))
            }
            Resource::Entry { .. } => Err(ErrorData {
                retryable: Some(true),
                ..ErrorData::plain(UNAVAILABLE, &format!("database {id} is not running"))
            }),
        }
    }
}

/// The database of an entry.
struct Declared {
    id: Box<str>,
    database: Arc<Database>,
    databases: Arc<Databases>,
}

impl resource::Resource for Declared {
    fn start(self: Arc<Self>) -> Work<Result<(), ErrorData>> {
        Box::pin(async move {
            self.database.ping().await?;
            self.databases.lock().insert(self.id.clone(), Arc::clone(&self.database));
            Ok(())
        })
    }

    fn stop(self: Arc<Self>, timeout: Duration) -> Work<()> {
        self.databases.lock().remove(&self.id);
        Box::pin(async move { self.database.close(timeout).await })
    }
}

impl Module for Sql {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY, &AS, &builder::LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Storage, ModuleClass::Io, ModuleClass::Nondeterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("sql.d.lua")
    }

    fn resource(&self, entry: &Declaration<'_>) -> Option<Result<Arc<dyn resource::Resource>, ErrorData>> {
        config::KINDS.contains(&entry.kind).then(|| {
            let (database, databases) = (Database::open(entry)?, Arc::clone(&self.0));
            Ok(Arc::new(Declared { id: entry.id.into(), database, databases }) as _)
        })
    }
}

static LIBRARY: Library = Library {
    name: "sql",
    global: false,
    natives: &[Native::new("get", get)],
    constants: &[
        ("NULL", Literal::Light(NULL)),
        (
            "type",
            Literal::Table(&[
                ("POSTGRES", Literal::String("postgres")),
                ("MYSQL", Literal::String("mysql")),
                ("SQLITE", Literal::String("sqlite")),
                ("UNKNOWN", Literal::String("unknown")),
            ]),
        ),
        (
            "isolation",
            Literal::Table(&[
                ("DEFAULT", Literal::String("default")),
                ("READ_UNCOMMITTED", Literal::String("read_uncommitted")),
                ("READ_COMMITTED", Literal::String("read_committed")),
                ("WRITE_COMMITTED", Literal::String("write_committed")),
                ("REPEATABLE_READ", Literal::String("repeatable_read")),
                ("SERIALIZABLE", Literal::String("serializable")),
            ]),
        ),
    ],
};

static AS: Library = Library {
    name: "sql.as",
    global: false,
    natives: &[
        Native::new("int", as_int),
        Native::new("float", as_float),
        Native::new("text", as_text),
        Native::new("binary", as_binary),
        Native::new("null", |vm, _| vm.answer(NULL)),
    ],
    constants: &[],
};

/// `sql.get(id)`
fn get(vm: &mut Vm, args: Args) -> NativeResult {
    let id = args.check_bytes(vm, 0)?;
    let found = match std::str::from_utf8(id) {
        Ok(id) => access::check(vm, "db.get", id).and_then(|()| module::<Sql>(vm).find(&*state(vm).core().entries, id)),
        Err(_) => return errors::fail(vm, NOT_FOUND, "no such database"),
    };
    let (first, second) = match found {
        Ok(database) => (objects::new_db(vm, database), Value::NIL),
        Err(error) => (Value::NIL, to_value(vm, Arc::new(error))),
    };
    vm.push(first)?;
    vm.push(second)?;
    Ok(Flow::Return(2))
}

fn as_int(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.get(vm, 0);
    let int = if value.is_int() {
        value.as_int()
    } else if value.is_float() {
        // Towards zero; what does not fit stops at the ends, and what is not a number is zero.
        value.as_float() as i64
    } else {
        0
    };
    vm.answer(Value::int(int))
}

fn as_float(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.get(vm, 0);
    let float = if value.is_float() {
        value.as_float()
    } else if value.is_int() {
        value.as_int() as f64
    } else {
        0.0
    };
    vm.answer(Value::float(float))
}

fn as_text(vm: &mut Vm, args: Args) -> NativeResult {
    let mut text = Vec::new();
    // Anything but strings and numbers appends nothing.
    append_text(args.get(vm, 0), &mut text);
    let text = String::from_utf8_lossy(&text);
    let text = vm.string(text.as_bytes())?;
    vm.answer(text)
}

fn as_binary(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.get(vm, 0);
    let binary = if value.is_string() { new_object(vm, Arc::new(Binary(string_bytes(value).into()))) } else { NULL };
    vm.answer(binary)
}
