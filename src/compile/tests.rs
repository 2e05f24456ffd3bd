//! What code is generated, by listings, and what every program must satisfy, by a structural check.

mod structure;

use std::sync::Arc;

use super::compile;
use crate::bytecode::disasm::disassemble;
use crate::bytecode::proto::Proto;
use crate::syntax::parse;

fn compiled(source: &str) -> Arc<Proto> {
    let ast = parse(source.as_bytes()).expect("the test program parses");
    compile(&ast, b"=test").expect("the test program compiles")
}

#[test]
fn scratch() {
    for path in std::fs::read_to_string("/tmp/cmp/files").unwrap().lines() {
        let bytes = std::fs::read(path).unwrap();
        let ast = match parse(&bytes) { Ok(a) => a, Err(e) => { println!("PARSE {path} {}", e.lua_message("")); continue } };
        match compile(&ast, b"=test") { Ok(p) => structure::check(&p), Err(e) => println!("COMPILE {path} {}", e.lua_message("")) }
        println!("ok {path}");
    }
}
