//! vm

pub mod args;
pub mod arith;
mod build;
mod call;
pub mod chunk;
mod closures;
pub mod compare;
pub mod concat;
mod coroutine;
pub mod error;
pub mod event;
pub mod exit;
pub mod finalize;
pub mod function;
pub mod heap;
pub mod image;
pub mod index;
pub mod inspect;
pub mod intern;
mod load;
pub mod machine;
pub mod names;
pub mod native;
pub mod object;
pub mod random;
pub mod raw;
mod run;
pub mod string;
pub mod table;
pub mod thread;
pub mod unwind;
pub mod userdata;
pub mod value;

pub use machine::{Host, Vm};
