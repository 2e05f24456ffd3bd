//! What must hold for the code of every function, checked over generated programs.

use proptest::prelude::*;

use super::compiled;
use crate::bytecode::op::{Instruction, MAX_REGISTERS, Op, Operand, index};
use crate::bytecode::proto::{CaptureFrom, Proto};

/// Checks `proto` and the functions nested in it; panics with what is wrong.
pub(super) fn check(proto: &Proto) {
    assert!(usize::from(proto.registers) <= MAX_REGISTERS);
    assert_eq!(proto.lines.len(), proto.code.len());
    for (pc, instruction) in proto.code.iter().enumerate() {
        check_instruction(proto, pc, instruction);
    }
    let last = proto.code.last().expect("no function is empty");
    assert!(matches!(last.op, Op::Return0 | Op::ReturnVararg), "the last instruction is {:?}", last.op);
    assert_eq!(proto.vararg, proto.code[0].op == Op::VarargPrep);
    for local in &proto.locals {
        assert!(local.register < proto.registers && local.start <= local.end, "{local:?}");
        assert!(local.end as usize <= proto.code.len(), "{local:?}");
    }
    for nested in &proto.protos {
        for capture in &nested.captures {
            match capture.from {
                CaptureFrom::Register(register) => assert!(register < proto.registers),
                CaptureFrom::Captured(outer) => {
                    assert_eq!(proto.captures[usize::from(outer)].cell, capture.cell, "{}", capture.name);
                }
                CaptureFrom::Itself => assert!(!capture.cell),
            }
        }
        check(nested);
    }
}

fn check_instruction(proto: &Proto, pc: usize, instruction: &Instruction) {
    let context = || format!("instruction {pc}: {instruction:?}");
    let fields = [instruction.a, instruction.b, instruction.c];
    let in_code = |distance: i64| {
        let target = pc as i64 + 1 + distance;
        assert!((0..proto.code.len() as i64).contains(&target), "{}", context());
    };
    assert!(instruction.op.is_compiled(), "{}", context());
    for (kind, stored) in instruction.op.operands().into_iter().zip(fields) {
        match kind {
            Operand::Reg => assert!(index(stored) < usize::from(proto.registers), "{}", context()),
            Operand::Const => assert!(index(stored) < proto.constants.len(), "{}", context()),
            Operand::WideConst => assert!((instruction.bc() as usize) < proto.constants.len(), "{}", context()),
            Operand::WideProto => assert!((instruction.bc() as usize) < proto.protos.len(), "{}", context()),
            Operand::Captured => {
                let cell = matches!(instruction.op, Op::GetCapturedCell | Op::SetCapturedCell);
                assert_eq!(proto.captures[index(stored)].cell, cell, "{}", context());
            }
            Operand::Jump => {
                assert!(stored as i16 >= 0, "a fused jump goes back: {}", context());
                in_code(i64::from(stored as i16));
            }
            Operand::WideJump => {
                let conditional = matches!(instruction.op, Op::JumpIf | Op::JumpIfNot | Op::ForPrep | Op::ForPrep1);
                assert!(!conditional || instruction.signed_bc() >= 0, "{}", context());
                in_code(i64::from(instruction.signed_bc()));
            }
            Operand::None | Operand::Imm | Operand::Count | Operand::WideImm => {}
        }
    }
    // The registers that an instruction uses beyond those it names.
    let first = index(instruction.a);
    let used = match instruction.op {
        Op::LoadNil => first + usize::from(instruction.b),
        Op::Method => first + 2,
        Op::Call => first + usize::from(instruction.b.max(instruction.c).max(1)),
        Op::TailCall => first + usize::from(instruction.b.max(1)),
        Op::Return | Op::ReturnVararg => first + usize::from(instruction.b.max(1)) - 1,
        Op::Vararg => first + usize::from(instruction.c.max(1)) - 1,
        Op::SetList => first + 1 + usize::from(instruction.b),
        Op::Concat => index(instruction.b) + usize::from(instruction.c),
        Op::ForPrep => first + 3,
        Op::ForPrep1 => first + 2,
        Op::GenericCall => first + 3 + usize::from(instruction.c).max(3),
        _ => 0,
    };
    // A call may leave one result less than its first register if it has none.
    assert!(used <= usize::from(proto.registers) + usize::from(instruction.op == Op::Call), "{}", context());
    // An open list is consumed by the very next instruction that takes one.
    if matches!(instruction.op, Op::Call | Op::Vararg) && instruction.c == 0 {
        let next = &proto.code[pc + 1];
        let takes_top = matches!(next.op, Op::Call | Op::TailCall | Op::Return | Op::ReturnVararg | Op::SetList);
        assert!(takes_top && next.b == 0, "{}", context());
    }
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "nil", "true", "false", "1", "0", "-3", "70000", "1.5", "2.0", "1e300", "'s'", "a", "b", "c", "g", "...",
            "{}", "_ENV", "u.x",
        ])
        .prop_map(str::to_owned),
        any::<i64>().prop_map(|value| format!("({value})")),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let binary = prop::sample::select(vec![
            "+", "-", "*", "/", "//", "%", "^", "..", "==", "~=", "<", "<=", ">", ">=", "and", "or", "&", "|", "~",
            "<<", ">>",
        ]);
        let unary = prop::sample::select(vec!["not ", "- ", "#", "~"]);
        prop_oneof![
            4 => (inner.clone(), binary, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            2 => (unary, inner.clone()).prop_map(|(op, a)| format!("{op}{a}")),
            1 => inner.clone().prop_map(|a| format!("({a})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, key)| format!("({a})[{key}]")),
            1 => (inner.clone(), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(f, args)| format!("({f})({})", args.join(", "))),
            1 => (inner.clone(), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(o, args)| format!("({o}):m({})", args.join(", "))),
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("{{{}}}", items.join(", "))),
            1 => (inner.clone(), inner.clone()).prop_map(|(k, v)| format!("{{[{k}] = {v}, x = {v}}}")),
            1 => inner.prop_map(|body| format!("function(c, ...) a = b return {body} end")),
        ]
    })
}

