//! vm
pub mod chunk;
pub mod function;
pub mod heap;
pub mod intern;
pub mod native;
pub mod object;
pub mod string;
pub mod table;
pub mod thread;
pub mod value;
