//! The machine's only door to the world: how a run ends, and what a suspended program waits for.

use smallvec::SmallVec;

use super::error::LuaError;
use super::value::Value;

/// A short list of values. Room for one keeps [`Exit`] small: it is moved at every switch between tasks.
pub type Values = SmallVec<[Value; 1]>;

/// How [`super::Vm::run`] came back.
#[derive(Debug)]
pub enum Exit {
    /// The root function returned these values.
    Finished(Values),
    /// It raised an error that nothing caught.
    Failed(Box<LuaError>),
    /// The budget is used up; running the same coroutine again continues where it stopped.
    OutOfBudget,
    /// It waits for the host; resuming the same coroutine with values makes them the results of the native function
    /// that suspended.
    Suspended(Request),
}

/// What a suspended program waits for. Data for the host to interpret; the machine does not look inside.
#[derive(Debug)]
pub enum Request {
    /// Nothing: it gives up its turn.
    Turn,
    /// An event that the suspending native has already arranged for with the host; the text says what, for reports.
    Event(&'static str),
    /// Whatever host and native function agreed on.
    Host(Box<dyn std::any::Any + Send>),
}
