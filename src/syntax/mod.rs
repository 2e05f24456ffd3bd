//! From source text to syntax tree.
//!
//! | file | what |
//! | --- | --- |
//! | `token`, `literal`, `lexer` | bytes to tokens; literals and their errors |
//! | `parser/` | tokens to [`ast::Ast`]; error recovery; the rules that keep annotations and Lua apart |
//! | `ast`, `span` | the tree |
//! | `error`, `chunk_name` | errors and warnings as data; how Lua words them |
//! | `print`, `same_tree` | tree to text; equality of trees |
//! | `diagnostic` | errors and warnings for a terminal |
//!
//! This room knows no values and no bytecode. Every valid Lua 5.3 chunk gets the tree it would have without
//! annotations; of an invalid one, the first error is the one Lua reports, in Lua's words.

pub mod ast;
mod chunk_name;
#[cfg(feature = "cli")]
pub mod diagnostic;
pub mod error;
mod lexer;
mod literal;
mod parser;
mod print;
mod same_tree;
pub mod span;
mod token;

/// Local variables that may be active at once in one function, as in Lua.
pub const MAX_LOCALS: usize = 200;

pub use chunk_name::chunk_id;
pub use error::{SyntaxError, Warning};
pub use parser::{parse, parse_recovering};
pub use print::print;
pub use same_tree::same_tree;
pub use span::Span;
