//! One connection, whatever the engine: what pools keep, and statements and transactions use.

use std::sync::Arc;

use super::config::Source;
use super::error::{SqlError, invalid};
use super::mysql::MySql;
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::value::{Effect, Param, Rows};

/// A statement to be run.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its text.
    pub text: Arc<str>,
    /// Its parameters.
    pub params: Vec<Param>,
    /// What is wanted of it.
    pub want: Want,
    /// Bytes its rows may take in the heap.
    pub budget: usize,
}

/// What is wanted of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// Its rows.
    Rows,
    /// What it has done.
    Effect,
    /// To know that it can be run.
    Nothing,
}

/// What a statement gave.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Answer {
    Rows(Rows),
    Effect(Effect),
    Nothing,
}

/// How a transaction sees others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub enum Isolation {
    #[default]
    Default,
    ReadUncommitted,
    ReadCommitted,
    WriteCommitted,
    RepeatableRead,
    Serializable,
}

impl Isolation {
    const WORDS: [(&str, Isolation); 6] = [
        ("default", Isolation::Default),
        ("read_uncommitted", Isolation::ReadUncommitted),
        ("read_committed", Isolation::ReadCommitted),
        ("write_committed", Isolation::WriteCommitted),
        ("repeatable_read", Isolation::RepeatableRead),
        ("serializable", Isolation::Serializable),
    ];

    /// The level for the word that programs use.
    pub fn from_word(word: &[u8]) -> Option<Isolation> {
        Isolation::WORDS.iter().find(|(known, _)| known.as_bytes() == word).map(|(_, level)| *level)
    }

    /// The words of the standard; `None` for what only the engine can say.
    pub fn standard(self) -> Result<Option<&'static str>, SqlError> {
        Ok(Some(match self {
            Isolation::Default => return Ok(None),
            Isolation::ReadUncommitted => "READ UNCOMMITTED",
            Isolation::ReadCommitted => "READ COMMITTED",
            Isolation::WriteCommitted => return Err(invalid("the engine has no isolation level write_committed")),
            Isolation::RepeatableRead => "REPEATABLE READ",
            Isolation::Serializable => "SERIALIZABLE",
        }))
    }
}

/// A step of a transaction. Names are identifiers.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Command {
    Begin { isolation: Isolation, read_only: bool },
    Commit,
    Rollback,
    Savepoint(String),
    RollbackTo(String),
    Release(String),
}

/// A connection.
pub enum Connection {
    /// The embedded engine.
    Sqlite(Sqlite),
    /// A session on a server.
    Postgres(Box<Postgres>),
    /// A session on a server.
    MySql(Box<MySql>),
}

impl Connection {
    /// Opens one.
    pub async fn open(source: &Source) -> Result<Connection, SqlError> {
        Ok(match source {
            Source::Sqlite(file) => Connection::Sqlite(Sqlite::open(file.clone()).await?),
            Source::Postgres(server) => Connection::Postgres(Box::new(Postgres::connect(server).await?)),
            Source::MySql(server) => Connection::MySql(Box::new(MySql::connect(server).await?)),
        })
    }

    /// Whether it cannot be used any more.
    pub fn is_lost(&self) -> bool {
        match self {
            Connection::Sqlite(_) => false,
            Connection::Postgres(session) => session.is_lost(),
            Connection::MySql(session) => session.is_lost(),
        }
    }

    /// Whether a transaction is open, be it by a statement that nobody knows as its beginning.
    pub fn is_in_transaction(&self) -> bool {
        match self {
            Connection::Sqlite(engine) => engine.is_in_transaction(),
            Connection::Postgres(session) => session.is_in_transaction(),
            // It is not told, so nothing can be done about `START TRANSACTION` as a statement.
            Connection::MySql(_) => false,
        }
    }

    /// Whether it is replaced by a fresh one from time to time. (A database in memory would be gone with it.)
    pub fn ages(&self) -> bool {
        !matches!(self, Connection::Sqlite(_))
    }

    /// Runs a statement to its end.
    pub async fn run(&mut self, request: &Request) -> Result<Answer, SqlError> {
        match self {
            Connection::Sqlite(engine) => engine.run(request).await,
            Connection::Postgres(session) => session.run(request).await,
            Connection::MySql(session) => session.run(request).await,
        }
    }

    /// Does a step of a transaction.
    pub async fn command(&mut self, command: &Command) -> Result<(), SqlError> {
        match self {
            Connection::Sqlite(engine) => engine.command(command).await,
            Connection::Postgres(session) => session.command(command).await,
            Connection::MySql(session) => session.command(command).await,
        }
    }

    /// Rolls an open transaction back. If a statement was abandoned, its session on a server is ended.
    pub async fn recover(self, abandoned: bool) -> Option<Connection> {
        match self {
            Connection::Sqlite(mut engine) => {
                engine.recover().await;
                Some(Connection::Sqlite(engine))
            }
            Connection::Postgres(session) if abandoned => {
                session.cancel().await;
                None
            }
            Connection::MySql(session) if abandoned => {
                session.cancel().await;
                None
            }
            mut session => match session.command(&Command::Rollback).await {
                Ok(()) => Some(session),
                Err(_) => None,
            },
        }
    }

    /// Says goodbye.
    pub async fn close(self) {
        match self {
            Connection::Sqlite(engine) => engine.close().await,
            Connection::Postgres(session) => session.close().await,
            Connection::MySql(session) => session.close().await,
        }
    }
}
