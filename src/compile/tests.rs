//! What the compiler makes of programs: listings, structure, limits, errors.

mod limits;
mod listings;
mod structure;

use std::sync::Arc;

use super::compile;
use crate::bytecode::proto::Proto;
use crate::syntax::parse;

fn compiled(source: &str) -> Arc<Proto> {
    let ast = parse(source.as_bytes()).expect("the test program parses");
    compile(&ast, b"=test").expect("the test program compiles")
}
