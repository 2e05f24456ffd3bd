//! The table of tricky inputs of the specification (types §1.6), row by row.

use super::{check, check_error, parsed};

/// The codes of a source's warnings.
fn warnings(source: &str) -> Vec<&'static str> {
    parsed(source).warnings.iter().map(|warning| warning.code).collect()
}

#[test]
fn rows_1_to_9_labels_and_casts() {
    check("local x = a\n::top::\nprint(x)", "local x = a; label top; (call print x)");
    check("local x = a :: T\n::top::\nf()", "local x = (cast a T); label top; (call f)");
    check("local x = a ::b:: c()", "local x = a; label b; (call c)");
    check("f() ::done::", "(call f); label done");
    check("repeat g() until ok ::out::", "repeat {(call g)} ok; label out");
    check("x = t[i] ::\nlbl\n::", "x = t[i]; label lbl");
    check("return (v :: {string})[1]", "return (paren (cast v (array string)))[1]");
    check_error("local y = x :: A :: B", "1: syntax error near <eof>", "parenthesise");
    check("local a = b :: M.T ::l::", "local a = (cast b M.T); label l");
}

#[test]
fn rows_10_to_22_as() {
    check("local y = x as Foo", "local y = (cast x Foo)");
    check("local y = x\nas = 3", "local y = x; as = 3");
    check("local y = x\nas.z = 3", "local y = x; as.z = 3");
    check("local y = x as (z)", "local y = x; (call as z)");
    assert_eq!(warnings("local y = x as (z)"), ["W0008"]);
    check("local y = (x as (Z))", "local y = (paren (cast x (group Z)))");
    check("local y = x as (Z) -> Z", "local y = (cast x (fn (Z) Z))");
    check("local y = x as {n: integer}", "local y = (cast x {n=integer})");
    check("local y = x as {n:m()}", "local y = x; (call as {(call n:m)})");
    check("local y = x as {Z}", "local y = x; (call as {Z})");
    assert_eq!(warnings("local y = x as {Z}"), ["W0008"]);
    check("local y = x as {Z}?", "local y = (cast x (array Z)?)");
    check("use(x as {Z}, as)", "(call use (cast x (array Z)) as)");
    check("return x as \"on\" | \"off\"", "return (cast x (| \"on\" \"off\"))");
    check("local as = 1\nlocal n = as as number", "local as = 1; local n = (cast as number)");
}

#[test]
fn rows_23_to_27_aliases() {
    check("type = 5 type(x) type \"x\" type.a = 1", "type = 5; (call type x); (call type \"x\"); type.a = 1");
    check("type Foo = {}", "type Foo = {}");
    check("local v = u type Foo = u2", "local v = u; type Foo = u2");
    check("export = type\nexport(type)", "export = type; (call export type)");
    check("export type Foo = nil", "export type Foo = nil");
}

#[test]
fn rows_28_to_33_angles() {
    check("if a < b and c > (d) then end", "if (And (Lt a b) (Gt c (paren d))) {}");
    check("f(a < b, c > (d))", "(call f (Lt a b) (Gt c (paren d)))");
    check("local m: Map<string, List<integer>>= z", "local m:Map<string List<integer>> = z");
    check("type Id<T>= T", "type Id<T> = T");
    check("if n :: number < 5 then end", "if (Lt (cast n number) 5) {}");
    check_error("if n :: Foo < 5 then end", "1: '>' expected near 'then'", "parenthesise");
}

#[test]
fn rows_34_to_36_assertions() {
    check_error("x ! = y", "1: unexpected symbol near '='", "~=");
    check_error("if a != b then end", "1: unexpected symbol near '='", "~=");
    check("node!.next!.v = 1", "node!.next!.v = 1");
    check("local a = p!\n(q or r)()", "local a = (call (call p! (Or q r)))");
    assert_eq!(warnings("local a = p!\n(q or r)()"), ["W0011"]);
}

#[test]
fn rows_37_to_43_ends_of_types() {
    check("local f: (number) -> number\n(q or r)(1)", "local f:(fn (number) number); (call (paren (Or q r)) 1)");
    check("function f(): (number) (g or h)() end", "function f() -> (group number) {(call (paren (Or g h)))}");
    check("function f(): (number, string) -> boolean end", "function f() -> (fn (number string) boolean) {}");
    check("local o = {a:b(), c = d}", "local o = {(call a:b) c=d}");
    check("type P = {x?: number; [\"end\"]: string, [integer]: P}", "type P = {x?=number end=string [integer]=P}");
    check("type A = {T?}", "type A = (array T?)");
    check("local n: integer @min(0)\n(f)()", "local n:integer@min(0); (call (paren f))");
    check("local n: integer @min\n(f)()", "local n:integer@min(); (call (paren f))");
}

