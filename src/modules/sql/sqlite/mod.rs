//! The embedded engine: SQLite's dialect and files (`turso_core`), without a server.
//!
//! There is one connection, and it computes where it is called. A statement is run on the calling worker as long as that is
//! a matter of microseconds: without file operations, and without loops or with an end to them (see [`Course`]). Everything
//! else happens on a thread that may wait, and if its caller is gone, it is interrupted.

mod error;
mod io;
mod statement;

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use turso_core::{Database, DatabaseOpts, IO, MemoryIO, OpenFlags, SqliteDialect};

use self::error::sql_error;
use self::io::Files;
use self::statement::{Course, Statements, Step};
use super::connection::{Answer, Command, Isolation, Request, Want};
use super::error::{SqlError, invalid};
use super::value::{Effect, Rows};
use crate::runtime::errors::{CANCELED, INTERNAL};

/// Instructions of the engine after which a statement on a worker is looked at: well below a millisecond.
const INLINE_INSTRUCTIONS: u64 = 20_000;

/// The connection.
pub struct Sqlite {
    engine: Arc<Mutex<Engine>>,
    /// For interrupts from outside.
    raw: Arc<turso_core::Connection>,
}

/// What only one thread uses at a time.
struct Engine {
    raw: Arc<turso_core::Connection>,
    io: Arc<dyn IO>,
    statements: Statements,
}

/// A statement that is being run.
pub struct Run {
    text: Arc<str>,
    want: Want,
    rows: Rows,
}

/// How far a statement got on a worker.
pub enum Inline {
    /// To its end.
    Finished(Result<Answer, SqlError>),
    /// It has to go on where waiting is allowed.
    Unfinished(Run),
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
            raw.set_progress_handler(INLINE_INSTRUCTIONS, Some(Box::new(io::must_stop)));
            let mut engine = Engine { raw: Arc::clone(&raw), io, statements: Statements::default() };
            engine.command("PRAGMA foreign_keys = ON")?;
            Ok(Sqlite { engine: Arc::new(Mutex::new(engine)), raw })
        })
        .await
    }

    /// Whether a transaction is open.
    pub fn is_in_transaction(&self) -> bool {
        !self.raw.get_auto_commit()
    }

    /// Runs a statement on this thread as far as that takes no time.
    pub fn run_inline(&mut self, request: &Request) -> Inline {
        let Some(mut engine) = self.engine.try_lock() else { return Inline::NotBegun };
        if request.want == Want::Nothing {
            return Inline::NotBegun;
        }
        let course = match engine.course(&request.text) {
            Some(course) => course,
            None => return Inline::NotBegun,
        };
        let may_begin = match course {
            Course::Straight => true,
            // If it takes too long it is interrupted and begun anew elsewhere, which nobody can tell.
            Course::Reads => engine.raw.get_auto_commit(),
            Course::Long => false,
        };
        if !may_begin {
            return Inline::NotBegun;
        }
        let mut run = match engine.begin(request) {
            Ok(run) => run,
            Err(error) => return Inline::Finished(Err(error)),
        };
        match io::without_waiting(course == Course::Reads, || engine.advance(&mut run)) {
            Ok(Step::Done) => Inline::Finished(Ok(engine.answer(run))),
            Ok(Step::MustWait) => Inline::Unfinished(run),
            Ok(Step::Interrupted) => Inline::NotBegun,
            Err(error) => Inline::Finished(Err(error)),
        }
    }

    /// Goes on with a statement where waiting is allowed.
    pub async fn finish(&mut self, mut run: Run) -> Result<Answer, SqlError> {
        self.with_engine(move |engine| match engine.advance(&mut run)? {
            Step::Done => Ok(engine.answer(run)),
            Step::MustWait | Step::Interrupted => Err(SqlError::new(CANCELED, "the statement was interrupted")),
        })
        .await
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

    /// Uses the engine on a thread that may wait. If this future is dropped, the engine is interrupted.
    async fn with_engine<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, SqlError> {
        struct Interrupt(Option<Arc<turso_core::Connection>>);
        impl Drop for Interrupt {
            fn drop(&mut self) {
                if let Some(raw) = &self.0 {
                    raw.interrupt();
                }
            }
        }
        let mut interrupt = Interrupt(Some(Arc::clone(&self.raw)));
        let engine = Arc::clone(&self.engine);
        let result = elsewhere(move || work(&mut engine.lock())).await;
        interrupt.0 = None;
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

impl Engine {
    /// What a statement will do, if it is known already or can be found out.
    fn course(&mut self, text: &Arc<str>) -> Option<Course> {
        self.statements.get(&self.raw, text).ok().map(|statement| statement.course)
    }

    fn begin(&mut self, request: &Request) -> Result<Run, SqlError> {
        let statement = self.statements.get(&self.raw, &request.text)?;
        statement.bind(&request.params)?;
        Ok(Run { text: Arc::clone(&request.text), want: request.want, rows: Rows::new(Vec::new(), request.budget) })
    }

    fn advance(&mut self, run: &mut Run) -> Result<Step, SqlError> {
        let statement = self.statements.get(&self.raw, &run.text)?;
        let rows = (run.want == Want::Rows).then_some(&mut run.rows);
        let step = statement.advance(&*self.io, rows);
        if step.is_err() && !self.raw.get_auto_commit() {
            // A statement that failed stays in the cache, but not in the middle of something.
            self.statements.forget(&run.text);
        }
        step
    }

    fn answer(&mut self, run: Run) -> Answer {
        match run.want {
            Want::Rows => Answer::Rows(run.rows),
            Want::Nothing => Answer::Nothing,
            Want::Effect => Answer::Effect(Effect {
                last_insert_id: self.raw.last_insert_rowid(),
                rows_affected: self.statements.changes(&run.text),
            }),
        }
    }

    fn run(&mut self, request: &Request) -> Result<Answer, SqlError> {
        if request.want == Want::Effect && request.params.is_empty() {
            return self.run_all(request);
        }
        if request.want == Want::Nothing {
            return self.statements.get(&self.raw, &request.text).map(|_| Answer::Nothing);
        }
        let mut run = self.begin(request)?;
        match self.advance(&mut run)? {
            Step::Done => Ok(self.answer(run)),
            Step::MustWait | Step::Interrupted => Err(SqlError::new(CANCELED, "the statement was interrupted")),
        }
    }

    /// Runs the statements of a text one after the other.
    fn run_all(&mut self, request: &Request) -> Result<Answer, SqlError> {
        let mut rest: &str = &request.text;
        let mut answer = None;
        while let Some(end) = Statements::first_end(&self.raw, rest)? {
            let one = Request { text: rest[..end].into(), ..request.clone() };
            let mut run = self.begin(&one)?;
            match self.advance(&mut run)? {
                Step::Done => answer = Some(self.answer(run)),
                Step::MustWait | Step::Interrupted => {
                    return Err(SqlError::new(CANCELED, "the statement was interrupted"));
                }
            }
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
