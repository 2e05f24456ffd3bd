//! The public Rust API: one Lua state in the host's own thread, or processes on threads of their own.
//!
//! [`Lua`] owns a state; [`Table`], [`Function`] and [`LuaString`] are handles to values in it. A handle keeps its value
//! alive: the collector sees the list of [`Roots`] in which every handle has a place. Names and meanings follow the crate
//! `mlua` where the thing is the same. `Runtime` (feature `runtime`) starts processes, sends them `Data` and waits for
//! their results.
//!
//! ```
//! use moonlet::Lua;
//!
//! # fn main() -> moonlet::Result<()> {
//! let lua = Lua::new();
//! lua.globals().set("double", lua.create_function(|_, n: i64| Ok(2 * n))?)?;
//! let answer: i64 = lua.load("return double(21)").eval()?;
//! assert_eq!(answer, 42);
//! # Ok(())
//! # }
//! ```
//!
//! A [`Type`] of a program validates values of the host, and [`Lua::check`] says what the checker finds in a program. A
//! [`Validator`] adds a rule for values, `@name`, to the types that programs write.
//!
//! House rules:
//! * The machine is reached through [`Lua::with`] alone. A `&mut Vm` never lives across a call of host code.
//! * A callback may call back into Lua; this nests on the Rust stack and is limited in depth, which nothing else in the
//!   machine is.

mod callback;
mod chunk;
mod convert;
mod error;
mod execution;
mod handle;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "runtime")]
pub mod module;
#[cfg(feature = "runtime")]
mod runtime;
mod types;

use std::cell::UnsafeCell;
use std::rc::Rc;
use std::sync::Arc;

#[cfg(feature = "runtime")]
pub use crate::modules::fs::PackedFiles;
#[cfg(feature = "runtime")]
pub use crate::runtime::data::Data;
pub use chunk::Chunk;
pub use convert::{FromLua, FromLuaMulti, IntoLua, IntoLuaMulti, MultiValue, Variadic};
pub use error::{Error, Result};
pub use execution::{Execution, Exit};
pub use handle::{Function, LuaString, Table, Value};
#[cfg(feature = "runtime")]
pub use runtime::{IntoArguments, Process, Runtime, RuntimeBuilder};
pub use types::{Type, TypeError};

pub use crate::types::{Kinds, NameError, Scalar, Validator};

use crate::stdlib;
use crate::vm;
use crate::vm::Vm;
use crate::vm::image::{Image, random_seed};
use handle::Roots;

/// A Lua state with the standard library. Cloning gives another handle to the same state.
#[derive(Clone)]
pub struct Lua {
    state: Rc<State>,
}

pub(crate) struct State {
    vm: UnsafeCell<Vm>,
}

impl Lua {
    /// A state with the complete standard library.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Lua {
        let image = Image::new(&stdlib::libraries(), false, random_seed());
        Lua::with_image(image)
    }

    fn with_image(image: Arc<Image>) -> Lua {
        let mut vm = Vm::new(image);
        vm.set_host(Roots::default());
        Lua { state: Rc::new(State { vm: UnsafeCell::new(vm) }) }
    }

    /// Runs `f` with the machine. `f` must not call host code that could come back here.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Vm) -> R) -> R {
        // SAFETY: the state stays in one thread, and house rule 1 keeps two such borrows from overlapping: callbacks are
        // entered by the machine, which does not use its own reference until they return.
        f(unsafe { &mut *self.state.vm.get() })
    }

    /// The table of global variables.
    pub fn globals(&self) -> Table {
        let globals = self.with(|vm| vm::value::Value::table(vm.globals()));
        Table(self.root(globals))
    }

    /// An empty table.
    pub fn create_table(&self) -> Result<Table> {
        let table = self.with(|vm| vm::value::Value::table(vm.heap.new_table(0, 0)));
        Ok(Table(self.root(table)))
    }

    /// A string of any bytes.
    ///
    /// # Errors
    /// [`Error::Memory`] past the memory limit.
    pub fn create_string(&self, bytes: impl AsRef<[u8]>) -> Result<LuaString> {
        let made = self.with(|vm| vm.string(bytes.as_ref()));
        match made {
            Ok(string) => Ok(LuaString(self.root(string))),
            Err(error) => Err(self.lua_error(&error)),
        }
    }

    /// A function that calls `f` with its arguments converted to `A`. An error of `f` is raised in Lua; a panic becomes an
    /// error too.
    pub fn create_function<A, R, F>(&self, f: F) -> Result<Function>
    where
        A: FromLuaMulti,
        R: IntoLuaMulti,
        F: Fn(&Lua, A) -> Result<R> + 'static,
    {
        callback::create(self, f)
    }

    /// A chunk of Lua source, to be named and run.
    pub fn load<'a>(&self, source: impl Into<Source<'a>>) -> Chunk<'a> {
        Chunk::new(self.clone(), source.into().0)
    }

    /// Limits the bytes the state may use; passing the limit raises `not enough memory`.
    pub fn set_memory_limit(&self, bytes: usize) {
        self.with(|vm| vm.heap.set_limit(bytes));
    }

    /// Bytes in use.
    pub fn used_memory(&self) -> usize {
        self.with(|vm| vm.heap.count_bytes())
    }

    /// Limits the work of every following call from the host to `units` calls and backward jumps; a call that needs more
    /// ends with [`Error::OutOfBudget`]. `None` takes the limit away. To go on after the budget is used up, see
    /// [`Function::start`].
    pub fn set_budget(&self, units: Option<u64>) {
        self.with(|vm| vm.host::<Roots>().expect("set in `with_image`").budget = units);
    }

    /// Collects all garbage now.
    pub fn gc_collect(&self) {
        self.with(Vm::collect);
    }
}

impl std::fmt::Debug for Lua {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lua({} bytes)", self.used_memory())
    }
}

/// Source text of a chunk: a string or bytes.
#[derive(Debug)]
pub struct Source<'a>(&'a [u8]);

impl<'a> From<&'a str> for Source<'a> {
    fn from(text: &'a str) -> Source<'a> {
        Source(text.as_bytes())
    }
}

impl<'a> From<&'a String> for Source<'a> {
    fn from(text: &'a String) -> Source<'a> {
        Source(text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Source<'a> {
    fn from(bytes: &'a [u8]) -> Source<'a> {
        Source(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Source<'a> {
    fn from(bytes: &'a Vec<u8>) -> Source<'a> {
        Source(bytes)
    }
}

#[cfg(test)]
mod tests;
