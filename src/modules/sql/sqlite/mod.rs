//! The embedded engine: SQLite's dialect and files (`turso_core`), without a server.
//!
//! There is one connection, and it computes where it is called. A statement is run on the calling worker as long as that is
//! a matter of microseconds: without file operations, and without loops or with an end to them (see [`Course`]). Everything
//! else happens on a thread that may wait, and if its caller is gone, it is interrupted.

mod error;
mod io;
mod statement;

use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use turso_core::{Database, DatabaseOpts, IO, MemoryIO, OpenFlags, SqliteDialect};

use self::error::sql_error;
use self::io::Files;
use self::statement::{Course, Statements, Step};
use super::connection::{Answer, Command, Isolation, Request, Want};
use super::error::{SqlError, invalid};
use super::value::{Effect, Rows, Tables};
use crate::runtime::errors::{CANCELED, INTERNAL};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::value::Value;

/// Instructions of the engine after which a statement on a worker is looked at: well below a millisecond.
const INLINE_INSTRUCTIONS: u64 = 20_000;

/// The connection.
pub struct Sqlite {
    engine: Arc<Mutex<Engine>>,
    raw: Arc<turso_core::Connection>,
    /// Set when nobody waits any more for what the engine does.
    abandoned: Arc<AtomicBool>,
}

/// What only one thread uses at a time.
struct Engine {
    raw: Arc<turso_core::Connection>,
    io: Arc<dyn IO>,
    statements: Statements,
    abandoned: Arc<AtomicBool>,
}

/// How far a statement got on a worker.
pub enum Inline {
    /// To its end.
    Finished(Result<Answer, SqlError>),
    /// To its end, with rows that are tables already.
    Tables(Result<Value, Box<LuaError>>),
    /// It has these rows, and has to go on where waiting is allowed.
    Unfinished(Rows),
    /// It has not begun.
    NotBegun,
}

impl Sqlite {
    /// Opens a file, or a database in memory.
    pub async fn open(file: Option<PathBuf>) -> Result<Sqlite, SqlError> {
        elsewhere(move || {
            let (io, path): (Arc<dyn IO>, String) = match file {
                None => (Arc::new(MemoryIO::new()), ":memory:".to_owned()),
                Some(path) => {
                    let path = path.to_str().ok_or_else(|| invalid("the path is not UTF-8"))?.to_owned();
                    (Arc::new(Files::new().map_err(sql_error)?), path)
                }
            };
            let options = DatabaseOpts::new().with_vacuum(true).with_generated_columns(true);
            let dialect = Arc::new(SqliteDialect);
            let database =
                Database::open_file_with_flags(Arc::clone(&io), &path, OpenFlags::Create, options, None, dialect)
                    .map_err(sql_error)?;
            let raw = database.connect().map_err(sql_error)?;
            let abandoned = Arc::new(AtomicBool::new(false));
            let asked = Arc::clone(&abandoned);
            let stops = move || asked.load(Ordering::Relaxed) || io::must_stop();
            raw.set_progress_handler(INLINE_INSTRUCTIONS, Some(Box::new(stops)));
            let statements = Statements::default();
            let mut engine = Engine { raw: Arc::clone(&raw), io, statements, abandoned: Arc::clone(&abandoned) };
            engine.command("PRAGMA foreign_keys = ON")?;
            Ok(Sqlite { engine: Arc::new(Mutex::new(engine)), raw, abandoned })
        })
        .await
    }

    /// Whether a transaction is open.
    pub fn is_in_transaction(&self) -> bool {
        !self.raw.get_auto_commit()
    }

