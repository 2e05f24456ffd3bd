//! Deep nesting is refused, long chains are not, and neither needs a deep stack.

use super::{check_error, parse, parse_recovering, parsed};
use crate::syntax::{error, print, same_tree};

/// Runs on a stack as small as that of any thread that may parse.
fn on_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(test);
    thread.expect("a thread can be started").join().expect("the test passes");
}

#[test]
fn messages() {
    check_error(&"(".repeat(300), "1: too many C levels (limit is 200) in main function near '('", "");
    check_error(
        &format!("function f()\nx = {}", "{".repeat(300)),
        "2: too many C levels (limit is 200) in function at line 1 near '{'",
        "",
    );
    check_error(&"do ".repeat(300), "1: too many C levels (limit is 200) in main function near 'do'", "");
}

#[test]
fn everything_that_nests_is_counted() {
    on_small_stack(|| {
        for (opening, closing) in [
            ("(", ")"),
            ("{", "}"),
            ("f(", ")"),
            ("a[", "]"),
            ("- ", ""),
            ("not ", ""),
            ("1 .. ", ""),
            ("2 ^ ", ""),
            ("function() return ", " end"),
            ("x :: typeof(", ")"),
        ] {
            let nested = |depth| format!("x = {}1{}", opening.repeat(depth), closing.repeat(depth));
            parsed(nested(60));
            let error = parse(nested(100_000).as_bytes()).expect_err(opening);
            assert_eq!(error.code, error::LIMIT, "{opening}");
            parse_recovering(nested(100_000).as_bytes());
        }
        for (opening, closing) in [
            ("(", ")"),
            ("{", "}"),
            ("{x: ", "}"),
            ("{[", "]: T}"),
            ("A<", ">"),
            ("() -> ", ""),
            ("(", ") -> T"),
            ("() -> (", ")"),
            ("typeof(x :: ", ")"),
            ("<A: ", ">() -> ()"),
        ] {
            let nested = |depth| format!("local x: {}T{}", opening.repeat(depth), closing.repeat(depth));
            parsed(nested(60));
            let error = parse(nested(100_000).as_bytes()).expect_err(opening);
            assert_eq!(error.code, error::LIMIT, "{opening}");
        }
        for (opening, closing) in [
            ("do ", " end"),
            ("if x then ", " end"),
            ("while x do ", " end"),
            ("repeat ", " until x"),
            ("local function f() ", " end"),
        ] {
            let nested = |depth| format!("{}f(){}", opening.repeat(depth), closing.repeat(depth));
            parsed(nested(190));
            assert_eq!(parse(nested(201).as_bytes()).expect_err(opening).code, error::LIMIT);
            parse_recovering(nested(20_000).as_bytes());
        }
    });
}

#[test]
fn nesting_up_to_the_limit() {
    on_small_stack(|| {
        let source = format!("x = {}1{}", "(".repeat(198), ")".repeat(198));
        let ast = parsed(&source);
        assert!(same_tree(&ast, &parsed(print(&ast))));
        assert!(parse(format!("x = {}1{}", "(".repeat(199), ")".repeat(199)).as_bytes()).is_err());
    });
}

#[test]
fn long_chains() {
    on_small_stack(|| {
        for link in [" + 1", " and y", "()", ".f", ":m()", "[1]", "!", "{}", "'s'", " or y"] {
            let ast = parsed(format!("x = a{}", link.repeat(100_000)));
            assert!(same_tree(&ast, &parsed(print(&ast))), "{link}");
        }
        parsed(format!("if x then {} end", "elseif y then ".repeat(100_000)));
        parsed("local x = 1; ".repeat(100_000));
        parsed(format!("f({}0)", "1, ".repeat(100_000)));
    });
}

#[test]
fn suffixes_of_types() {
    parsed(format!("local x: T{}", "?".repeat(200)));
    assert_eq!(parse(format!("local x: T{}", "?".repeat(201)).as_bytes()).expect_err("too tall").code, error::LIMIT);
    let groups = format!("local x: {}T{}", "(".repeat(20), "??????????????????)".repeat(20));
    assert_eq!(parse(groups.as_bytes()).expect_err("too tall").code, error::LIMIT);
    parsed(format!("local x: {}T", "T???????????? | ".repeat(200)));
    parsed("local x: T????????????????????????????????????????????????????\n".repeat(10));
}

#[test]
fn counts() {
    let refused = |source: String| parse(source.as_bytes()).expect_err("too many").message;
    let accepted = |source: String| drop(parsed(source));
    accepted(format!("local x: {}T", "T | ".repeat(255)));
    assert!(refused(format!("local x: {}T", "T | ".repeat(256))).starts_with("too many members in a union"));
    assert!(refused(format!("local x: {}T", "T & ".repeat(256))).starts_with("too many members in an intersection"));
    accepted(format!("type X<{}A> = A", "A, ".repeat(15)));
    assert!(refused(format!("type X<{}A> = A", "A, ".repeat(16))).starts_with("too many type parameters"));
    accepted(format!("local x: {{{}}}", "a: T, ".repeat(4096)));
    assert!(refused(format!("local x: {{{}}}", "a: T, ".repeat(4097))).starts_with("too many fields"));
}
