//! PostgreSQL: sessions over the frontend/backend protocol, version 3.
//!
//! Parameters and results travel as text: the server decides what a parameter is and converts it, and a result is seen as
//! the server prints it. Statements are prepared when they are first run, and the most recently used are kept.
//!
//! | file | owns |
//! | --- | --- |
//! | `wire` | the stream of messages |
//! | `startup` | TLS, authentication, session parameters |
//! | `text` | values as text and back |
//! | `error` | what the server complains of |

mod error;
mod startup;
mod text;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use fallible_iterator::FallibleIterator;
use hashbrown::HashMap;
use postgres_protocol::message::backend::{DataRowBody, Message};
use postgres_protocol::message::frontend;

use self::text::Column;
use self::wire::Wire;
use super::config::Server;
use super::connection::{Answer, Command, Request, Want};
use super::error::{SqlError, invalid};
use super::value::{Cell, Effect, Rows};
use crate::runtime::errors::{INTERNAL, INVALID};

/// Statements that are kept.
const MAX_STATEMENTS: usize = 100;

/// How long saying that a statement is not wanted any more may take.
const CANCEL_PATIENCE: Duration = Duration::from_secs(5);

/// The states in which the server can wait for the next command.
mod status {
    pub const IDLE: u8 = b'I';
    pub const FAILED: u8 = b'E';
}

/// A session.
pub struct Postgres {
    wire: Wire,
    /// For another connection that cancels what this one does.
    server: Server,
    cancel_key: Option<(i32, i32)>,
    statements: HashMap<Arc<str>, Prepared>,
    /// Counts statements, for their names, and uses.
    counter: u64,
    /// What the server said last of its transaction.
    status: u8,
}

struct Prepared {
    name: String,
    parameters: usize,
    columns: Arc<[Column]>,
    used: u64,
}

/// SQLSTATEs of statements that have to be prepared anew: the tables have changed, or the server has forgotten them.
const STALE: [&str; 2] = ["0A000", "26000"];

/// Which part of the protocol a round of messages belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// A text is sent, and that is all.
    Simple,
    /// Statements are prepared, bound and executed; a round ends with a message of its own.
    Extended,
}

/// What a round of messages gave.
#[derive(Default)]
struct Round {
    error: Option<SqlError>,
    tag: String,
    parameters: usize,
    columns: Option<Arc<[Column]>>,
}

impl Postgres {
    /// Begins a session.
    pub async fn connect(server: &Server) -> Result<Postgres, SqlError> {
        let (wire, cancel_key) = startup::connect(server).await?;
        Ok(Postgres {
            wire,
            server: server.clone(),
            cancel_key,
            statements: HashMap::new(),
            counter: 0,
            status: status::IDLE,
        })
    }

    /// Whether the session has ended.
    pub fn is_lost(&self) -> bool {
        self.wire.is_lost()
    }

    /// Whether a transaction is open.
    pub fn is_in_transaction(&self) -> bool {
        self.status != status::IDLE
    }

    /// Runs a statement to its end.
    pub async fn run(&mut self, request: &Request) -> Result<Answer, SqlError> {
        match request.want {
            Want::Effect if request.params.is_empty() => self.run_text(&request.text).await.map(Answer::Effect),
            Want::Nothing => self.prepare(&request.text).await.map(|_| Answer::Nothing),
            _ => match self.run_prepared(request).await {
                Err(error) if self.status == status::IDLE && is_stale(&error) => {
                    self.forget(&request.text)?;
                    self.run_prepared(request).await
                }
                result => result,
            },
        }
    }

    async fn run_prepared(&mut self, request: &Request) -> Result<Answer, SqlError> {
        let (name, parameters, columns) = self.prepare(&request.text).await?;
        if request.params.len() != parameters {
            let given = request.params.len();
            return Err(invalid(format!("the statement has {parameters} parameters, {given} were given")));
        }
        let write = |param: &_, buffer: &mut bytes::BytesMut| Ok(text::write_parameter(param, buffer));
        frontend::bind("", &name, [], &request.params, write, [], self.wire.output())
            .map_err(|_| invalid("a parameter is too large"))?;
        self.wire.append(|buffer| frontend::execute("", 0, buffer))?;
        self.wire.append(|buffer| {
            frontend::sync(buffer);
            Ok(())
        })?;
        let names = match request.want {
            Want::Rows => columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>(),
            Want::Effect | Want::Nothing => Vec::new(),
        };
        let mut rows = Rows::new(names, request.budget);
        let want_rows = request.want == Want::Rows;
        let round = self
            .round(Protocol::Extended, |row| if want_rows { push_row(&mut rows, &columns, row) } else { Ok(()) })
            .await?;
        Ok(match request.want {
            Want::Rows => Answer::Rows(rows),
            Want::Effect | Want::Nothing => Answer::Effect(effect(&round.tag)),
        })
    }

    /// Runs the statements of a text, which has no parameters.
    async fn run_text(&mut self, text: &str) -> Result<Effect, SqlError> {
        self.wire.append(|buffer| frontend::query(text, buffer))?;
        let round = self.round(Protocol::Simple, |_| Ok(())).await?;
        Ok(effect(&round.tag))
    }

    /// Does a step of a transaction.
    pub async fn command(&mut self, command: &Command) -> Result<(), SqlError> {
        let failed = self.status == status::FAILED;
        let text = match command {
            Command::Begin { isolation, read_only } => {
                let level = isolation.standard()?.map(|level| format!(" ISOLATION LEVEL {level}")).unwrap_or_default();
                format!("BEGIN{level}{}", if *read_only { " READ ONLY" } else { "" })
            }
            Command::Commit => "COMMIT".to_owned(),
            Command::Rollback => "ROLLBACK".to_owned(),
            Command::Savepoint(name) => format!("SAVEPOINT \"{name}\""),
            Command::RollbackTo(name) => format!("ROLLBACK TO SAVEPOINT \"{name}\""),
            Command::Release(name) => format!("RELEASE SAVEPOINT \"{name}\""),
        };
        self.run_text(&text).await?;
        if failed && *command == Command::Commit {
            return Err(invalid("the transaction had failed and was rolled back"));
        }
        Ok(())
    }

