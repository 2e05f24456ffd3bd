//! How the handles of `sql` reach a connection: for one statement from the pool, for a transaction the one it holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use smallvec::smallvec;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::Database;
use super::connection::{Answer, Command, Connection, Request, Want};
use super::error::{SqlError, invalid};
use super::pool::Lease;
use super::sqlite::Inline;
use super::value::{Param, Rows, TooLarge, parameters};
use crate::runtime::errors::to_value;
use crate::runtime::operation::run_future;
use crate::runtime::process_state::state;
use crate::runtime::task::Continuation;
use crate::vm::Vm;
use crate::vm::error::{ErrorKind, LuaError};
use crate::vm::native::{Args, Flow, NativeResult};
use crate::vm::value::Value;

/// MySQL's number for a deadlock, which has rolled the whole transaction back.
const MYSQL_DEADLOCK: &str = "1213";

/// A transaction: the connection it holds, until it is over.
pub struct Open {
    lease: Arc<Mutex<Option<Lease>>>,
    over: AtomicBool,
    engine: &'static str,
}

impl Open {
    /// A transaction that has begun on this connection.
    pub fn new(lease: Lease, engine: &'static str) -> Arc<Open> {
        Arc::new(Open { lease: Arc::new(Mutex::new(Some(lease))), over: AtomicBool::new(false), engine })
    }

    /// What `db_type` answers.
    pub fn engine(&self) -> &'static str {
        self.engine
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Commits or rolls back. From now on it is over, whatever comes of it.
    pub fn end(&self, command: Command) -> impl Future<Output = Result<(), SqlError>> + Send + use<> {
        self.over.store(true, Ordering::Relaxed);
        let lease = Arc::clone(&self.lease);
        async move {
            let mut lease = lease.lock_owned().await.take().ok_or_else(not_active)?;
            lease.set_busy(true);
            let result = lease.connection().command(&command).await;
            lease.set_busy(false);
            if result.is_ok() {
                lease.end();
            }
            result
        }
    }

    /// Sets, uses or forgets a savepoint.
    pub fn savepoint(&self, command: Command) -> impl Future<Output = Result<(), SqlError>> + Send + use<> {
        let lease = Arc::clone(&self.lease);
        async move {
            let mut guard = lease.lock_owned().await;
            let lease = guard.as_mut().ok_or_else(not_active)?;
            lease.set_busy(true);
            let result = lease.connection().command(&command).await;
            lease.set_busy(false);
            result
        }
    }

    /// Gives the connection back; what is open on it is rolled back.
    pub fn abandon(&self) {
        self.over.store(true, Ordering::Relaxed);
        // If a statement is under way, its future has the lease, and drops it with this transaction.
        if let Ok(mut lease) = self.lease.try_lock() {
            *lease = None;
        }
    }
}

/// The error of a transaction that is over.
pub fn not_active() -> SqlError {
    invalid("transaction is not active")
}

/// The error of a statement that would wait for ever.
pub fn only_connection_is_held() -> SqlError {
    invalid(
        "a transaction is open in this process, and the database has one connection: use the handle of the transaction",
    )
}

/// Where a statement is run.
#[derive(Clone)]
pub enum Target {
    /// On any connection.
    Database(Arc<Database>),
    /// On that of a transaction.
    Transaction(Arc<Open>),
}

/// A connection for the time of a statement.
enum Session {
    Pooled(Lease),
    Transaction(OwnedMutexGuard<Option<Lease>>),
}

impl Session {
    fn lease(&mut self) -> Result<&mut Lease, SqlError> {
        match self {
            Session::Pooled(lease) => Ok(lease),
            Session::Transaction(guard) => guard.as_mut().ok_or_else(not_active),
        }
    }
}

impl Target {
    /// The engine.
    pub fn engine(&self) -> &'static str {
        match self {
            Target::Database(database) => database.engine(),
            Target::Transaction(open) => open.engine,
        }
    }

    /// Whether this process may run something there at all.
    ///
    /// # Errors
    /// A transaction that is over; a database whose only connection the process itself holds.
    pub fn check(&self, vm: &mut Vm) -> Result<(), SqlError> {
        match self {
            Target::Transaction(open) if open.is_over() => Err(not_active()),
            Target::Database(database) if database.pool.is_owned_by(state(vm).process().pid) => {
                Err(only_connection_is_held())
            }
            _ => Ok(()),
        }
    }

    /// A connection that is free now, which it is for no process that [`check`](Target::check) refuses.
    fn try_session(&self) -> Option<Session> {
        match self {
            Target::Database(database) => database.pool.try_acquire().map(Session::Pooled),
            Target::Transaction(open) if open.is_over() => None,
            Target::Transaction(open) => Arc::clone(&open.lease).try_lock_owned().ok().map(Session::Transaction),
        }
    }

    async fn session(&self) -> Result<Session, SqlError> {
        match self {
            Target::Database(database) => database.pool.acquire().await.map(Session::Pooled),
            Target::Transaction(open) => Ok(Session::Transaction(Arc::clone(&open.lease).lock_owned().await)),
        }
    }
}

impl Target {
    /// Runs a statement elsewhere.
    pub async fn run(self, request: Request) -> Result<Answer, SqlError> {
        let session = self.session().await?;
        run(session, &request, None, &self).await
    }
}