    /// Runs a statement on this thread as far as that takes no time. Its parameters are taken unless it has not begun.
    pub fn run_inline(&mut self, vm: &mut Vm, request: &mut Request) -> Inline {
        let Some(mut guard) = self.engine.try_lock() else { return Inline::NotBegun };
        let engine = &mut *guard;
        if request.want == Want::Nothing {
            return Inline::NotBegun;
        }
        // What is wrong with a statement is found out elsewhere.
        let Ok(statement) = engine.statements.get(&engine.raw, &request.text) else { return Inline::NotBegun };
        let (stops, params) = match statement.course {
            Course::Straight => (false, mem::take(&mut request.params)),
            // If it takes too long it is interrupted and begun anew elsewhere, which nobody can tell.
            Course::Reads if engine.raw.get_auto_commit() => (true, request.params.clone()),
            Course::Reads | Course::Long => return Inline::NotBegun,
        };
        if let Err(error) = statement.bind(params) {
            return Inline::Finished(Err(error));
        }
        if request.want == Want::Rows && statement.course == Course::Straight {
            // They are few, and need not be begun anew.
            let mut tables = Tables::new(vm);
            return match io::without_waiting(stops, || statement.advance(&*engine.io, Some(&mut tables))) {
                Ok(Step::Done) => Inline::Tables(tables.finish()),
                Ok(Step::MustWait) => Inline::Unfinished(tables.into_rows(request.budget)),
                Ok(Step::Interrupted) => Inline::NotBegun,
                Err(error) => Inline::Finished(Err(error)),
            };
        }
        let mut rows = Rows::of_unknown_columns(request.budget);
        match io::without_waiting(stops, || statement.advance(&*engine.io, wanted(request.want, &mut rows))) {
            Ok(Step::Done) => Inline::Finished(Ok(answer(&engine.raw, request.want, rows, statement.changes))),
            Ok(Step::MustWait) => Inline::Unfinished(rows),
            Ok(Step::Interrupted) => Inline::NotBegun,
            Err(error) => Inline::Finished(Err(error)),
        }
    }

    /// Goes on with a statement, which has these rows, where waiting is allowed.
    pub async fn finish(&mut self, request: &Request, rows: Rows) -> Result<Answer, SqlError> {
        let request = request.clone();
        self.with_engine(move |engine| engine.finish(&request, rows)).await
    }

    /// Runs a statement to its end.
    pub async fn run(&mut self, request: &Request) -> Result<Answer, SqlError> {
        let request = request.clone();
        self.with_engine(move |engine| engine.run(&request)).await
    }

    /// Does a step of a transaction.
    pub async fn command(&mut self, command: &Command) -> Result<(), SqlError> {
        let command = command.clone();
        self.with_engine(move |engine| engine.transaction(&command)).await
    }

    /// Forgets statements in the middle of their run and rolls back what is open.
    pub async fn recover(&mut self) {
        // Should it fail, the next statement does, too, and says why.
        let _ = self.with_engine(Engine::recover).await;
    }

    /// Writes everything to the file and closes it.
    pub async fn close(self) {
        let raw = Arc::clone(&self.raw);
        // What could not be moved from the log to the file stays in the log.
        let _ = elsewhere(move || raw.close().map_err(sql_error)).await;
    }

    /// Uses the engine on a thread that may wait. If this future is dropped, the engine stops before long;
    /// [`recover`](Sqlite::recover) makes it usable again.
    async fn with_engine<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, SqlError> {
        struct Abandon(Option<Arc<AtomicBool>>);
        impl Drop for Abandon {
            fn drop(&mut self) {
                if let Some(abandoned) = &self.0 {
                    abandoned.store(true, Ordering::Relaxed);
                }
            }
        }
        let mut abandon = Abandon(Some(Arc::clone(&self.abandoned)));
        let engine = Arc::clone(&self.engine);
        let result = elsewhere(move || work(&mut engine.lock())).await;
        abandon.0 = None;
        result
    }
}

/// Runs a function that may wait.
async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SqlError> + Send + 'static,
) -> Result<T, SqlError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(SqlError::new(INTERNAL, "the engine panicked")),
    }
}

