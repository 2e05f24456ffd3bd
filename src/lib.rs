//! moonlet

pub mod bytecode;
pub mod compile;
pub mod embed;
pub mod number;
#[cfg(feature = "runtime")]
pub mod runtime;
pub mod stdlib;
pub mod syntax;
pub mod vm;

pub use embed::{
    Chunk, Error, Execution, Exit, FromLua, FromLuaMulti, Function, IntoLua, IntoLuaMulti, Lua, LuaString, MultiValue, Result,
    Table, Value, Variadic,
};
