//! moonlet

#[cfg(feature = "runtime")]
pub mod app;
pub mod bytecode;
pub mod compile;
pub mod number;
#[cfg(feature = "runtime")]
pub mod runtime;
pub mod stdlib;
pub mod syntax;
pub mod vm;