fn block() -> impl Strategy<Value = String> {
    let expressions = || prop::collection::vec(expression(), 1..4).prop_map(|list| list.join(", "));
    let name = || prop::sample::select(vec!["a", "b", "c", "g"]);
    let statement = prop_oneof![
        (name(), expressions()).prop_map(|(name, list)| format!("local {name}, c = {list}")),
        (name(), name(), expressions()).prop_map(|(a, b, list)| format!("{a}, {b}, {a}[{b}] = {list}")),
        (name(), expression()).prop_map(|(a, e)| format!("{a} = {e}")),
        (name(), expressions()).prop_map(|(f, list)| format!("{f}({list})")),
        (name(), name()).prop_map(|(f, a)| format!("local function {f}() {a} = {f} return function() {a}() end end")),
        Just("local b".to_owned()),
    ];
    let blocks = statement.prop_recursive(3, 24, 5, move |inner| {
        let body = || prop::collection::vec(inner.clone(), 0..4).prop_map(|list| list.join("\n"));
        prop_oneof![
            body().prop_map(|body| format!("do {body} end")),
            (expression(), body(), body())
                .prop_map(|(c, x, y)| format!("if {c} then {x} elseif {c} then else {y} end")),
            (expression(), body()).prop_map(|(c, x)| format!("while {c} do {x} if a then break end end")),
            (expression(), body()).prop_map(|(c, x)| format!("repeat {x} until {c}")),
            (expression(), body()).prop_map(|(c, x)| format!("for a = 1, {c} do {x} g = function() return a end end")),
            (expression(), body()).prop_map(|(c, x)| format!("for b = 1, 2, {c} do {x} end")),
            (expressions(), body())
                .prop_map(|(c, x)| format!("for a, b in {c} do if c then goto next end {x} ::next:: end")),
        ]
    });
    (prop::collection::vec(blocks, 0..6), expressions())
        .prop_map(|(list, result)| format!("{}\nreturn {result}", list.join("\n")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn generated_programs_are_well_formed(source in block()) {
        check(&compiled(&source));
    }
}
