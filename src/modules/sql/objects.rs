//! The objects programs hold: `sql.DB`, `sql.Statement` and `sql.Transaction` (`modules.md` §2.3, §2.6, §2.7).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use smallvec::smallvec;

use super::Database;
use super::connection::{Command, Isolation, Request, Want};
use super::error::{SqlError, invalid};
use super::handle::{Open, Target, new_request, not_active, refuse, request, submit, submit_command};
use super::value::parameters;
use crate::modules::succeed;
use crate::runtime::errors::to_value;
use crate::runtime::module::object::{Object, new_object, this};
use crate::runtime::operation::run_future;
use crate::runtime::process_state::state;
use crate::runtime::time::Duration;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// A handle on a database.
pub struct Db {
    pub(super) database: Arc<Database>,
    released: AtomicBool,
}

static DB: Class = Class {
    name: "sql.DB",
    methods: &[
        Native::new("type", db_type),
        Native::new("query", |vm, args| db_run(vm, args, "query", Want::Rows)),
        Native::new("execute", |vm, args| db_run(vm, args, "execute", Want::Effect)),
        Native::new("prepare", db_prepare),
        Native::new("begin", begin),
        Native::new("stats", stats),
        Native::new("release", release),
    ],
    metamethods: &[Native::new("__tostring", db_text)],
};

impl Object for Db {
    fn class() -> &'static Class {
        &DB
    }

    fn release(&self) {
        self.released.store(true, Ordering::Relaxed);
    }
}

/// A transaction.
pub struct Transaction(pub(super) Arc<Open>);

static TRANSACTION: Class = Class {
    name: "sql.Transaction",
    methods: &[
        Native::new("db_type", tx_type),
        Native::new("query", |vm, args| tx_run(vm, args, "tx query", Want::Rows)),
        Native::new("execute", |vm, args| tx_run(vm, args, "tx execute", Want::Effect)),
        Native::new("prepare", tx_prepare),
        Native::new("savepoint", |vm, args| savepoint(vm, args, "tx savepoint", Command::Savepoint)),
        Native::new("rollback_to", |vm, args| savepoint(vm, args, "tx rollback_to", Command::RollbackTo)),
        Native::new("release", |vm, args| savepoint(vm, args, "tx release", Command::Release)),
        Native::new("commit", |vm, args| end(vm, args, "tx commit", Command::Commit)),
        Native::new("rollback", |vm, args| end(vm, args, "tx rollback", Command::Rollback)),
    ],
    metamethods: &[Native::new("__tostring", tx_text)],
};

impl Object for Transaction {
    fn class() -> &'static Class {
        &TRANSACTION
    }

    fn release(&self) {
        self.0.abandon();
    }
}

/// A statement: its text, and where it is run. Connections keep what they have prepared.
pub struct Statement {
    target: Target,
    text: Arc<str>,
    closed: AtomicBool,
}

static STATEMENT: Class = Class {
    name: "sql.Statement",
    methods: &[
        Native::new("query", |vm, args| stmt_run(vm, args, "stmt query", Want::Rows)),
        Native::new("execute", |vm, args| stmt_run(vm, args, "stmt execute", Want::Effect)),
        Native::new("close", close),
    ],
    metamethods: &[Native::new("__tostring", stmt_text)],
};

