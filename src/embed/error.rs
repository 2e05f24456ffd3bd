//! Errors as a host sees them.

use super::handle::Value;

/// The result of most functions of this API.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source does not parse or compile; the text is Lua's message with chunk and line.
    #[error("{0}")]
    Syntax(String),
    /// An error that Lua code (or a library function) raised and nothing caught.
    #[error("{message}")]
    Runtime {
        /// The error value as text.
        message: String,
        /// The error value itself.
        value: Value,
        /// The stack where it was raised.
        traceback: String,
    },
    /// The memory limit was passed.
    #[error("not enough memory")]
    Memory,
    /// The budget was used up; see [`super::Lua::set_budget`].
    #[error("the budget is used up")]
    OutOfBudget,
    /// The program waits for its host, but the call cannot be suspended; see [`super::Function::start`].
    #[error("attempt to suspend a call that cannot wait")]
    Suspended,
    /// A value has another type than the host asked for.
    #[error("cannot convert {from} to {to}")]
    Conversion {
        /// The Lua type there is.
        from: &'static str,
        /// The Rust type wanted.
        to: &'static str,
    },
    /// A process failed, could not be started, or is gone.
    #[error("{message}")]
    Process {
        /// What sort of error it is, as `errors` has them: `NotFound`, `Internal`, …
        kind: String,
        /// What happened.
        message: String,
        /// Where the process was then; empty if it never ran.
        traceback: String,
    },
    /// An error of the host's own, to be raised in Lua from a callback.
    #[error("{0}")]
    External(std::sync::Arc<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Wraps an error of the host, or a message.
    pub fn external(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::External(std::sync::Arc::from(error.into()))
    }
}
