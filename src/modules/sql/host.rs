//! What other modules do with a database: statements that nobody's handle is used for.

use std::sync::Arc;

use super::Database;
use super::config::Source;
use super::connection::{Answer, Request, Want};
use super::error::SqlError;
use super::handle::{Target, only_connection_is_held};
use super::value::{Param, Rows};
use crate::runtime::errors::ErrorData;
use crate::runtime::pid::Pid;

impl Database {
    /// Whether it outlives the program.
    pub fn is_durable(&self) -> bool {
        !matches!(self.pool.config().source, Source::Sqlite(None))
    }

    /// Whether statements for a process would ever get a connection.
    ///
    /// # Errors
    /// `Invalid` if a transaction of the process itself holds the only one.
    pub fn check(&self, process: Pid) -> Result<(), ErrorData> {
        match self.pool.is_owned_by(process) {
            true => Err(only_connection_is_held().to_data("query", self.engine())),
            false => Ok(()),
        }
    }

    /// The rows that a statement gives, which may take so many bytes.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn query(
        self: &Arc<Self>,
        text: impl Into<Arc<str>>,
        params: Vec<Param>,
        budget: usize,
    ) -> Result<Rows, ErrorData> {
        let request = Request { text: text.into(), params, want: Want::Rows, budget };
        match self.run(request).await {
            Ok(Answer::Rows(rows)) => Ok(rows),
            Ok(_) => Ok(Rows::default()),
            Err(error) => Err(error.to_data("query", self.engine())),
        }
    }

    /// How many rows a statement has changed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn execute(self: &Arc<Self>, text: impl Into<Arc<str>>, params: Vec<Param>) -> Result<i64, ErrorData> {
        let request = Request { text: text.into(), params, want: Want::Effect, budget: 0 };
        match self.run(request).await {
            Ok(Answer::Effect(effect)) => Ok(effect.rows_affected),
            Ok(_) => Ok(0),
            Err(error) => Err(error.to_data("execute", self.engine())),
        }
    }

    async fn run(self: &Arc<Self>, request: Request) -> Result<Answer, SqlError> {
        Target::Database(Arc::clone(self)).run(request).await
    }
}