impl Object for Statement {
    fn class() -> &'static Class {
        &STATEMENT
    }

    fn release(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

fn receiver<T: Object>(vm: &mut Vm, args: Args) -> Result<Arc<T>, Box<LuaError>> {
    match this(args.get(vm, 0)) {
        Some(object) => Ok(object),
        None => Err(vm.type_error(0, T::class().name, args.try_get(vm, 0))),
    }
}

fn answer_text(vm: &mut Vm, text: &str) -> NativeResult {
    let text = vm.string(text.as_bytes())?;
    vm.answer(text)
}

// ---- databases

/// A handle as a value.
pub fn new_db(vm: &mut Vm, database: Arc<Database>) -> Value {
    new_object(vm, Arc::new(Db { database, released: AtomicBool::new(false) }))
}

impl Db {
    /// The database, unless the handle was released.
    pub(super) fn target(&self) -> Result<Target, SqlError> {
        match self.released.load(Ordering::Relaxed) {
            true => Err(invalid("the database handle is released")),
            false => Ok(Target::Database(Arc::clone(&self.database))),
        }
    }
}

fn db_text(vm: &mut Vm, args: Args) -> NativeResult {
    let db = receiver::<Db>(vm, args)?;
    let what = if db.target().is_err() { "released" } else { db.database.engine() };
    answer_text(vm, &format!("sql.DB{{{what}}}"))
}

fn db_type(vm: &mut Vm, args: Args) -> NativeResult {
    let db = receiver::<Db>(vm, args)?;
    let engine = db.database.engine();
    match db.target() {
        Ok(_) => {
            let engine = vm.string(engine.as_bytes())?;
            succeed(vm, engine)
        }
        Err(error) => refuse(vm, &error, "type", engine),
    }
}

fn db_run(vm: &mut Vm, args: Args, operation: &'static str, want: Want) -> NativeResult {
    let db = receiver::<Db>(vm, args)?;
    let request = request(vm, args, want)?;
    match db.target().and_then(|target| Ok((target, request?))) {
        Ok((target, request)) => submit(vm, &target, operation, request),
        Err(error) => refuse(vm, &error, operation, db.database.engine()),
    }
}

fn db_prepare(vm: &mut Vm, args: Args) -> NativeResult {
    let db = receiver::<Db>(vm, args)?;
    let engine = db.database.engine();
    prepare(vm, args, "prepare", db.target(), engine)
}

fn begin(vm: &mut Vm, args: Args) -> NativeResult {
    let db = receiver::<Db>(vm, args)?;
    let engine = db.database.engine();
    let options = args.get(vm, 1);
    let checked = match db.target() {
        Ok(target) => target.check(vm),
        Err(error) => Err(error),
    };
    let command = match checked {
        Ok(()) => begin_command(vm, options),
        Err(error) => Err(error),
    };
    let command = match command {
        Ok(command) => command,
        Err(error) => return refuse(vm, &error, "begin", engine),
    };
    let owner = state(vm).process().pid;
    let database = Arc::clone(&db.database);
    let work = async move {
        let mut lease = database.pool.acquire().await?;
        lease.set_busy(true);
        lease.begin(owner);
        let begun = lease.connection().command(&command).await;
        lease.set_busy(false);
        if begun.is_err() {
            lease.end();
        }
        begun.map(|()| Open::new(lease, engine))
    };
    run_future(vm, "database", work, move |vm, result: Result<_, SqlError>| match result {
        Ok(open) => Ok(smallvec![new_object(vm, Arc::new(Transaction(open))), Value::NIL]),
        Err(error) => Ok(smallvec![Value::NIL, to_value(vm, Arc::new(error.to_data("begin", engine)))]),
    })
}

fn begin_command(vm: &mut Vm, options: Value) -> Result<Command, SqlError> {
    let (mut isolation, mut read_only) = (Isolation::Default, false);
    if options.is_table() {
        let mut field = |name| vm.raw_get_name(options.as_table(), name).unwrap_or(Value::NIL);
        let (level, only) = (field("isolation"), field("read_only"));
        if !level.is_nil() {
            let known = if level.is_string() { Isolation::from_word(string_bytes(level)) } else { None };
            isolation = known.ok_or_else(|| invalid("unknown isolation level"))?;
        }
        read_only = match only {
            only if only.is_nil() => false,
            only if only.same(Value::TRUE) || only.same(Value::FALSE) => only.is_true(),
            _ => return Err(invalid("read_only must be a boolean")),
        };
    } else if !options.is_nil() {
        return Err(invalid("options must be a table"));
    }
    Ok(Command::Begin { isolation, read_only })
}

fn stats(vm: &mut Vm, args: Args) -> NativeResult {
    let db = receiver::<Db>(vm, args)?;
    if let Err(error) = db.target() {
        return refuse(vm, &error, "stats", db.database.engine());
    }
    let counts = db.database.pool.counts();
    let waited = Duration(i64::try_from(counts.waited.as_nanos()).unwrap_or(i64::MAX)).to_string();
    let table = vm.new_table(0, 9);
    let waited = vm.string(waited.as_bytes())?;
    for (name, value) in [
        ("max_open_connections", Value::int(i64::from(db.database.pool.config().limits.max_open))),
        ("open_connections", Value::int(i64::from(counts.open))),
        ("in_use", Value::int(i64::from(counts.open.saturating_sub(counts.idle)))),
        ("idle", Value::int(i64::from(counts.idle))),
        ("wait_count", Value::int(counts.waits as i64)),
        ("wait_duration", waited),
        ("max_idle_closed", Value::int(counts.max_idle_closed as i64)),
        // Connections are not closed for having been idle for long.
        ("max_idle_time_closed", Value::int(0)),
        ("max_lifetime_closed", Value::int(counts.max_lifetime_closed as i64)),
    ] {
        vm.raw_set_name(table, name, value)?;
    }
    succeed(vm, Value::table(table))
}

fn release(vm: &mut Vm, args: Args) -> NativeResult {
    Object::release(&*receiver::<Db>(vm, args)?);
    succeed(vm, Value::TRUE)
}

// ---- transactions

fn tx_text(vm: &mut Vm, args: Args) -> NativeResult {
    let tx = receiver::<Transaction>(vm, args)?;
    let what = if tx.0.is_over() { "over" } else { tx.0.engine() };
    answer_text(vm, &format!("sql.Transaction{{{what}}}"))
}

fn tx_type(vm: &mut Vm, args: Args) -> NativeResult {
    let tx = receiver::<Transaction>(vm, args)?;
    if tx.0.is_over() {
        return refuse(vm, &not_active(), "tx db_type", tx.0.engine());
    }
    let engine = vm.string(tx.0.engine().as_bytes())?;
    succeed(vm, engine)
}

fn tx_run(vm: &mut Vm, args: Args, operation: &'static str, want: Want) -> NativeResult {
    let tx = receiver::<Transaction>(vm, args)?;
    match request(vm, args, want)? {
        Ok(request) => submit(vm, &Target::Transaction(Arc::clone(&tx.0)), operation, request),
        Err(error) => refuse(vm, &error, operation, tx.0.engine()),
    }
}

fn tx_prepare(vm: &mut Vm, args: Args) -> NativeResult {
    let tx = receiver::<Transaction>(vm, args)?;
    let engine = tx.0.engine();
    prepare(vm, args, "tx prepare", Ok(Target::Transaction(Arc::clone(&tx.0))), engine)
}

fn savepoint(vm: &mut Vm, args: Args, operation: &'static str, command: fn(String) -> Command) -> NativeResult {
    let tx = receiver::<Transaction>(vm, args)?;
    let engine = tx.0.engine();
    let name = args.check_bytes(vm, 1)?;
    if tx.0.is_over() {
        return refuse(vm, &not_active(), operation, engine);
    }
    let is_name = name.first().is_some_and(|first| !first.is_ascii_digit())
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    if !is_name {
        return refuse(vm, &invalid("not a name of a savepoint"), operation, engine);
    }
    let name = String::from_utf8_lossy(name).into_owned();
    submit_command(vm, operation, engine, tx.0.savepoint(command(name)))
}

fn end(vm: &mut Vm, args: Args, operation: &'static str, command: Command) -> NativeResult {
    let tx = receiver::<Transaction>(vm, args)?;
    let engine = tx.0.engine();
    if tx.0.is_over() {
        return refuse(vm, &not_active(), operation, engine);
    }
    submit_command(vm, operation, engine, tx.0.end(command))
}

// ---- statements

/// Has the statement of argument 1 looked at, and answers with a handle on it.
fn prepare(
    vm: &mut Vm,
    args: Args,
    operation: &'static str,
    target: Result<Target, SqlError>,
    engine: &'static str,
) -> NativeResult {
    let bytes = args.check_bytes(vm, 1)?;
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Arc::<str>::from(text)),
        Err(_) => Err(invalid("the statement is not UTF-8")),
    };
    let checked = match target {
        Ok(target) => target.check(vm).and_then(|()| Ok((target, text?))),
        Err(error) => Err(error),
    };
    let (target, text) = match checked {
        Ok(checked) => checked,
        Err(error) => return refuse(vm, &error, operation, engine),
    };
    let request = Request { text: Arc::clone(&text), params: Vec::new(), want: Want::Nothing, budget: 0 };
    let work = target.clone().run(request);
    run_future(vm, "database", work, move |vm, result| match result {
        Ok(_) => {
            let statement = Statement { target, text, closed: AtomicBool::new(false) };
            Ok(smallvec![new_object(vm, Arc::new(statement)), Value::NIL])
        }
        Err(error) => Ok(smallvec![Value::NIL, to_value(vm, Arc::new(error.to_data(operation, engine)))]),
    })
}

