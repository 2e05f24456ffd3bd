//! One function per rule that breaks this rule and nothing else.

use std::sync::Arc;

use super::verify;
use crate::bytecode::op::{Instruction as I, NONE, Op, captured, count, imm, konst, reg};
use crate::bytecode::proto::{Capture, CaptureFrom, Constant, LocalInfo, Proto};

fn capture(from: CaptureFrom, cell: bool) -> Capture {
    Capture { name: Box::default(), from, cell }
}

/// A function with one parameter and four registers that captures a value and a cell. `K0` is a number, `K1` a string.
fn function(code: &[I]) -> Proto {
    Proto {
        source: Arc::from(*b"=test"),
        line_defined: 1,
        last_line: 1,
        params: 1,
        vararg: false,
        registers: 4,
        code: code.into(),
        constants: [Constant::Integer(7), Constant::String(Box::from(*b"k"))].into(),
        types: None,
        captures: [capture(CaptureFrom::Register(0), false), capture(CaptureFrom::Register(1), true)].into(),
        protos: Box::default(),
        lines: Box::default(),
        locals: Box::default(),
    }
}

/// The same as a vararg function.
fn vararg(code: &[I]) -> Proto {
    let prepare = [I::new(Op::VarargPrep, count(1), NONE, NONE)];
    Proto { vararg: true, code: [&prepare[..], code].concat().into(), ..function(&[]) }
}

/// The same with a nested function that captures one variable.
fn enclosing(code: &[I], from: CaptureFrom, cell: bool) -> Proto {
    let nested = Proto { captures: [capture(from, cell)].into(), ..function(&[return0()]) };
    Proto { protos: [Arc::new(nested)].into(), ..function(code) }
}

fn abc(op: Op, a: u16, b: u16, c: u16) -> I {
    I::new(op, count(a), count(b), count(c))
}

fn one(op: Op, a: u8) -> I {
    I::new(op, reg(a), NONE, NONE)
}

fn two(op: Op, a: u8, b: u8) -> I {
    I::new(op, reg(a), reg(b), NONE)
}

fn counted(op: Op, a: u8, b: u16, c: u16) -> I {
    I::new(op, reg(a), count(b), count(c))
}

fn jump(op: Op, a: u8, distance: i32) -> I {
    I::wide(op, reg(a), distance as u32)
}

fn return0() -> I {
    I::new(Op::Return0, NONE, NONE, NONE)
}

#[track_caller]
fn accepted(proto: &Proto) {
    verify(proto).expect("nothing is wrong");
}

#[track_caller]
fn rejected(proto: &Proto, reason: &str) {
    assert_eq!(verify(proto).expect_err("something is wrong").reason, reason);
}

#[track_caller]
fn rejected_code(code: &[I], reason: &str) {
    rejected(&function(&[code, &[return0()]].concat()), reason);
}

#[test]
fn operands_name_what_exists() {
    rejected_code(&[two(Op::Move, 0, 4)], "register out of range");
    rejected_code(&[two(Op::Move, 4, 0)], "register out of range");
    rejected_code(&[abc(Op::Move, 0, 8, 0)], "register out of range");
    rejected_code(&[I::wide(Op::LoadConst, reg(0), 2)], "constant out of range");
    rejected_code(&[I::new(Op::AddK, reg(0), reg(0), konst(2))], "constant out of range");
    rejected_code(&[I::new(Op::GetField, reg(0), reg(0), count(17))], "constant out of range");
    rejected_code(&[I::new(Op::GetCaptured, reg(0), captured(2), NONE)], "captured variable out of range");
    rejected_code(&[I::wide(Op::Closure, reg(0), 0)], "nested function out of range");
}

