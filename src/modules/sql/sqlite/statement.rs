//! Prepared statements of the embedded engine, the most recently used of which are kept.

use std::fmt::{self, Write as _};
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use turso_core::{Connection, IO, Numeric, PreparedProgram, Statement, StepResult, Value};

use super::error::sql_error;
use super::io::must_not_wait;
use crate::modules::sql::error::{SqlError, invalid};
use crate::modules::sql::value::{Cell, Columns, Param, Sink};
use crate::runtime::errors::CONFLICT;

/// Statements that are kept.
const MAX_STATEMENTS: usize = 100;

/// How long a lock held by another program is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// The longest program without loops that counts as short.
const SHORT_PROGRAM: usize = 4_000;

/// What can be foreseen of a statement's run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Course {
    /// No loop: it will be over soon.
    Straight,
    /// Loops, but changes nothing: it can be begun anew.
    Reads,
    /// Whatever else.
    Long,
}

/// How far a statement got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// To its end.
    Done,
    /// It waits for a file or a lock, and this thread must not.
    MustWait,
    /// It was interrupted.
    Interrupted,
}

/// A prepared statement.
pub struct Prepared {
    statement: Statement,
    /// The names of its columns, and the program they are those of: the engine prepares a statement anew when tables have
    /// changed.
    columns: Option<(Columns, Arc<PreparedProgram>)>,
    /// What can be foreseen.
    pub course: Course,
    /// Rows changed by its last run.
    pub changes: i64,
    used: u64,
}

/// The statements that are kept.
#[derive(Default)]
pub struct Statements {
    kept: Vec<Prepared>,
    /// Where they are, by text.
    known: HashMap<Arc<str>, usize>,
    /// The text and the place of the one used last: a program that uses it again mostly has the same text.
    last: Option<(Arc<str>, usize)>,
    uses: u64,
}

impl Statements {
    /// The statement of a text, which must be one and no more.
    pub fn get(&mut self, connection: &Arc<Connection>, text: &Arc<str>) -> Result<&mut Prepared, SqlError> {
        let place = match &self.last {
            Some((last, place)) if Arc::ptr_eq(last, text) => *place,
            _ => {
                let place = self.place(connection, text)?;
                self.last = Some((Arc::clone(text), place));
                place
            }
        };
        self.uses += 1;
        let known = &mut self.kept[place];
        known.used = self.uses;
        Ok(known)
    }

    fn place(&mut self, connection: &Arc<Connection>, text: &Arc<str>) -> Result<usize, SqlError> {
        if let Some(place) = self.known.get(text) {
            return Ok(*place);
        }
        let statement = connection.prepare(&**text).map_err(sql_error)?;
        if Statements::first_end(connection, &text[statement.tail_offset()..])?.is_some() {
            return Err(invalid("one statement is allowed, not several"));
        }
        Ok(self.keep(text, Prepared::new(statement)))
    }

    /// Keeps a statement, if need be in the place of the one that was not used for longest.
    fn keep(&mut self, text: &Arc<str>, prepared: Prepared) -> usize {
        let oldest = self.kept.iter().enumerate().min_by_key(|(_, known)| known.used).map(|(place, _)| place);
        let place = match oldest {
            Some(oldest) if self.kept.len() >= MAX_STATEMENTS => {
                self.known.retain(|_, place| *place != oldest);
                self.kept[oldest] = prepared;
                oldest
            }
            _ => {
                self.kept.push(prepared);
                self.kept.len() - 1
            }
        };
        self.known.insert(Arc::clone(text), place);
        place
    }

    /// Where the first statement of a text ends; `None` if there is none in it.
    pub fn first_end(connection: &Arc<Connection>, text: &str) -> Result<Option<usize>, SqlError> {
        if is_blank(text) {
            return Ok(None);
        }
        Ok(Some(connection.prepare(text).map_err(sql_error)?.tail_offset()))
    }
}

/// Whether a text has only white space, comments and semicolons.
fn is_blank(text: &str) -> bool {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
        rest = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, after)| after)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, after)| after)
        } else {
            return rest.is_empty();
        };
    }
}

/// Instructions one of which may go through a whole table, change the schema, or write to the disk for long.
const LONG: [&str; 11] = [
    "Count",
    "ParseSchema",
    "Destroy",
    "ClearBtree",
    "IntegrityCk",
    "Checkpoint",
    "Vacuum",
    "VacuumInto",
    "JournalMode",
    "Program",
    "SorterSort",
];
/// Instructions that loops are made of.
const LOOPS: [&str; 10] = [
    "Next",
    "Prev",
    "VNext",
    "SorterNext",
    "HashNext",
    "HashProbe",
    "RowSetRead",
    "OpenEphemeral",
    "OpenAutoindex",
    "IndexMethodQuery",
];