    /// The prepared statement of a text: name, number of parameters, columns.
    async fn prepare(&mut self, text: &Arc<str>) -> Result<(String, usize, Arc<[Column]>), SqlError> {
        self.counter += 1;
        let used = self.counter;
        if let Some(known) = self.statements.get_mut(text) {
            known.used = used;
            return Ok((known.name.clone(), known.parameters, Arc::clone(&known.columns)));
        }
        if self.statements.len() >= MAX_STATEMENTS
            && let Some(oldest) =
                self.statements.iter().min_by_key(|(_, known)| known.used).map(|(text, _)| text.clone())
        {
            self.forget(&oldest)?;
        }
        let name = format!("s{used}");
        self.wire.append(|buffer| frontend::parse(&name, text, [], buffer))?;
        self.wire.append(|buffer| frontend::describe(b'S', &name, buffer))?;
        self.wire.append(|buffer| {
            frontend::sync(buffer);
            Ok(())
        })?;
        let round = self.round(Protocol::Extended, |_| Ok(())).await?;
        let columns = round.columns.unwrap_or_default();
        let known = Prepared { name: name.clone(), parameters: round.parameters, columns: Arc::clone(&columns), used };
        self.statements.insert(Arc::clone(text), known);
        Ok((name, round.parameters, columns))
    }

    /// Forgets a prepared statement; the server hears of it with the next message.
    fn forget(&mut self, text: &Arc<str>) -> Result<(), SqlError> {
        match self.statements.remove(text) {
            Some(known) => self.wire.append(|buffer| frontend::close(b'S', &known.name, buffer)),
            None => Ok(()),
        }
    }

    /// Sends what has been written and reads until the server waits for more. Of several errors the first counts; of several
    /// statements the last.
    async fn round(
        &mut self,
        protocol: Protocol,
        mut on_row: impl FnMut(&DataRowBody) -> Result<(), SqlError>,
    ) -> Result<Round, SqlError> {
        self.wire.flush().await?;
        let mut round = Round::default();
        let unreadable = |_| SqlError::new(INTERNAL, "the server sent something unreadable");
        loop {
            match self.wire.next().await? {
                Message::DataRow(row) => {
                    if round.error.is_none()
                        && let Err(error) = on_row(&row)
                    {
                        // The rest is read and dropped.
                        round.error = Some(error);
                    }
                }
                Message::CommandComplete(body) => round.tag = body.tag().map_err(unreadable)?.to_owned(),
                Message::ParameterDescription(body) => {
                    round.parameters = body.parameters().count().map_err(unreadable)?
                }
                Message::RowDescription(body) => {
                    let columns = body.fields().map(|field| Ok(Column::new(field.name(), field.type_oid())));
                    let columns: Vec<Column> = columns.collect().map_err(unreadable)?;
                    round.columns = Some(columns.into());
                }
                Message::ErrorResponse(body) => {
                    let error = error::server_error(&body);
                    round.error.get_or_insert(error);
                }
                Message::CopyInResponse(_) => {
                    self.wire.append(|buffer| frontend::copy_fail("COPY is not supported", buffer))?;
                    if protocol == Protocol::Extended {
                        // The one that was sent before is overlooked by a server that waits for data.
                        self.wire.append(|buffer| {
                            frontend::sync(buffer);
                            Ok(())
                        })?;
                    }
                    self.wire.flush().await?;
                    round.error.get_or_insert(SqlError::new(INVALID, "COPY is not supported"));
                }
                Message::ReadyForQuery(body) => {
                    self.status = body.status();
                    break;
                }
                _ => {}
            }
        }
        match round.error.take() {
            Some(error) => Err(error),
            None => Ok(round),
        }
    }

    /// Asks the server to stop what this session does, and ends the session.
    pub async fn cancel(self) {
        let Some((process, secret)) = self.cancel_key else { return };
        // Without an answer the server finds out when it writes to the closed connection.
        let _ = tokio::time::timeout(CANCEL_PATIENCE, startup::cancel(&self.server, process, secret)).await;
    }

    /// Ends the session.
    pub async fn close(mut self) {
        let said = self.wire.append(|buffer| {
            frontend::terminate(buffer);
            Ok(())
        });
        if said.is_ok() {
            // The server notices the end of the connection, too.
            let _ = self.wire.flush().await;
        }
    }
}

fn is_stale(error: &SqlError) -> bool {
    error.code.as_deref().is_some_and(|code| STALE.contains(&code))
}

fn push_row(rows: &mut Rows, columns: &[Column], row: &DataRowBody) -> Result<(), SqlError> {
    let mut ranges = row.ranges();
    let cells = columns.iter().map(|column| match ranges.next() {
        Ok(Some(Some(range))) => column.cell(&row.buffer()[range]),
        _ => Cell::Null,
    });
    Ok(rows.push(cells)?)
}

/// What a command has done, of its tag: `INSERT 0 5`, `UPDATE 3`.
fn effect(tag: &str) -> Effect {
    let rows_affected = match tag.split(' ').next() {
        Some("INSERT" | "UPDATE" | "DELETE" | "MERGE" | "COPY") => {
            tag.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)
        }
        _ => 0,
    };
    Effect { last_insert_id: 0, rows_affected }
}
