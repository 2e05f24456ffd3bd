//! Programs at and beyond the limits, and programs that do not compile.

use super::structure::check;
use super::{compile, compiled};
use crate::bytecode::op::Op;
use crate::bytecode::proto::{CaptureFrom, Constant};
use crate::syntax::parse;

/// The error of a program that parses.
fn error(source: &str) -> String {
    let ast = parse(source.as_bytes()).expect("the test program parses");
    compile(&ast, b"=test").expect_err("the test program does not compile").lua_message("test")
}

#[test]
fn jumps_without_a_target_are_errors() {
    assert_eq!(error("\ngoto x"), "test:2: no visible label 'x' for <goto> at line 2");
    assert_eq!(error("do ::x:: end goto x"), "test:1: no visible label 'x' for <goto> at line 1");
    assert_eq!(error("goto x; function f() ::x:: end"), "test:1: no visible label 'x' for <goto> at line 1");
    assert_eq!(error("::x::\n::x::"), "test:2: label 'x' already defined on line 1");
    assert_eq!(error("if x then break end"), "test:1: <break> at line 1 not inside a loop");
    assert_eq!(
        error("do goto x end local a ::x:: print(a)"),
        "test:1: <goto x> at line 1 jumps into the scope of local 'a'"
    );
    assert_eq!(
        error("repeat goto c; local y ::c:: until y"),
        "test:1: <goto c> at line 1 jumps into the scope of local 'y'"
    );
}

#[test]
fn labels_at_the_end_of_a_block_are_outside_its_locals() {
    check(&compiled("do goto x local a ::x:: ::y:: end"));
    check(&compiled("do goto x local a ::x:: type T = number end"));
    check(&compiled("::x:: do goto x; ::x:: end goto x"));
}

#[test]
fn limits_of_registers_and_captures() {
    let list = |item: &str, n| vec![item; n].join(", ");
    assert_eq!(
        error(&format!("return f({})", list("x", 300))),
        "test:1: function or expression needs too many registers"
    );
    let locals = |prefix: &str| (0..150).map(|i| format!("local {prefix}{i}\n")).collect::<String>();
    let uses = |prefix: &str| (0..150).map(|i| format!("f({prefix}{i})\n")).collect::<String>();
    let source = format!("{}function g()\n{}function h()\n{}{}end end", locals("a"), locals("b"), uses("a"), uses("b"));
    let message = error(&source);
    assert!(message.ends_with("too many upvalues (limit is 255) in function at line 302"), "{message}");
}

#[test]
fn long_chains_need_no_stack() {
    let n = 100_000;
    check(&compiled(&format!("return a{}", " + a".repeat(n))));
    check(&compiled(&format!("return a{}", " and a or b".repeat(n))));
    check(&compiled(&format!("return f{}", "()".repeat(n))));
    check(&compiled(&format!("return f{}", ".x[1]:m()".repeat(n))));
}

#[test]
fn many_constants_are_loaded_through_registers() {
    let strings: String = (0..5000).map(|i| format!("f('s{i}')\n")).collect();
    let proto = compiled(&format!("{strings} t.late = other.field t:method(u == 'far', u + 1.25, late_global)"));
    check(&proto);
    let tail = &proto.code[proto.code.len() - 25..];
    assert!(tail.iter().any(|instruction| instruction.op == Op::SetIndex));
    assert!(tail.iter().all(|instruction| !matches!(instruction.op, Op::SetField | Op::Method | Op::GetGlobal)));
}

#[test]
fn far_jumps_are_widened() {
    let filler = "n = n * 2\n".repeat(40_000);
    let source = format!(
        "local n, a, b = 1, ...\nfor i = 1, 2 do\nlocal x = a or b\nif a < b and n ~= 1 then\nlocal y = a\n{filler}end end\n
         local z = a and (n + {} 1)\nwhile a do {filler} end",
        "n + ".repeat(40_000)
    );
    let proto = compiled(&source);
    check(&proto);
    assert!(proto.code.iter().all(|instruction| !matches!(instruction.op, Op::JumpIfCopy | Op::JumpIfNotCopy)));
    let y = proto.locals.iter().find(|local| &*local.name == "y").expect("y is declared");
    let birth = &proto.code[y.start as usize - 1];
    assert_eq!((birth.op, birth.b), (Op::Move, 16), "debug information moves with the code");
}

#[test]
fn integers_and_floats_are_different_constants() {
    let proto = compiled("return 4294967296, 4294967296.0, 4294967296, 1.0");
    let expected = [Constant::Integer(1 << 32), Constant::Float(4_294_967_296.0), Constant::Float(1.0)];
    assert_eq!(*proto.constants, expected);
}

#[test]
fn the_chunk_captures_its_environment() {
    let capture = |source| compiled(source).captures[0].clone();
    assert_eq!((&*capture("").name, capture("").from), ("_ENV", CaptureFrom::Register(0)));
    assert!(!capture("local _ENV = {} _ENV = nil x = 1").cell);
    assert!(!capture("return function(_ENV) _ENV = x end").cell);
    assert!(capture("function f() _ENV = {} end").cell);
}

#[test]
fn the_implicit_return_stands_at_the_end() {
    let proto = compiled("local function f()\n\nend\n\n");
    assert_eq!(proto.lines.last(), Some(&3), "the line of the last token");
    assert_eq!(*proto.protos[0].lines, [3]);
    assert_eq!((proto.protos[0].line_defined, proto.protos[0].last_line), (1, 3));
}
