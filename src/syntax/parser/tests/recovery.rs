//! Several errors in one parse.

use super::{outline, parse, parse_recovering};

/// The lines of the errors, and the outline of what did parse.
#[track_caller]
fn check(source: &str, lines: &[u32], expected: &str) {
    let (ast, errors) = parse_recovering(source.as_bytes());
    let found: Vec<u32> = errors.iter().map(|error| error.line).collect();
    assert_eq!(found, lines, "{errors:#?}");
    assert_eq!(outline(&ast), expected);
    let first = parse(source.as_bytes()).err();
    assert_eq!(first.map(|error| error.span), errors.first().map(|error| error.span));
}

#[test]
fn good_source_has_no_errors() {
    check("local x = 1\nreturn x", &[], "local x = 1; return x");
}

#[test]
fn goes_on_at_the_next_statement() {
    check("local x = = 1\nlocal y = 2\nx y z\nlocal w", &[1, 3], "ERROR; local y = 2; ERROR; local w");
}

#[test]
fn stays_in_its_block() {
    check(
        "function f()\n  local = 1\n  local z = g(\n  return 2\nend\nlocal a = )\nh()",
        &[2, 4, 6],
        "function f() {ERROR; ERROR; return 2}; ERROR",
    );
}

#[test]
fn skips_what_a_broken_header_opened() {
    check("if x y then\n  a()\n  if b then end\nelse\n  c()\nend\nlocal d", &[1], "ERROR; local d");
    check("function f(a b)\n  local x\nend\nlocal d", &[1], "ERROR; local d");
    check("while x y do\n  a()\nend\nlocal d", &[1], "ERROR; do {(call a)}; local d");
}

#[test]
fn stray_and_missing_ends() {
    check("end\nlocal x\nend end\nlocal y", &[1, 3, 3], "local x; local y");
    check("function f()\n  while x do\n    local y", &[3], "function f() {while x {local y}}");
}

#[test]
fn malformed_literals() {
    check("local x = '\\q'\nlocal y = 3..4\nlocal z = [[", &[1, 2, 3], "ERROR; ERROR; ERROR");
}

#[test]
fn values_after_return() {
    check("do\n  return 1\n  local x\nend\nlocal y", &[3], "do {return 1; local x}; local y");
}

#[test]
fn stops_after_a_hundred() {
    let (_, errors) = parse_recovering("local = 1\n".repeat(500).as_bytes());
    assert_eq!(errors.len(), 100);
}
