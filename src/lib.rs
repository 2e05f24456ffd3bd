//! Lua 5.3 with isolated processes, channels and gradual types, in Rust alone.
//!
//! [`Lua`] is a single Lua state inside a Rust program. `Runtime` runs thousands of them as processes on a few threads. The
//! command `moonlet` runs scripts.
//!
//! # The rooms
//!
//! One folder each. A room uses the rooms above it in this list, never those below.
//!
//! | room | owns | its invariant |
//! | --- | --- | --- |
//! | [`number`] | the two kinds of number, their arithmetic and their text | every function is total |
//! | [`syntax`] | tokens, trees, parser, diagnostics | a valid Lua 5.3 chunk gets the tree it has without annotations; no input makes it panic |
//! | [`types`] | what annotations mean, the checker, manifests of libraries | total and linear; nothing it says changes what a program does |
//! | [`bytecode`] | instructions, [`Proto`](bytecode::Proto), listing, binary chunks and their verifier | immutable once made, but for the hints in field instructions, which are never trusted |
//! | [`compile`] | variables, registers, code | operands name registers and constants that exist |
//! | [`vm`] | values, heap, calls, coroutines, the loop | Lua never recurses on the Rust stack; the collector runs at safepoints only |
//! | [`stdlib`] | the Lua library as native functions | a native never calls Lua and never waits: it answers what is to happen |
//! | `runtime` | processes, scheduler, messages, channels, time | one worker owns a process while it runs; news comes first, the wake-up second |
//! | [`embed`] | the Rust API, exported here | a borrow of the machine never lives across a call of host code |
//! | `modules` | what programs reach of the world and of data: `fs`, `json`, `sql`, `http`, … | work that can wait happens off the workers; failures are values |
//! | `app` | where entry ids lead: scripts, applications with their services | nothing runs before all definitions are known to be right; a name never leads out of the program's folder |
//! | `lsp` | what editors are told about programs | the checker knows the language; here it is translated |
//! | `cli` | the command: arguments, messages, lines at the keyboard | presentation only |
//!
//! # The way of the data
//!
//! It goes one way through the house:
//!
//! ```text
//! text ──syntax──▶ tree ──compile──▶ Arc<Proto> ──image──▶ process ──run──▶ Exit
//!                                                             ▲               │
//!                                                             └─── runtime ◀──┘
//! ```
//!
//! All processes share the bytecode; nothing else but constants and library tables is shared. The only door out of the
//! machine is its [`Exit`](vm::exit::Exit): finished, failed, out of budget, or suspended with a request. `runtime` (or
//! an embedder) does what the request says and resumes the process with the result. No thread is parked for a Lua
//! program and no Rust frame stays behind, so a suspended process is plain data.
//!
//! # Where to look
//!
//! | to change | go to |
//! | --- | --- |
//! | the grammar, a message of the parser | `syntax/parser/`, `syntax/token.rs` |
//! | an instruction | its row in `bytecode/op.rs`, its arm in `vm/run.rs`, what it trusts in `bytecode/verify/`, its emission in `compile/` |
//! | a library function | the file of its library in `stdlib/` |
//! | what a metamethod does | `vm/event.rs`, then `vm/index.rs`, `vm/arith.rs`, `vm/compare.rs`, `vm/concat.rs` |
//! | how errors unwind | `vm/unwind.rs` |
//! | what a type does as a value | `vm/types/`, `stdlib/types.rs`, `stdlib/reflection.rs` |
//! | garbage collection | `vm/heap/` |
//! | when a process runs | `runtime/state.rs`, `runtime/worker.rs` |
//! | what crosses a process boundary | `runtime/transfer/` |
//! | a kind of entry, or a field of one | its row in `app/kinds.rs`, what it refers to in `app/link.rs` |
//! | when services start, restart and stop | `app/supervisor.rs`, `app/policy.rs` |
//! | a module | its file in `modules/`, and its line in `modules/mod.rs` |
//!
//! # Features
//!
//! `cli` (the command) and `full` are on by default. `runtime` has the processes, `app` the applications made of entry files
//! and the modules for data, `sql` the databases; `full` is everything that needs no C compiler. Without any feature, the crate is the machine with the library and the Rust API. `MOONLET_GC_STRESS=1` in the
//! environment of a debug build collects at every safepoint.

#[cfg(feature = "runtime")]
pub mod app;
pub mod bytecode;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compile;
pub mod embed;
#[cfg(feature = "cli")]
pub mod lsp;
#[cfg(feature = "runtime")]
pub mod modules;
pub mod number;
#[cfg(feature = "runtime")]
pub mod runtime;
pub mod stdlib;
pub mod syntax;
pub mod types;
pub mod vm;

#[cfg(feature = "http")]
pub use embed::http;
pub use embed::{
    Chunk, Error, Execution, Exit, FromLua, FromLuaMulti, Function, IntoLua, IntoLuaMulti, Kinds, Lua, LuaString,
    MultiValue, NameError, Result, Scalar, Table, Type, TypeError, Validator, Value, Variadic,
};
#[cfg(feature = "runtime")]
pub use embed::{Data, IntoArguments, PackedFiles, Process, Runtime, RuntimeBuilder, module};
pub use vm::allocator::Allocator;

/// The programs in the README are tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
