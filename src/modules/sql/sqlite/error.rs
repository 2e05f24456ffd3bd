//! Errors of the embedded engine. It tells most of them by text alone, so kinds are found out by matching it.

use turso_core::LimboError;

use crate::modules::sql::error::SqlError;
use crate::runtime::errors::{ALREADY_EXISTS, CANCELED, CONFLICT, INTERNAL, INVALID, UNAVAILABLE};

/// An error of the engine.
pub fn sql_error(error: LimboError) -> SqlError {
    let text = error.to_string();
    let (kind, code) = match &error {
        LimboError::Constraint(_) | LimboError::ForeignKeyConstraint(_) | LimboError::Raise(..) => {
            return constraint(text);
        }
        LimboError::Busy
        | LimboError::BusySnapshot
        | LimboError::TableLocked
        | LimboError::StatementsInProgress(_)
        | LimboError::WriteWriteConflict
        | LimboError::Conflict(_)
        | LimboError::LockingError(_) => (CONFLICT, "SQLITE_BUSY"),
        LimboError::ReadOnly => (INVALID, "SQLITE_READONLY"),
        LimboError::Interrupt => (CANCELED, "SQLITE_INTERRUPT"),
        LimboError::TooBig => (INVALID, "SQLITE_TOOBIG"),
        LimboError::CompletionError(_) | LimboError::IoBackendUnavailable(_) => (UNAVAILABLE, "SQLITE_IOERR"),
        LimboError::Corrupt(_) => (INTERNAL, "SQLITE_CORRUPT"),
        LimboError::NotADB => (INTERNAL, "SQLITE_NOTADB"),
        LimboError::DatabaseFull => (INTERNAL, "SQLITE_FULL"),
        LimboError::OutOfMemory => (INTERNAL, "SQLITE_NOMEM"),
        LimboError::InternalError(_) | LimboError::CheckpointFailed(_) => (INTERNAL, "SQLITE_INTERNAL"),
        // Everything else is something the statement says that cannot be.
        _ => (INVALID, "SQLITE_ERROR"),
    };
    SqlError { code: Some(code.to_owned()), ..SqlError::new(kind, text) }
}

/// The error of a violated constraint: `UNIQUE constraint failed: t.c (19)` and the like.
fn constraint(text: String) -> SqlError {
    let (kind, code) = [
        ("UNIQUE", ALREADY_EXISTS, "SQLITE_CONSTRAINT_UNIQUE"),
        ("PRIMARY KEY", ALREADY_EXISTS, "SQLITE_CONSTRAINT_PRIMARYKEY"),
        ("NOT NULL", INVALID, "SQLITE_CONSTRAINT_NOTNULL"),
        ("CHECK", INVALID, "SQLITE_CONSTRAINT_CHECK"),
        ("FOREIGN KEY", INVALID, "SQLITE_CONSTRAINT_FOREIGNKEY"),
    ]
    .into_iter()
    .find(|(word, ..)| text.contains(word))
    .map_or((INVALID, "SQLITE_CONSTRAINT"), |(_, kind, code)| (kind, code));
    let named = text.split_once("constraint failed: ").map(|(_, name)| name);
    let constraint = named.map(|name| name.split(" (").next().unwrap_or(name).to_owned());
    SqlError { code: Some(code.to_owned()), constraint, ..SqlError::new(kind, text) }
}