#[test]
fn groups_of_registers_end_in_time() {
    let group = "registers out of range";
    for group_of_one_too_many in [
        counted(Op::LoadNil, 1, 4, 0),
        I::new(Op::Method, reg(3), reg(0), konst(1)),
        counted(Op::SetList, 0, 4, 0),
        I::new(Op::Concat, reg(0), reg(2), count(3)),
        counted(Op::Call, 0, 5, 1),
        counted(Op::Call, 0, 1, 6),
        counted(Op::TailCall, 0, 5, 0),
        counted(Op::Return, 0, 6, 0),
        jump(Op::ForPrep, 2, 0),
        jump(Op::ForPrep1, 3, 0),
        jump(Op::ForLoop, 2, -1),
        jump(Op::ForLoop1, 3, -1),
        counted(Op::GenericCall, 0, 0, 1),
        jump(Op::GenericLoop, 1, -1),
    ] {
        rejected_code(&[group_of_one_too_many], group);
    }
    rejected(&vararg(&[counted(Op::Vararg, 0, 0, 6), counted(Op::ReturnVararg, 0, 1, 0)]), group);
    accepted(&function(&[counted(Op::LoadNil, 0, 4, 0), counted(Op::Return, 0, 5, 0)]));
}

#[test]
fn operands_are_of_their_kind() {
    rejected_code(&[I::new(Op::GetField, reg(0), reg(0), konst(0))], "key is no string");
    rejected_code(&[I::new(Op::SetField, reg(0), konst(0), reg(0))], "key is no string");
    rejected_code(&[I::new(Op::Method, reg(0), reg(0), konst(0))], "key is no string");
    rejected_code(&[I::new(Op::AddK, reg(0), reg(0), konst(1))], "operand is no number");
    rejected_code(&[I::new(Op::GetCaptured, reg(0), captured(1), NONE)], "captured variable of another kind");
    rejected_code(&[I::new(Op::GetCapturedCell, reg(0), captured(0), NONE)], "captured variable of another kind");
    rejected_code(&[I::new(Op::SetCapturedCell, reg(0), captured(0), NONE)], "captured variable of another kind");
    rejected_code(&[I::new(Op::GetGlobal, reg(0), captured(1), konst(1))], "captured variable of another kind");
    rejected_code(&[I::new(Op::SetGlobal, reg(0), captured(1), konst(1))], "captured variable of another kind");
    rejected_code(&[I::new(Op::Concat, reg(0), reg(0), count(1))], "too few operands");
    rejected_code(&[abc(Op::Halt, 0, 0, 0)], "operation of the machine itself");
    rejected_code(&[abc(Op::Resume, 0, 0, 0)], "operation of the machine itself");
    rejected_code(&[abc(Op::CoroutineEnd, 0, 0, 0)], "operation of the machine itself");
    rejected_code(&[two(Op::Move, 0, 0).with_x(1)], "unknown flag");
    rejected_code(&[I::new(Op::AddInt, reg(0), reg(0), imm(1)).with_x(3)], "unknown flag");
    rejected_code(&[I::new(Op::SubK, reg(0), reg(0), konst(0)).with_x(2)], "unknown flag");
}

#[test]
fn code_that_nothing_leads_to_is_checked_as_well() {
    rejected(&function(&[return0(), two(Op::Move, 9, 0), return0()]), "register out of range");
}

#[test]
fn jumps_stay_inside_and_conditions_lead_forward() {
    rejected_code(&[jump(Op::Jump, 0, 1)], "jump out of the function");
    rejected_code(&[jump(Op::Jump, 0, -2)], "jump out of the function");
    rejected_code(&[jump(Op::Jump, 0, i32::MAX)], "jump out of the function");
    rejected_code(&[jump(Op::JumpIf, 0, -1)], "conditional jump backward");
    rejected_code(&[I::new(Op::JumpLt, reg(0), reg(0), imm(-1))], "conditional jump backward");
    rejected_code(&[I::new(Op::JumpEqK, reg(0), konst(0), count(0xffff))], "conditional jump backward");
    rejected_code(&[I::new(Op::JumpEqK, reg(0), konst(0), imm(1))], "jump out of the function");
    rejected_code(&[jump(Op::ForPrep1, 0, -1)], "conditional jump backward");
    rejected_code(&[jump(Op::ForLoop1, 0, 0)], "loop that leads forward");
    accepted(&function(&[jump(Op::Jump, 0, -1), return0()]));
}

