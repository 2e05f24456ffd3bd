//! Processes and what runs them.
//!
//! The files fall into two halves. The first knows nothing of Lua: it runs anything that implements
//! [`Runnable`](scheduler::Runnable), and is tested and model-checked without an interpreter.
//!
//! | file | owns | may be touched by |
//! | --- | --- | --- |
//! | [`state`] | the one atomic word of a process: idle, queued, running, dead | anyone through `wake` and `request_kill`; the worker that runs the process through the rest |
//! | [`scheduler`] | the pool: who queues what where, shutdown | any thread |
//! | [`worker`] | one thread's queue, its `next` slot, its search for work | that thread only |
//! | [`parker`] | which workers search and which sleep | workers; every push asks it for one wake-up |
//! | [`queue`] | mailboxes | any thread pushes, the owner takes |
//! | [`timer`] | the wheel and the thread that turns it | any thread inserts and cancels |
//! | [`driver`] | clock, wall clock, randomness | everything that must be reproducible |
//! | [`io`] | the tokio runtime of host modules | host modules |
//!
//! The other half is processes as programs know them:
//!
//! | file | owns |
//! | --- | --- |
//! | [`system`] | [`System`]: built, given work, shut down |
//! | [`core`], [`process_table`], [`words`], `shape` | what all processes share |
//! | [`process`] | a process: its step, its end |
//! | [`links`], [`names`] | who watches it, what it is called |
//! | [`spawn`], `upgrade` | from an entry to a process that runs; the same with other code |
//! | [`hosts`], [`services`] | where processes run; what the supervisor tells of services |
//! | [`call`], [`future`] | executions of functions, and what callers get of them |
//! | `template` | what the chunks of entries make, kept where running them again could not be told from it |
//! | [`context`] | what a process inherits |
//! | [`process_state`] | the Lua side of a process, the host of its machine |
//! | `target` | whom a process has sent to last |
//! | [`task`] | scheduled coroutines: which is ready, what the others wait for |
//! | [`mail`], `mailbox` | what arrives at a process, and where it is delivered |
//! | [`transfer`] | values on their way between heaps |
//! | [`channel`], `select`, [`shared_channel`], `channel_cycles` | channels within and between processes |
//! | [`bus`], [`groups`] | events from many to many; processes under one name |
//! | [`operation`], [`access`], [`identity`] | for host modules: work off the workers, what the caller may do, and on whose behalf |
//! | [`module`] | what a host module is, and its functions and objects |
//! | [`errors`], [`message`], [`payload`], `events`, [`time`], [`pid`] | the objects programs see |
//! | [`data`] | values without a heap, for hosts and details of errors |
//! | `sparse` | tables that give memory back |
//! | `lib_*` | the libraries: argument checks, then one of the above |
//!
//! # How a wake-up travels
//!
//! 1. The waker makes its news visible: it pushes into the mailbox, fills a completion, closes a channel.
//! 2. It calls [`wake`](scheduler::Handle::wake). The state word decides: of all wakers of one sleep exactly one is
//!    told to enqueue, the others have nothing to do because a step that sees their news is already certain.
//! 3. The enqueuer puts the process into a queue: the `next` slot if it is a process on the same scheduler that is
//!    speaking, else the injector.
//! 4. Only a push into a queue that other workers can reach asks [`parker`] for a worker, and only if none is already
//!    searching.
//! 5. A worker takes the process, moves its word to running, and steps it. News that arrives from here on sets the
//!    notified bit, and the end of the step puts the process back into a queue.
//!
//! # House rules
//!
//! * News first, `wake` second; the reverse order loses wake-ups.
//! * Between `start_running` and `finish_step` the worker owns the process; nobody else touches its heap.
//! * A worker never blocks: no lock is held across a step, sleeping and I/O happen elsewhere ([`timer`], [`io`]).
//! * Time and randomness come from the [`driver`], never from `std` directly.
//!
//! # Model checks
//!
//! The protocols of [`state`], [`parker`], [`queue`], [`shared_channel`] and [`process_table`] are explored by `loom`:
//! `RUSTFLAGS="--cfg loom" cargo test --release --lib --no-default-features --features runtime loom_`.

pub mod access;
pub mod bus;
pub mod call;
pub mod channel;
mod channel_cycles;
pub mod context;
pub mod core;
pub mod data;
pub mod driver;
pub mod errors;
mod events;
pub mod future;
pub mod groups;
pub mod hosts;
pub mod identity;
pub mod interrupt;
pub mod io;
mod lib_channel;
mod lib_coroutine;
mod lib_events;
mod lib_funcs;
mod lib_os;
pub(crate) mod lib_pg;
mod lib_print;
mod lib_process;
mod lib_registry;
mod lib_require;
mod lib_spawn;
mod lib_subscribe;
pub mod links;
pub mod mail;
mod mailbox;
pub mod message;
pub mod module;
pub mod names;
pub mod operation;
pub mod parker;
pub mod payload;
pub mod pid;
pub mod process;
pub mod process_state;
pub mod process_table;
pub mod queue;
pub mod scheduler;
mod select;
pub mod services;
mod shape;
pub mod shared_channel;
mod sparse;
pub mod spawn;
pub mod state;
pub mod system;
mod target;
pub mod task;
mod template;
pub mod time;
pub mod timer;
pub mod transfer;
mod upgrade;
pub mod words;
pub mod worker;

pub use system::{Builder, LIBRARIES, SANDBOX, System, on_demand};

use crate::types::{GLOBALS, Manifest};

#[cfg(all(test, not(loom)))]
mod fault_tests;
mod sync;
#[cfg(all(test, not(loom)))]
mod tests;

/// The types of the libraries of the runtime. Those that others mention come first.
pub static MANIFESTS: &[Manifest] = &[
    Manifest { name: "channel", global: true, text: include_str!("channel.d.lua") },
    Manifest { name: "coroutine", global: true, text: include_str!("coroutine.d.lua") },
    Manifest { name: "ctx", global: false, text: include_str!("context.d.lua") },
    Manifest { name: "errors", global: true, text: include_str!("errors.d.lua") },
    Manifest { name: "events", global: false, text: include_str!("events.d.lua") },
    Manifest { name: "payload", global: true, text: include_str!("payload.d.lua") },
    Manifest { name: "funcs", global: false, text: include_str!("funcs.d.lua") },
    Manifest { name: "pg", global: false, text: include_str!("pg.d.lua") },
    Manifest { name: "process", global: true, text: include_str!("process.d.lua") },
    Manifest { name: GLOBALS, global: true, text: include_str!("subscribe.d.lua") },
    Manifest { name: "time", global: false, text: include_str!("time/time.d.lua") },
];
