//! Lexer and parser on any bytes.
//!
//! What must hold: nothing panics or overflows the stack; every place lies inside the text; the parser that stops at
//! the first error and the one that goes on agree about it; and what parses, printed, parses to the same tree.
//!
//! Run with `cargo +nightly fuzz run lex_parse -- -max_total_time=120`. `-dict=fuzz/lua.dict` helps it find the words,
//! and Lua files in `fuzz/corpus/lex_parse/` give it something to start from. A crash leaves its input in
//! `fuzz/artifacts/lex_parse/`; fix it with a failing test in `src/syntax/parser/tests/` first.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moonlet::syntax::{Span, parse, parse_recovering, print, same_tree};

fn check_span(span: Span, source: &[u8]) {
    assert!(span.start <= span.end && span.end as usize <= source.len(), "{span:?}");
    let lines = source.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    assert!((1..=lines).contains(&(span.line as usize)), "{span:?}");
}

fuzz_target!(|source: &[u8]| {
    let (recovered, errors) = parse_recovering(source);
    for error in &errors {
        check_span(error.span, source);
        error.lua_message("fuzz");
    }
    for warning in &recovered.warnings {
        check_span(warning.span, source);
    }
    for stat in &recovered.block.stats {
        check_span(stat.span, source);
    }
    let ast = match parse(source) {
        Ok(ast) => ast,
        Err(error) => {
            assert_eq!(Some(error.span), errors.first().map(|error| error.span));
            return;
        }
    };
    assert!(errors.is_empty(), "{errors:?}");
    assert!(same_tree(&ast, &recovered));
    let printed = print(&ast);
    match parse(printed.as_bytes()) {
        Ok(again) => assert!(same_tree(&ast, &again), "{printed}"),
        Err(error) => panic!("{}\n{printed}", error.lua_message("printed")),
    }
});