#[test]
fn a_function_is_framed() {
    rejected(&function(&[]), "no return at the end");
    rejected(&function(&[one(Op::LoadTrue, 0)]), "no return at the end");
    rejected(&function(&[return0(), jump(Op::Jump, 0, -2)]), "no return at the end");
    let whole = function(&[return0()]);
    rejected(&Proto { params: 5, ..whole.clone() }, "no room for parameters");
    rejected(&Proto { registers: 251, ..whole.clone() }, "too many registers");
    rejected(&Proto { lines: [1, 2].into(), ..whole.clone() }, "lines do not match instructions");
    rejected(
        &Proto { captures: vec![capture(CaptureFrom::Itself, false); 256].into(), ..whole.clone() },
        "too many captured variables",
    );
    accepted(&Proto { lines: [1].into(), ..whole });
}

#[test]
fn functions_are_vararg_or_not() {
    let end = counted(Op::ReturnVararg, 0, 1, 0);
    accepted(&vararg(&[counted(Op::Vararg, 0, 0, 2), end.clone()]));
    let misplaced = "misplaced preparation of extra arguments";
    rejected_code(&[abc(Op::VarargPrep, 1, 0, 0)], misplaced);
    rejected(&vararg(&[abc(Op::VarargPrep, 1, 0, 0), end.clone()]), misplaced);
    rejected(&Proto { params: 0, ..vararg(std::slice::from_ref(&end)) }, misplaced);
    rejected(&Proto { vararg: true, ..function(&[return0()]) }, "no preparation of extra arguments");
    rejected_code(&[counted(Op::Vararg, 0, 0, 2)], "extra arguments where there are none");
    rejected(&function(std::slice::from_ref(&end)), "extra arguments where there are none");
    for plain in [return0(), one(Op::Return1, 0), counted(Op::Return, 0, 1, 0)] {
        rejected(&vararg(&[plain, end.clone()]), "return of a function without extra arguments");
    }
    rejected_code(&[counted(Op::TailCall, 0, 1, 0).with_x(1)], "tail call of another kind of function");
    rejected(&vararg(&[counted(Op::TailCall, 0, 1, 0), end]), "tail call of another kind of function");
}

#[test]
fn registers_are_set_before_they_are_read() {
    let unset = "register without a value";
    for reads in [
        two(Op::Move, 0, 1),
        two(Op::Not, 0, 1),
        I::new(Op::Add, reg(0), reg(0), reg(1)),
        I::new(Op::SetField, reg(1), konst(1), reg(0)),
        I::new(Op::SetIndex, reg(0), reg(0), reg(1)),
        I::new(Op::SetGlobal, reg(1), captured(0), konst(1)),
        I::new(Op::SetCapturedCell, reg(1), captured(1), NONE),
        I::new(Op::Method, reg(0), reg(1), konst(1)),
        I::new(Op::Concat, reg(0), reg(0), count(2)),
        I::new(Op::JumpLt, reg(0), reg(1), imm(0)),
        I::new(Op::JumpIfCopy, reg(0), reg(1), imm(0)),
        jump(Op::JumpIf, 1, 0),
        jump(Op::ForPrep1, 0, 0),
        one(Op::NewCell, 1),
        one(Op::Return1, 1),
        counted(Op::Call, 1, 1, 1),
        counted(Op::Call, 0, 2, 1),
        counted(Op::SetList, 0, 1, 0),
        counted(Op::Return, 0, 3, 0),
    ] {
        rejected_code(&[reads], unset);
    }
}

#[test]
fn a_call_uses_up_the_registers_above_it() {
    let set = [two(Op::Move, 1, 0), two(Op::Move, 2, 0), two(Op::Move, 3, 0)];
    let after = |call: I, read: u8| function(&[&set[..], &[call, one(Op::Return1, read), return0()]].concat());
    accepted(&after(counted(Op::Call, 1, 2, 2), 0));
    accepted(&after(counted(Op::Call, 1, 2, 2), 1));
    rejected(&after(counted(Op::Call, 1, 2, 1), 1), "register without a value");
    rejected(&after(counted(Op::Call, 1, 2, 2), 2), "register without a value");
    rejected(&after(counted(Op::Call, 1, 2, 2), 3), "register without a value");
}