/// Where rows go, if they are wanted.
fn wanted(want: Want, rows: &mut Rows) -> Option<&mut Rows> {
    (want == Want::Rows).then_some(rows)
}

/// The answer of a statement at its end.
fn answer(raw: &turso_core::Connection, want: Want, rows: Rows, changes: i64) -> Answer {
    match want {
        Want::Rows => Answer::Rows(rows),
        Want::Nothing => Answer::Nothing,
        Want::Effect => Answer::Effect(Effect { last_insert_id: raw.last_insert_rowid(), rows_affected: changes }),
    }
}

impl Engine {
    fn run(&mut self, request: &Request) -> Result<Answer, SqlError> {
        match request.want {
            Want::Nothing => self.statements.get(&self.raw, &request.text).map(|_| Answer::Nothing),
            Want::Effect if request.params.is_empty() => self.run_all(request),
            Want::Rows | Want::Effect => self.run_one(request),
        }
    }

    fn run_one(&mut self, request: &Request) -> Result<Answer, SqlError> {
        self.statements.get(&self.raw, &request.text)?.bind(request.params.clone())?;
        self.finish(request, Rows::of_unknown_columns(request.budget))
    }

    /// Runs a statement that has its parameters, and these rows, to its end.
    fn finish(&mut self, request: &Request, mut rows: Rows) -> Result<Answer, SqlError> {
        let statement = self.statements.get(&self.raw, &request.text)?;
        match statement.advance(&*self.io, wanted(request.want, &mut rows))? {
            Step::Done => Ok(answer(&self.raw, request.want, rows, statement.changes)),
            Step::MustWait | Step::Interrupted => Err(SqlError::new(CANCELED, "the statement was interrupted")),
        }
    }

    /// Runs the statements of a text one after the other.
    fn run_all(&mut self, request: &Request) -> Result<Answer, SqlError> {
        let mut rest: &str = &request.text;
        let mut answer = None;
        while let Some(end) = Statements::first_end(&self.raw, rest)? {
            answer = Some(self.run_one(&Request { text: rest[..end].into(), ..request.clone() })?);
            rest = &rest[end..];
        }
        answer.ok_or_else(|| invalid("the text contains no statement"))
    }

    fn command(&mut self, text: &str) -> Result<(), SqlError> {
        let request = Request { text: text.into(), params: Vec::new(), want: Want::Rows, budget: usize::MAX };
        self.run(&request).map(drop)
    }

    fn transaction(&mut self, command: &Command) -> Result<(), SqlError> {
        match command {
            Command::Begin { isolation, read_only } => {
                let immediate = *isolation == Isolation::Serializable && !read_only;
                self.command(if immediate { "BEGIN IMMEDIATE" } else { "BEGIN" })?;
                self.raw.set_query_only(*read_only);
                Ok(())
            }
            Command::Commit => self.end("COMMIT"),
            Command::Rollback => self.end("ROLLBACK"),
            Command::Savepoint(name) => self.command(&format!("SAVEPOINT \"{name}\"")),
            Command::RollbackTo(name) => self.command(&format!("ROLLBACK TO \"{name}\"")),
            Command::Release(name) => self.command(&format!("RELEASE \"{name}\"")),
        }
    }

    fn recover(&mut self) -> Result<(), SqlError> {
        self.abandoned.store(false, Ordering::Relaxed);
        self.statements = Statements::default();
        self.io.step().map_err(sql_error)?;
        if self.raw.get_auto_commit() { Ok(()) } else { self.end("ROLLBACK") }
    }

    fn end(&mut self, text: &str) -> Result<(), SqlError> {
        self.raw.set_query_only(false);
        let ended = self.command(text);
        if ended.is_err() && !self.raw.get_auto_commit() {
            // A transaction that could not be committed must not stay on the only connection.
            let _ = self.command("ROLLBACK");
        }
        ended
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // What could not be moved from the log to the file stays in the log.
        let _ = self.raw.close();
    }
}
