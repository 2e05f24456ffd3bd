//! Properties over random sources.

use proptest::prelude::*;

use super::{parse, parse_recovering};
use crate::syntax::{Span, print, same_tree};

/// Pieces that make up sources worth trying.
const PIECES: &[&str] = &[
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
    "not", "or", "repeat", "return", "then", "true", "until", "while", "+", "-", "*", "/", "//", "%", "^", "#", "&",
    "|", "~", "<<", ">>", "==", "~=", "<=", ">=", "<", ">", "=", "(", ")", "{", "}", "[", "]", "::", ";", ":", ",",
    ".", "..", "...", "->", "?", "!", "@", "type", "export", "as", "readonly", "typeof", "asserts", "is", "x", "y",
    "T", "number", "1", "0x7f", "2.5e3", "\"s\"", "'\\z", "[[l]]", "[=[", "--[[", "--", "\n", "\r\n", "\\", "$",
];

fn expr() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("nil".to_owned()),
        Just("x".to_owned()),
        Just("as".to_owned()),
        Just("type".to_owned()),
        any::<u32>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{:e}", n.abs()).replace("inf", "1e999").replace("NaN", "0.5")),
        any::<i64>().prop_map(|n| format!("{n:#x}")),
        "[ -!#-\\[\\]-~]{0,6}".prop_map(|text| format!("\"{text}\"")),
        "[a-z\n]{0,6}".prop_map(|text| format!("[==[{text}]==]")),
    ];
    leaf.prop_recursive(4, 32, 3, |inner| {
        let binary = prop::sample::select(vec![
            "or", "and", "<", ">=", "~=", "==", "|", "~", "&", "<<", "..", "+", "-", "*", "//", "%", "^",
        ]);
        prop_oneof![
            (inner.clone(), binary, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (prop::sample::select(vec!["not", "-", "#", "~"]), inner.clone()).prop_map(|(op, a)| format!("{op} {a}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("({a})!.f")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("x[ {a} ]({b}, ...)")),
            inner.clone().prop_map(|a| format!("x:m{{{a}, k = {a}; [ {a} ] = {a}}}")),
            (inner.clone(), ty()).prop_map(|(a, t)| format!("(({a}) :: {t})")),
            (inner.clone(), ty()).prop_map(|(a, t)| format!("(({a}) as {t})")),
            (inner, ty()).prop_map(|(a, t)| format!("function<T>(a, b?: {t}, ...): {t} return {a} end")),
        ]
    })
}

fn ty() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("nil".to_owned()),
        Just("T".to_owned()),
        Just("M.T".to_owned()),
        Just("readonly".to_owned()),
        Just("number".to_owned()),
        Just("function".to_owned()),
        Just("{}".to_owned()),
        Just("\"s\"".to_owned()),
        Just("typeof(x)".to_owned()),
        any::<i32>().prop_map(|n| n.to_string()),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("({a})?")),
            inner.clone().prop_map(|a| format!("{{{a}}}")),
            inner.clone().prop_map(|a| format!("Map<{a}, {a}>")),
            inner.clone().prop_map(|a| format!("{{x: {a}, readonly y?: {a}; [\"end\"]: T, [{a}]: {a}}}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} | {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) & ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}, n: {b}, ...{a}) -> {b}")),
            inner.clone().prop_map(|a| format!("(<T: {a}>() -> (T, {a}, ...{a}))")),
            inner.prop_map(|a| format!("({a}) @min(-1, \"x\")")),
        ]
    })
}

fn chunk() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (expr(), ty()).prop_map(|(a, t)| format!("local v: {t} = {a}")),
        (expr(), ty()).prop_map(|(a, t)| format!("local v = ({a}) :: {t}")),
        expr().prop_map(|a| format!("x.y, z[ {a} ] = {a}, ...")),
        expr().prop_map(|a| format!("(f)({a})")),
        expr().prop_map(|a| format!("as({a})")),
        expr().prop_map(|a| format!("is = {a}")),
        ty().prop_map(|t| format!("local v: {t}")),
        ty().prop_map(|t| format!("export type T<A, B = {t}> = {t}")),
        Just("::l::".to_owned()),
        Just("goto l".to_owned()),
        Just("break".to_owned()),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let block = prop::collection::vec(inner, 0..3).prop_map(|stats| stats.join("; "));
        prop_oneof![
            block.clone(),
            block.clone().prop_map(|b| format!("do {b} end")),
            (expr(), block.clone()).prop_map(|(a, b)| format!("while {a} do {b} end")),
            (expr(), block.clone()).prop_map(|(a, b)| format!("repeat {b} until {a}")),
            (expr(), block.clone()).prop_map(|(a, b)| format!("if {a} then {b} elseif {a} then else {b} end")),
            (expr(), block.clone()).prop_map(|(a, b)| format!("for i: integer = {a}, {a} do {b} end")),
            (expr(), block.clone()).prop_map(|(a, b)| format!("for k, v: T in {a} do {b} end")),
            (ty(), block.clone()).prop_map(|(t, b)| format!("function a.b:c(x: {t}, ...: {t}): {t}; {b} end")),
            (ty(), block.clone()).prop_map(|(t, b)| format!("local function f(x, ...): ({t}, {t}) {b} return x end")),
            (ty(), block).prop_map(|(t, b)| format!("local function f(x, ...): asserts x is {t}; {b} end")),
        ]
    })
}

fn inside(span: Span, source: &[u8]) -> bool {
    span.start <= span.end && span.end as usize <= source.len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_tokens_are_read_without_a_panic(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        let source = pieces.join(" ");
        let (ast, errors) = parse_recovering(source.as_bytes());
        prop_assert!(errors.iter().all(|error| inside(error.span, source.as_bytes())));
        match parse(source.as_bytes()) {
            Ok(strict) => prop_assert!(errors.is_empty() && same_tree(&ast, &strict)),
            Err(error) => prop_assert_eq!(Some(error.span), errors.first().map(|error| error.span)),
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(source in prop::collection::vec(any::<u8>(), 0..60)) {
        let (_, errors) = parse_recovering(&source);
        prop_assert!(errors.iter().all(|error| inside(error.span, &source)));
    }

    #[test]
    fn printed_trees_parse_to_themselves(source in chunk()) {
        let ast = parse(source.as_bytes());
        prop_assert!(ast.is_ok(), "{}\n{}", ast.unwrap_err().lua_message("c"), source);
        if let Ok(ast) = ast {
            let printed = print(&ast);
            let again = parse(printed.as_bytes());
            prop_assert!(again.is_ok(), "{}\n{}", again.unwrap_err().lua_message("c"), printed);
            prop_assert!(again.is_ok_and(|again| same_tree(&ast, &again)), "{}", printed);
        }
    }
}