#[test]
fn cells_are_no_values() {
    let cell = |read: I| function(&[two(Op::Move, 1, 0), one(Op::NewCell, 1), read, return0()]);
    accepted(&cell(two(Op::GetCell, 2, 1)));
    accepted(&cell(two(Op::SetCell, 1, 0)));
    accepted(&cell(one(Op::LoadTrue, 1)));
    rejected(&cell(two(Op::Move, 2, 1)), "register without a value");
    rejected(&cell(two(Op::SetCell, 1, 1)), "register without a value");
    rejected(&cell(one(Op::NewCell, 1)), "register without a value");
    rejected(&cell(one(Op::Return1, 1)), "register without a value");
    rejected(&cell(two(Op::GetCell, 2, 0)), "register without a cell");
    rejected(&cell(two(Op::SetCell, 0, 0)), "register without a cell");
}

#[test]
fn where_paths_meet_the_weaker_one_counts() {
    // A cell on one path, a value on the other.
    let code = [two(Op::Move, 1, 0), jump(Op::JumpIf, 0, 1), one(Op::NewCell, 1)];
    rejected_code(&[&code[..], &[one(Op::Return1, 1)]].concat(), "register without a value");
    rejected_code(&[&code[..], &[two(Op::GetCell, 2, 1)]].concat(), "register without a cell");
    rejected_code(&[jump(Op::JumpIf, 0, 1), one(Op::LoadTrue, 1), one(Op::Return1, 1)], "register without a value");
    accepted(&function(&[one(Op::LoadTrue, 1), jump(Op::JumpIf, 0, 1), one(Op::LoadNil, 1), one(Op::Return1, 1)]));
}

#[test]
fn loops_are_followed_until_nothing_changes() {
    // The second round finds a cell where the first found a value.
    let code = [two(Op::Move, 1, 0), two(Op::Move, 2, 1), one(Op::NewCell, 1), jump(Op::Jump, 0, -3)];
    rejected_code(&code, "register without a value");
    let code = [two(Op::Move, 1, 0), two(Op::Move, 2, 1), one(Op::NewCell, 1), jump(Op::Jump, 0, -4)];
    accepted(&function(&[&code[..], &[return0()]].concat()));
}

#[test]
fn a_copy_is_made_only_by_the_jump() {
    let copy = |rest: &[I]| function(&[&[I::new(Op::JumpIfCopy, reg(1), reg(0), imm(1))], rest, &[return0()]].concat());
    accepted(&copy(&[return0(), one(Op::Return1, 1)]));
    rejected(&copy(&[one(Op::Return1, 1)]), "register without a value");
}

#[test]
fn open_lists_end_at_once() {
    let open = counted(Op::Call, 0, 1, 0);
    let unended = "list without an end";
    accepted(&function(&[open.clone(), counted(Op::Return, 0, 0, 0)]));
    rejected_code(std::slice::from_ref(&open), unended);
    rejected_code(&[open.clone(), one(Op::LoadTrue, 1)], unended);
    rejected_code(&[open.clone(), counted(Op::Return, 0, 2, 0)], unended);
    rejected_code(&[counted(Op::Call, 0, 0, 1)], unended);
    rejected_code(&[counted(Op::Return, 0, 0, 0)], unended);
    rejected_code(&[counted(Op::SetList, 0, 0, 0)], unended);
    // Top lies below the first argument.
    rejected_code(&[one(Op::LoadTrue, 1), open.clone(), counted(Op::Call, 0, 0, 1)], "register without a value");
    let filled = [two(Op::Move, 1, 0), two(Op::Move, 2, 0), counted(Op::Call, 1, 1, 0)];
    rejected_code(&[&filled[..], &[counted(Op::Return, 2, 0, 0)]].concat(), "list ends before it begins");
    // A jump behind the call arrives where the call leaves a list.
    rejected_code(&[jump(Op::JumpIf, 0, 1), open, counted(Op::Return, 0, 0, 0)], "jump into a list");
}

#[test]
fn tail_calls_are_returned() {
    let tail = counted(Op::TailCall, 0, 1, 0);
    accepted(&function(&[tail.clone(), counted(Op::Return, 0, 0, 0)]));
    rejected_code(std::slice::from_ref(&tail), "tail call without a return");
    rejected_code(&[tail.clone(), counted(Op::Call, 0, 0, 1)], "tail call without a return");
    rejected_code(&[tail, counted(Op::Return, 1, 0, 0)], "tail call without a return");
}

