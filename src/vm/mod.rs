//! The virtual machine: values, the heap with its collector, calls, coroutines, metamethods, and the interpreter loop.
//!
//! | file | room |
//! | --- | --- |
//! | [`value`], [`object`] | values; the layouts of objects |
//! | [`heap`], [`string`](mod@string), [`intern`], [`table`], [`userdata`] | objects: allocation, collection, operations |
//! | [`image`], [`chunk`], [`function`], `load` | what processes share; linked code |
//! | [`machine`] | the state of one program; safepoints |
//! | `run`, `fast`, `execute` | the interpreter loop: read its rules before editing; functions of its fast paths; what surrounds it |
//! | [`hook`] | debug hooks, which the loop calls in an instance of its own |
//! | `call`, `coroutine`, [`unwind`], [`finalize`], `closures` | calls and returns, switches, errors, finalizers |
//! | [`arith`], [`compare`], [`mod@concat`], [`index`], [`event`] | slow paths of operators and field access, metamethods |
//! | [`pool`], [`slab`], [`plot`], [`allocator`] | memory that goes round between threads, and back to the system |
//! | [`loan`], [`cache`] | references that are not counted; hints to the processor |
//! | [`native`], [`args`], [`raw`] | what native functions are and use |
//! | [`thread`], [`exit`] | the data of a coroutine; how a run ends |
//! | [`types`] | type values |
//! | [`names`], [`traceback`], [`inspect`] | what values are called; which functions run; what `debug` shows |
//!
//! House rules:
//! * A Lua function never recurses on the Rust stack, and a native function never calls Lua: it returns a
//!   [`Flow`](native::Flow) that says what it wants.
//! * Objects are freed at safepoints only (see [`heap`]). Between two of them raw pointers to objects are valid
//!   wherever they came from, which is why functions here take them without being `unsafe`: a caller inside the crate
//!   cannot hold one for longer.
//! * The machine knows neither scheduler nor files. What it cannot do itself it leaves with an [`Exit`](exit::Exit).

#![allow(clippy::not_unsafe_ptr_arg_deref)]

pub mod allocator;
pub mod args;
pub mod arith;
mod build;
pub mod cache;
mod call;
pub mod chunk;
mod closures;
pub mod compare;
pub mod concat;
mod coroutine;
pub mod error;
pub mod event;
mod execute;
pub mod exit;
mod fast;
pub mod finalize;
pub mod function;
pub mod heap;
pub mod hook;
pub mod image;
pub mod index;
pub mod inspect;
pub mod intern;
mod load;
pub mod loan;
pub mod machine;
pub mod names;
pub mod native;
pub mod object;
mod pages;
mod plot;
pub mod pool;
pub mod random;
pub mod raw;
mod run;
mod slab;
pub mod string;
pub mod table;
pub mod thread;
pub mod traceback;
pub mod types;
pub mod unwind;
pub mod userdata;
pub mod value;

pub use machine::{Host, Vm};