fn course(statement: &Statement) -> Course {
    let program = statement.get_program();
    let mut course = if program.insns.len() <= SHORT_PROGRAM { Course::Straight } else { Course::Long };
    for (instruction, _) in &program.insns {
        let name = Name::of(instruction);
        if LONG.contains(&name.as_str()) {
            return Course::Long;
        }
        if course == Course::Straight && LOOPS.contains(&name.as_str()) {
            course = if program.readonly { Course::Reads } else { Course::Long };
        }
    }
    course
}

/// The name of an instruction. The engine keeps the type to itself, but shows it.
#[derive(Default)]
struct Name(String);

impl Name {
    fn of(instruction: &impl fmt::Debug) -> Name {
        let mut name = Name::default();
        // It ends with an error as soon as the name is there.
        let _ = write!(name, "{instruction:?}");
        name
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Write for Name {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = text.find(|c: char| !c.is_alphanumeric());
        self.0.push_str(&text[..end.unwrap_or(text.len())]);
        if end.is_some() { Err(fmt::Error) } else { Ok(()) }
    }
}

impl Prepared {
    fn new(statement: Statement) -> Prepared {
        let course = course(&statement);
        Prepared { statement, columns: None, course, changes: 0, used: 0 }
    }

    /// Gives it its parameters.
    pub fn bind(&mut self, params: Vec<Param>) -> Result<(), SqlError> {
        let wanted = self.statement.parameters_count();
        if params.len() != wanted {
            return Err(invalid(format!("the statement has {wanted} parameters, {} were given", params.len())));
        }
        for (i, param) in params.into_iter().enumerate() {
            let index = NonZero::new(i + 1).expect("one more than a length");
            self.statement.bind_at(index, engine_value(param)).map_err(sql_error)?;
        }
        Ok(())
    }

    /// Runs it to its end, or as far as possible on a thread that must not wait.
    pub fn advance(&mut self, io: &dyn IO, mut rows: Option<&mut impl Sink>) -> Result<Step, SqlError> {
        let mut patience = None;
        let result = loop {
            match self.statement.step() {
                Ok(StepResult::Row) => {
                    let Some(rows) = &mut rows else { continue };
                    let columns = || columns(&mut self.columns, &self.statement);
                    if let Some(row) = self.statement.row()
                        && let Err(error) = rows.add(columns, row.get_values().map(cell))
                    {
                        break Err(error.into());
                    }
                }
                Ok(StepResult::Done) => break Ok(Step::Done),
                Ok(StepResult::Interrupt) => break Ok(Step::Interrupted),
                Ok(StepResult::Yield) => {}
                Ok(_) if must_not_wait() => return Ok(Step::MustWait),
                Ok(StepResult::IO) => {
                    if let Err(error) = io.step() {
                        break Err(sql_error(error));
                    }
                }
                Ok(StepResult::Sleep { duration }) => std::thread::sleep(duration),
                Ok(StepResult::Busy) if *patience.get_or_insert_with(Instant::now) + LOCK_PATIENCE > Instant::now() => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                Ok(StepResult::Busy) => break Err(SqlError::new(CONFLICT, "database is locked")),
                Err(error) => break Err(sql_error(error)),
            }
        };
        self.changes = self.statement.n_change();
        // It has been run or has failed, and what is wrong with it was told then.
        let _ = self.statement.reset();
        result
    }
}

/// The names of a statement's columns, which are looked up if those that are known are not of its program.
fn columns(known: &mut Option<(Columns, Arc<PreparedProgram>)>, statement: &Statement) -> Columns {
    let program = statement.get_program().prepared();
    match known {
        Some((columns, of)) if Arc::ptr_eq(of, program) => Arc::clone(columns),
        _ => {
            let columns: Columns = (0..statement.num_columns()).map(|i| statement.get_column_name(i).into()).collect();
            *known = Some((Arc::clone(&columns), Arc::clone(program)));
            columns
        }
    }
}

fn engine_value(param: Param) -> Value {
    match param {
        Param::Null => Value::Null,
        Param::Bool(b) => Value::from_i64(i64::from(b)),
        Param::Int(i) => Value::from_i64(i),
        Param::Float(f) if f.is_nan() => Value::Null,
        Param::Float(f) => Value::from_f64(f),
        Param::Text(text) => Value::build_text(String::from(text)),
        Param::Blob(bytes) => Value::Blob(bytes.into_vec()),
        Param::Time(time) => Value::build_text(String::from_utf8_lossy(&time.rfc3339()).into_owned()),
    }
}

fn cell(value: &Value) -> Cell<&[u8]> {
    match value {
        Value::Null => Cell::Null,
        Value::Numeric(Numeric::Integer(i)) => Cell::Int(*i),
        Value::Numeric(Numeric::Float(f)) => Cell::Float(f64::from(*f)),
        Value::Text(text) => Cell::Bytes(text.as_str().as_bytes()),
        Value::Blob(bytes) => Cell::Bytes(bytes.as_slice()),
    }
}
