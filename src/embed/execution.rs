//! A call that the host runs step by step.

use super::Lua;
use super::convert::MultiValue;
use super::error::Error;
use super::handle::Rooted;
use crate::vm;

/// A call under way. The host decides how much of it runs at a time, and answers what it waits for.
///
/// ```
/// use moonlet::{Exit, Lua};
///
/// # fn main() -> moonlet::Result<()> {
/// let lua = Lua::new();
/// let count = lua.load("local n = 0 for i = 1, 1000 do n = n + i end return n").into_function()?;
/// let mut execution = count.start(())?;
/// let mut slices = 1;
/// let total = loop {
///     match execution.resume(100, ()) {
///         Exit::OutOfBudget => slices += 1,
///         Exit::Finished(values) => break values,
///         other => panic!("{other:?}"),
///     }
/// };
/// assert_eq!(total[0], moonlet::Value::Integer(500500));
/// assert_eq!(slices, 10);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Execution {
    /// The coroutine that was running when the machine was left.
    thread: Rooted,
    args: Option<MultiValue>,
}

/// How a step of an [`Execution`] ended.
#[derive(Debug)]
pub enum Exit {
    /// The function returned these values.
    Finished(MultiValue),
    /// It raised an error that nothing caught.
    Failed(Error),
    /// The budget is used up; the next step goes on from there.
    OutOfBudget,
    /// It waits for the host; the values of the next step are the results of what it called.
    Suspended(vm::exit::Request),
}

impl Execution {
    pub(super) fn new(lua: &Lua, function: vm::value::Value, args: MultiValue) -> Execution {
        let thread = lua.with(|vm| vm::value::Value::thread(vm.new_root(function)));
        Execution { thread: lua.root(thread), args: Some(args) }
    }

    /// Runs for at most `budget` calls and backward jumps. `values` answer a suspension and are ignored otherwise. A step
    /// after the end fails with `cannot resume dead coroutine`.
    pub fn resume(&mut self, budget: u64, values: impl super::IntoLuaMulti) -> Exit {
        let lua = self.thread.lua().clone();
        let values = match self.args.take().map_or_else(|| values.into_lua_multi(&lua), Ok) {
            Ok(values) => values,
            Err(error) => return Exit::Failed(error),
        };
        let values: Vec<_> = values.iter().map(|value| lua.unwrap(value)).collect();
        let thread = self.thread.value().as_thread();
        let (exit, current) = lua.with(|vm| {
            vm.fuel = i64::try_from(budget).unwrap_or(i64::MAX);
            let exit = vm.resume_from_host(thread, &values);
            (exit, vm::value::Value::thread(vm.current_thread()))
        });
        match exit {
            vm::exit::Exit::Finished(values) => Exit::Finished(values.into_iter().map(|v| lua.wrap(v)).collect()),
            vm::exit::Exit::Failed(error) => Exit::Failed(lua.lua_error(&error)),
            vm::exit::Exit::OutOfBudget => {
                self.thread = lua.root(current);
                Exit::OutOfBudget
            }
            vm::exit::Exit::Suspended(request) => {
                self.thread = lua.root(current);
                Exit::Suspended(request)
            }
        }
    }
}