impl Statement {
    /// Unless it is closed, as it is with the transaction it belongs to.
    fn check(&self) -> Result<(), SqlError> {
        let with_transaction = matches!(&self.target, Target::Transaction(open) if open.is_over());
        match with_transaction || self.closed.load(Ordering::Relaxed) {
            true => Err(invalid("statement is closed")),
            false => Ok(()),
        }
    }
}

fn stmt_text(vm: &mut Vm, args: Args) -> NativeResult {
    let statement = receiver::<Statement>(vm, args)?;
    let what = if statement.check().is_err() { "closed" } else { statement.target.engine() };
    answer_text(vm, &format!("sql.Statement{{{what}}}"))
}

fn stmt_run(vm: &mut Vm, args: Args, operation: &'static str, want: Want) -> NativeResult {
    let statement = receiver::<Statement>(vm, args)?;
    let table = args.get(vm, 1);
    let params = match statement.check() {
        Ok(()) => parameters(vm, table).map_err(invalid),
        Err(error) => Err(error),
    };
    match params {
        Ok(params) => {
            let request = new_request(vm, Arc::clone(&statement.text), params, want);
            submit(vm, &statement.target, operation, request)
        }
        Err(error) => refuse(vm, &error, operation, statement.target.engine()),
    }
}

fn close(vm: &mut Vm, args: Args) -> NativeResult {
    let statement = receiver::<Statement>(vm, args)?;
    match statement.check() {
        Ok(()) => {
            Object::release(&*statement);
            succeed(vm, Value::TRUE)
        }
        Err(error) => refuse(vm, &error, "stmt close", statement.target.engine()),
    }
}