#[test]
fn rows_44_to_49_odds_and_ends() {
    check("a = 1 --> b", "a = 1");
    check_error("a --> b", "1: syntax error near <eof>", "");
    check_error("local x = 1 @@ 2", "1: unexpected symbol near '@'", "");
    check_error("local x: number< = 42", "1: unexpected symbol near '<'", "");
    check("for i: integer = 1, 3 do end", "for i:integer = 1 3 {}");
    check("local function id<T>(x: T): T return x end", "local function id<T>(x:T) -> T {return x}");
    check("local g = function<T>(x: T) end", "local g = (function<T>(x:T) {})");
}

#[test]
fn rows_50_to_54_contextual_words() {
    check("obj:type():as(1).is = nil", "(call (call obj:type):as 1).is = nil");
    check("goto as ::as::", "goto as; label as");
    check("t = {as as number, type = type}", "t = {(cast as number) type=type}");
    check_error("x = y as\n::z::", "2: syntax error near '::'", "");
    check("local z = w as nil", "local z = (cast w nil)");
}

#[test]
fn every_continuation_of_as() {
    for rest in ["= 1", ", b = 1, 2", ".b = 1", ":b()", "[1] = 2", "!.b = 1", "\"s\"", "{}", "{a = 1}", "(a)", "()"] {
        let source = format!("local y = x as {rest}");
        assert_eq!(parsed(&source).block.stats.len(), 2, "{source}");
        assert_eq!(warnings(&source), ["W0008"], "{source}");
        assert_eq!(warnings(&format!("local y = x\nas {rest}")), [""; 0], "{source}");
    }
    for rest in [
        "T",
        "nil",
        "true",
        "1",
        "-1",
        "<T>(T) -> T",
        "| A | B",
        "& A & B",
        "function",
        "\"s\"?",
        "\"s\" | 1",
        "{a?: T}",
        "{readonly a: T}",
        "{[string]: T}",
        "{a: b}",
        "{a: {b}}",
        "{T} | nil",
        "{(A) -> B}",
        "(T)?",
        "(T) | nil",
        "(A?)",
        "() -> ()",
        "(T @min(1))",
    ] {
        let source = format!("local y = x as {rest}");
        let ast = parsed(&source);
        assert_eq!(ast.block.stats.len(), 1, "{source}");
        assert!(ast.warnings.is_empty(), "{source}");
    }
}

#[test]
fn a_function_body_opens_a_closed_expression_again() {
    check(
        "f(function() local y = x as (z) end, x as (z))",
        "(call f (function() {local y = x; (call as z)}) (cast x (group z)))",
    );
    check("x = g(function() return 1 end) as (z)", "x = (call g (function() {return 1})); (call as z)");
}

#[test]
fn precedence_of_casts() {
    check("x = a + b :: T", "x = (Add a (cast b T))");
    check("x = -x :: T", "x = (Neg (cast x T))");
    check("x = 2 ^ x :: integer", "x = (Pow 2 (cast x integer))");
    check("x = x :: number ^ 2", "x = (Pow (cast x number) 2)");
    check("x = not p!", "x = (Not p!)");
    check("x = #xs! :: T", "x = (Len (cast xs! T))");
    check("x = x :: A | b", "x = (cast x (| A b))");
}

#[test]
fn precedence_of_operators() {
    check("x = 1 + 2 * 3 - 4", "x = (Sub (Add 1 (Mul 2 3)) 4)");
    check("x = -x ^ 2 ^ 3", "x = (Neg (Pow x (Pow 2 3)))");
    check("x = 2 ^ -3", "x = (Pow 2 (Neg 3))");
    check("x = a .. b .. c", "x = (Concat a (Concat b c))");
    check(
        "x = a or b and c == d | e ~ f & g << h .. i + j * -k",
        "x = (Or a (And b (Eq c (BOr d (BXor e (BAnd f (Shl g (Concat h (Add i (Mul j (Neg k)))))))))))",
    );
    check("x = - - a", "x = (Neg (Neg a))");
    check("x = ~ ~a // not b % c", "x = (Mod (IDiv (BNot (BNot a)) (Not b)) c)");
}