/// Runs a statement; `operation` begins messages. The embedded engine answers at once if it can.
pub fn submit(vm: &mut Vm, target: &Target, operation: &'static str, mut request: Request) -> NativeResult {
    let engine = target.engine();
    let mut session = if engine == "sqlite" { target.try_session() } else { None };
    if session.is_none()
        && let Err(error) = target.check(vm)
    {
        return refuse(vm, &error, operation, engine);
    }
    let mut unfinished = None;
    if let Some(session) = &mut session
        && let Ok(lease) = session.lease()
        && let Connection::Sqlite(sqlite) = lease.connection()
    {
        match sqlite.run_inline(vm, &mut request) {
            Inline::Finished(result) => {
                let results = conclude(vm, result, operation, engine)?;
                return answer(vm, &results);
            }
            Inline::Tables(value) => {
                let results = succeed_with(vm, value, operation, engine)?;
                return answer(vm, &results);
            }
            Inline::Unfinished(rows) => {
                lease.set_busy(true);
                unfinished = Some(rows);
            }
            Inline::NotBegun => {}
        }
    }
    let target = target.clone();
    let work = async move {
        let session = match session {
            Some(session) => session,
            None => target.session().await?,
        };
        run(session, &request, unfinished, &target).await
    };
    run_future(vm, "database", work, move |vm, result| conclude(vm, result, operation, engine))
}

async fn run(
    mut session: Session,
    request: &Request,
    unfinished: Option<Rows>,
    target: &Target,
) -> Result<Answer, SqlError> {
    let lease = session.lease()?;
    lease.set_busy(true);
    let result = match (lease.connection(), unfinished) {
        (Connection::Sqlite(engine), Some(rows)) => engine.finish(request, rows).await,
        (connection, _) => connection.run(request).await,
    };
    lease.set_busy(false);
    if let (Err(error), Target::Transaction(open)) = (&result, target)
        && open.engine == "mysql"
        && error.code.as_deref() == Some(MYSQL_DEADLOCK)
    {
        drop(session);
        open.abandon();
    }
    result
}

/// Runs a future whose success is told as `true`.
pub fn submit_command(
    vm: &mut Vm,
    operation: &'static str,
    engine: &'static str,
    work: impl Future<Output = Result<(), SqlError>> + Send + 'static,
) -> NativeResult {
    run_future(vm, "database", work, move |vm, result| match result {
        Ok(()) => Ok(smallvec![Value::TRUE, Value::NIL]),
        Err(error) => Ok(smallvec![Value::NIL, error_value(vm, &error, operation, engine)]),
    })
}

/// The results for what came of a statement.
fn conclude(
    vm: &mut Vm,
    result: Result<Answer, SqlError>,
    operation: &'static str,
    engine: &'static str,
) -> Continuation {
    let value = match result {
        Ok(Answer::Rows(rows)) => rows.to_value(vm),
        Ok(Answer::Effect(effect)) => effect.to_value(vm),
        Ok(Answer::Nothing) => Ok(Value::TRUE),
        Err(error) => return Ok(smallvec![Value::NIL, error_value(vm, &error, operation, engine)]),
    };
    succeed_with(vm, value, operation, engine)
}

/// The results for the value of a success, for which there may be no memory.
fn succeed_with(
    vm: &mut Vm,
    value: Result<Value, Box<LuaError>>,
    operation: &'static str,
    engine: &'static str,
) -> Continuation {
    match value {
        Ok(value) => Ok(smallvec![value, Value::NIL]),
        Err(error) if error.kind == ErrorKind::Memory => {
            Ok(smallvec![Value::NIL, error_value(vm, &TooLarge.into(), operation, engine)])
        }
        Err(error) => Err(error),
    }
}

fn error_value(vm: &mut Vm, error: &SqlError, operation: &str, engine: &'static str) -> Value {
    to_value(vm, Arc::new(error.to_data(operation, engine)))
}

fn answer(vm: &mut Vm, results: &[Value]) -> NativeResult {
    vm.push_all(results)?;
    Ok(Flow::Return(results.len() as u32))
}

/// Answers with `nil, error`.
pub fn refuse(vm: &mut Vm, error: &SqlError, operation: &str, engine: &'static str) -> NativeResult {
    let error = error_value(vm, error, operation, engine);
    vm.push(Value::NIL)?;
    vm.push(error)?;
    Ok(Flow::Return(2))
}

/// The statement in argument 1 and its parameters in argument 2; the inner error is one to be answered.
pub fn request(vm: &mut Vm, args: Args, want: Want) -> Result<Result<Request, SqlError>, Box<LuaError>> {
    let bytes = args.check_bytes(vm, 1)?;
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Ok(Err(invalid("the statement is not UTF-8")));
    };
    let table = args.get(vm, 2);
    Ok(parameters(vm, table).map_err(invalid).map(|params| new_request(vm, text.into(), params, want)))
}

/// A statement whose rows may take the memory that is left.
pub fn new_request(vm: &Vm, text: Arc<str>, params: Vec<Param>, want: Want) -> Request {
    Request { text, params, want, budget: vm.heap.headroom() }
}