#[test]
fn iterators_are_called_for_a_loop() {
    let frame = |rest: &[I]| {
        let set = [two(Op::Move, 1, 0), two(Op::Move, 2, 0), jump(Op::Jump, 0, 1), two(Op::Move, 0, 3)];
        Proto { registers: 6, ..function(&[&set[..], rest, &[return0()]].concat()) }
    };
    let call = counted(Op::GenericCall, 0, 0, 1);
    accepted(&frame(&[call.clone(), jump(Op::GenericLoop, 0, -3)]));
    rejected(&frame(std::slice::from_ref(&call)), "iterator without a loop");
    rejected(&frame(&[call.clone(), jump(Op::GenericLoop, 1, -3)]), "iterator without a loop");
    rejected(&frame(&[jump(Op::GenericLoop, 0, -2)]), "loop without an iterator");
    rejected(&frame(&[counted(Op::GenericCall, 0, 0, 0), jump(Op::GenericLoop, 0, -3)]), "too few variables");
    // The second variable is set in a round, but not after the last one.
    let two_variables = [counted(Op::GenericCall, 0, 0, 2), jump(Op::GenericLoop, 0, -3)];
    rejected(&frame(&[&two_variables[..], &[one(Op::Return1, 4)]].concat()), "register without a value");
}

#[test]
fn closures_capture_what_their_function_expects() {
    let make = [I::wide(Op::Closure, reg(2), 0), return0()];
    let cell = [one(Op::NewCell, 0), I::wide(Op::Closure, reg(2), 0), return0()];
    accepted(&enclosing(&make, CaptureFrom::Register(0), false));
    accepted(&enclosing(&cell, CaptureFrom::Register(0), true));
    accepted(&enclosing(&make, CaptureFrom::Captured(0), false));
    accepted(&enclosing(&make, CaptureFrom::Captured(1), true));
    accepted(&enclosing(&make, CaptureFrom::Itself, false));
    rejected(&enclosing(&make, CaptureFrom::Register(1), false), "register without a value");
    rejected(&enclosing(&make, CaptureFrom::Register(255), false), "register without a value");
    rejected(&enclosing(&cell, CaptureFrom::Register(0), false), "register without a value");
    rejected(&enclosing(&make, CaptureFrom::Register(0), true), "register without a cell");
    for (from, cell) in [
        (CaptureFrom::Captured(0), true),
        (CaptureFrom::Captured(1), false),
        (CaptureFrom::Captured(2), false),
        (CaptureFrom::Itself, true),
    ] {
        rejected(&enclosing(&make, from, cell), "captured variable of another kind");
    }
}

#[test]
fn nested_functions_are_verified() {
    let bad = Arc::new(function(&[two(Op::Move, 0, 9), return0()]));
    rejected(&Proto { protos: [bad].into(), ..function(&[return0()]) }, "register out of range");
}

#[test]
fn variables_lie_below_calls() {
    let local = |register, start, end| LocalInfo { name: "x".into(), register, cell: false, start, end };
    let with = |local: LocalInfo| {
        let code = [two(Op::Move, 1, 0), counted(Op::Call, 1, 1, 1), return0()];
        Proto { locals: [local].into(), ..function(&code) }
    };
    accepted(&with(local(0, 0, 3)));
    accepted(&with(local(1, 0, 1)));
    accepted(&with(local(1, 2, 3)));
    for register in 1..4 {
        rejected(&with(local(register, 1, 2)), "variable in the registers of a call");
        rejected(&with(local(register, 0, 3)), "variable in the registers of a call");
    }
    rejected(&with(local(4, 0, 1)), "variable out of range");
    rejected(&with(local(0, 2, 1)), "scope out of range");
    rejected(&with(local(0, 0, 4)), "scope out of range");
    // Two variables in one register, of which one has ended.
    let both = Proto { locals: [local(1, 0, 1), local(1, 0, 2)].into(), ..with(local(0, 0, 0)) };
    rejected(&both, "variable in the registers of a call");
}
