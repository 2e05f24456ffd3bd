//! Type expressions and annotations beyond the table of tricky inputs.

use super::{check, check_error};

/// Checks the outline of one type, as an annotation and between the brackets of a cast.
#[track_caller]
fn check_type(source: &str, expected: &str) {
    check(&format!("local x: {source}"), &format!("local x:{expected}"));
    check(&format!("f(x :: {source})"), &format!("(call f (cast x {expected}))"));
}

#[test]
fn primary_types() {
    check_type("nil", "nil");
    check_type("\"a\\65\"", "\"aA\"");
    check_type("-3", "-3");
    check_type("3.0", "3.0");
    check_type("-0x8000000000000000", "-9223372036854775808");
    check_type("function", "function");
    check_type("typeof(a.b[1])", "(typeof a.b[1])");
    check_type("typeof", "typeof");
    check_type("readonly {string}", "(readonly (array string))");
    check_type("readonly M.List<T>", "(readonly M.List<T>)");
    check_type("readonly", "readonly");
    check_type("Map<string, {integer}>", "Map<string (array integer)>");
    check_type("(A | B)", "(group (| A B))");
}

#[test]
fn operators() {
    check_type("| A | B & C?", "(| A (& B C?))");
    check_type("& A & B", "(& A B)");
    check_type("A??", "A??");
    check_type("string @len(1, -2.5, \"x\", nil, true)? @other", "string@len(1 -2.5 \"x\" nil true)?@other()");
}

#[test]
fn function_types() {
    check_type("() -> ()", "(fn () [])");
    check_type("(A) -> B | C", "(fn (A) (| B C))");
    check_type("(A) -> B?", "(fn (A) B?)");
    check_type("((A) -> B)?", "(group (fn (A) B))?");
    check_type("(a: A, b?: B, ...C) -> (A, ...B)", "(fn (a:A b?:B ...C) [A ...B])");
    check_type("(...) -> ...any", "(fn (...) ...any)");
    check_type("(...: A) -> (...: B)", "(fn (...A) [...B])");
    check_type("<T: U, V>(T) -> V", "(fn<T:U V> (T) V)");
    check_type("() -> () -> (A)?", "(fn () (fn () (group A)?))");
    check_type("A | (B) -> C", "(| A (fn (B) C))");
}

#[test]
fn table_types() {
    check_type("{}", "{}");
    check_type("{a: A, readonly b?: B; [\"c d\"]: C, readonly [\"e\"]: E,}", "{a=A readonly b?=B c d=C readonly e=E}");
    check_type("{readonly: A}", "{readonly=A}");
    check_type("{readonly?: A}", "{readonly?=A}");
    check_type("{readonly A}", "(array (readonly A))");
    check_type("{[string]: {[integer]: A}}", "{[string]={[integer]=A}}");
    check_type("{(a: A) -> B}", "(array (fn (a:A) B))");
}

#[test]
fn declarations() {
    check("function a.b:c<T>(x: T, y?: U, ...: V): (T, U) end", "function a.b:c<T>(x:T y?:U ...:V) -> [T U] {}");
    check("local function f(x): asserts x is string end", "local function f(x) -> (asserts x:string) {}");
    check("local function f(x): asserts x g() end", "local function f(x) -> (asserts x) {(call g)}");
    check("local function f(x): asserts end", "local function f(x) -> asserts {}");
    check("local function f(): ...integer end", "local function f() -> ...integer {}");
    check("local a: A, b, c: C = 1, 2, 3", "local a:A b c:C = 1 2 3");
    check("for k: K, v: V in p do end", "for k:K v:V in p {}");
    check("export type Pair<A, B = A> = {a: A, b: B}", "export type Pair<A B=A> = {a=A b=B}");
    check("local x: readonly; foo()", "local x:readonly; (call foo)");
    check("local x: typeof; (foo)()", "local x:typeof; (call (paren foo))");
    check("local function f(): asserts; x() end", "local function f() -> asserts {(call x)}");
}

#[test]
fn errors_with_hints() {
    check_error("function f(): A, B end", "1: unexpected symbol near ','", "(A, B)");
    check_error("local x: {A, B}", "1: '}' expected near ','", "tuple");
    check_error("local x: (A, B)", "1: '->' expected near <eof>", "tuple");
    check_error("local x: A[]", "1: unexpected symbol near '['", "{T}");
    check_error("local x <const> = 1", "1: unexpected symbol near '<'", "Lua 5.4");
    check_error("local x: () -> (A, B)?", "1: unexpected symbol near '?'", "parenthesise");
}

#[test]
fn plain_errors() {
    check_error("local x: ", "1: type expected near <eof>", "");
    check_error("local x: {[A]: B, [C]: D}", "1: a table type has at most one indexer near '}'", "");
    check_error("local x: A @min(x)", "1: constant expected near 'x'", "");
    check_error("function f(x?) end", "1: ':' expected near ')'", "");
    check_error("local x: (A,)", "1: type expected near ')'", "");
    check_error("type T<> = A", "1: <name> expected near '>'", "");
    check_error("local x: M.", "1: <name> expected near <eof>", "");
}
