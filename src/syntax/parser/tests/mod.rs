//! Tests of lexer, parser and printer.

mod limits;
mod literals;
mod messages;
mod outline;
mod properties;
mod recovery;
mod tricky;
mod types;

use super::super::ast::Ast;
use super::{parse, parse_recovering};
use outline::outline;

/// Parses what must parse.
fn parsed(source: impl AsRef<[u8]>) -> Ast {
    let source = source.as_ref();
    parse(source).unwrap_or_else(|error| panic!("{}\n{}", error.lua_message("c"), String::from_utf8_lossy(source)))
}

/// Checks the outline of a source, and that its printed form has the same tree.
#[track_caller]
fn check(source: &str, expected: &str) -> Ast {
    let ast = parsed(source);
    assert_eq!(outline(&ast), expected, "{source}");
    let printed = super::super::print(&ast);
    assert!(super::super::same_tree(&ast, &parsed(&printed)), "{source}\n{printed}");
    ast
}

/// Checks the message and the hint of a source that must not parse. The hint need only contain `hint`.
#[track_caller]
fn check_error(source: &str, message: &str, hint: &str) {
    let error = parse(source.as_bytes()).expect_err(source);
    assert_eq!(error.lua_message("c"), format!("c:{message}"), "{source}");
    let found = error.hint.unwrap_or_default();
    assert!(found.contains(hint) && found.is_empty() == hint.is_empty(), "{source}: {found}");
}
