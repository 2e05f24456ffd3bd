//! What registers hold, along every path: values, cells, or nothing one may rely on.
//!
//! The code is run once per path with sets of registers instead of values. Where paths meet, a register holds what it
//! holds on all of them; when that is less than it was, the code from there on is looked at again. Registers can only
//! be lost, so this ends; the order of the code is nearly that of execution, so it ends soon.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::operands::{is_return, jump_target};
use super::{Check, ensure};
use crate::bytecode::op::{Instruction, Op, Operand, index};
use crate::bytecode::proto::{CaptureFrom, Proto};

/// Visits per instruction on average before the function is given up. Nested loops need a few; hundreds are an attack.
const MAX_VISITS: usize = 200;

/// Checks one function, whose operands have been checked. An error names the instruction.
pub(super) fn check(proto: &Proto) -> Result<(), (usize, &'static str)> {
    let mut paths = Paths::new(proto);
    let mut visits = proto.code.len().saturating_mul(MAX_VISITS);
    while let Some((start, mut state)) = paths.next() {
        for pc in start.. {
            visits = visits.checked_sub(1).ok_or((pc, "too many paths"))?;
            let i = &proto.code[pc];
            let jumping = step(proto, i, &mut state).map_err(|reason| (pc, reason))?;
            if let Some(target) = jump_target(i, pc) {
                paths.join(target, jumping.as_ref().unwrap_or(&state)).map_err(|reason| (pc, reason))?;
            }
            if i.op == Op::Jump || is_return(i.op) {
                break;
            }
            if paths.is_junction(pc + 1) {
                paths.join(pc + 1, &state).map_err(|reason| (pc, reason))?;
                break;
            }
        }
    }
    Ok(())
}

/// A set of registers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct RegisterSet([u64; 4]);

impl RegisterSet {
    pub(super) fn insert(&mut self, register: usize) {
        self.0[register / 64] |= 1 << (register % 64);
    }

    pub(super) fn remove(&mut self, register: usize) {
        self.0[register / 64] &= !(1 << (register % 64));
    }

    fn contains(&self, register: usize) -> bool {
        self.0[register / 64] & 1 << (register % 64) != 0
    }

    /// Whether it has registers from `first` on.
    pub(super) fn has_any_from(&self, first: usize) -> bool {
        (first..256).any(|register| self.contains(register))
    }

    fn and(self, other: RegisterSet) -> RegisterSet {
        RegisterSet(std::array::from_fn(|n| self.0[n] & other.0[n]))
    }
}

/// What the next instruction has to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expected {
    Any,
    /// One that takes the values from this register up to top.
    EndOfList(usize),
    /// A return that does, of this register.
    ReturnOf(usize),
    /// The `GenericLoop` of this register.
    LoopOf(usize),
}

/// What is known before an instruction.
#[derive(Clone, PartialEq, Debug)]
struct State {
    /// Registers with a value, as opposed to a cell.
    values: RegisterSet,
    cells: RegisterSet,
    expected: Expected,
}

impl State {
    fn at_entry(proto: &Proto) -> State {
        let mut state =
            State { values: RegisterSet::default(), cells: RegisterSet::default(), expected: Expected::Any };
        state.set(0..usize::from(proto.params));
        state
    }

    fn read(&self, register: usize) -> Check {
        ensure(self.values.contains(register), "register without a value")
    }

    fn read_all(&self, mut registers: Range<usize>) -> Check {
        registers.try_for_each(|register| self.read(register))
    }

    fn read_cell(&self, register: usize) -> Check {
        ensure(self.cells.contains(register), "register without a cell")
    }

    /// A value is stored in each of these registers.
    fn set(&mut self, registers: Range<usize>) {
        for register in registers {
            self.values.insert(register);
            self.cells.remove(register);
        }
    }

    /// The registers from `first` on have been used by a call or a list.
    fn lose_from(&mut self, first: usize) {
        for register in first..256 {
            self.values.remove(register);
            self.cells.remove(register);
        }
    }

    /// Reads the list that begins at `first` and has `count` - 1 values, or ends at top if `count` is 0; `before` is the
    /// number of registers before it that belong to it (function, table).
    fn read_list(&self, first: usize, before: usize, count: u16, list: Expected) -> Check {
        self.read_all(first - before..first)?;
        match (count, list) {
            (0, Expected::EndOfList(open) | Expected::ReturnOf(open)) => {
                ensure(first <= open, "list ends before it begins")?;
                self.read_all(first..open)
            }
            (0, _) => Err("list without an end"),
            (count, _) => self.read_all(first..first + usize::from(count) - 1),
        }
    }
}

/// Whether an instruction takes a list up to top.
fn ends_list(i: &Instruction) -> bool {
    matches!(i.op, Op::Call | Op::TailCall | Op::Return | Op::ReturnVararg | Op::SetList) && i.b == 0
}

/// Lets `state` pass the instruction. Returns the state in which it jumps, if that is another.
fn step(proto: &Proto, i: &Instruction, state: &mut State) -> Result<Option<State>, &'static str> {
    let (a, b, c) = (index(i.a), index(i.b), index(i.c));
    let expected = std::mem::replace(&mut state.expected, Expected::Any);
    match expected {
        Expected::Any => {}
        Expected::EndOfList(_) => ensure(ends_list(i), "list without an end")?,
        Expected::ReturnOf(call) => {
            ensure(is_return(i.op) && ends_list(i) && a == call, "tail call without a return")?;
        }
        Expected::LoopOf(generic) => ensure(i.op == Op::GenericLoop && a == generic, "iterator without a loop")?,
    }
    match i.op {
        Op::NewCell => {
            state.read(a)?;
            state.values.remove(a);
            state.cells.insert(a);
        }
        Op::GetCell => {
            state.read_cell(b)?;
            state.set(a..a + 1);
        }
        Op::SetCell => {
            state.read_cell(a)?;
            state.read(b)?;
        }
        Op::Closure => {
            captures(proto, i, state)?;
            state.set(a..a + 1);
        }
        Op::SetGlobal | Op::SetCapturedCell | Op::JumpIf | Op::JumpIfNot | Op::Return1 => state.read(a)?,
        Op::LoadNil => state.set(a..a + usize::from(i.b)),
        Op::Method => {
            state.read(b)?;
            state.set(a..a + 2);
        }
        Op::Concat => {
            state.read_all(b..b + usize::from(i.c))?;
            state.set(a..a + 1);
        }
        Op::SetList => {
            let count = if i.b == 0 { 0 } else { i.b + 1 };
            state.read_list(a + 1, 1, count, expected)?;
        }
        Op::JumpIfCopy | Op::JumpIfNotCopy => {
            state.read(b)?;
            let mut jumping = state.clone();
            jumping.set(a..a + 1);
            return Ok(Some(jumping));
        }
        Op::ForPrep | Op::ForLoop => state.read_all(a..a + 3)?,
        Op::ForPrep1 | Op::ForLoop1 => state.read_all(a..a + 2)?,
        Op::GenericCall => {
            state.read_all(a..a + 3)?;
            state.lose_from(a + 3);
            state.set(a + 3..a + 3 + usize::from(i.c));
            state.expected = Expected::LoopOf(a);
        }
        Op::GenericLoop => {
            ensure(matches!(expected, Expected::LoopOf(_)), "loop without an iterator")?;
            let jumping = state.clone();
            // At the end of a traversal only the first variable is certain to have been set.
            state.lose_from(a + 4);
            return Ok(Some(jumping));
        }
        Op::Call | Op::TailCall => {
            state.read_list(a + 1, 1, i.b, expected)?;
            state.lose_from(a);
            match (i.op, i.c) {
                (Op::TailCall, _) => state.expected = Expected::ReturnOf(a),
                (_, 0) => state.expected = Expected::EndOfList(a),
                (_, results) => state.set(a..a + usize::from(results) - 1),
            }
        }
        Op::Return | Op::ReturnVararg => state.read_list(a, 0, i.b, expected)?,
        Op::Vararg if i.c == 0 => {
            state.lose_from(a);
            state.expected = Expected::EndOfList(a);
        }
        Op::Vararg => state.set(a..a + usize::from(i.c) - 1),
        Op::VarargPrep | Op::Return0 | Op::Jump => {}
        // What remains reads the registers it names, but for a first one that it sets.
        op => {
            let kinds = op.operands();
            let reads_first = matches!(op, Op::SetField | Op::SetInt | Op::SetIndex) || kinds[2] == Operand::Jump;
            for (kind, register) in kinds.into_iter().zip([a, b, c]).skip(usize::from(!reads_first)) {
                if kind == Operand::Reg {
                    state.read(register)?;
                }
            }
            if !reads_first {
                state.set(a..a + 1);
            }
        }
    }
    Ok(None)
}

/// Checks that what a new closure captures is of the kind its function expects.
fn captures(proto: &Proto, i: &Instruction, state: &State) -> Check {
    proto.protos[i.bc() as usize].captures.iter().try_for_each(|capture| match capture.from {
        CaptureFrom::Register(register) if capture.cell => state.read_cell(register.into()),
        CaptureFrom::Register(register) => state.read(register.into()),
        CaptureFrom::Captured(index) => {
            let outer = proto.captures.get(usize::from(index));
            ensure(outer.is_some_and(|outer| outer.cell == capture.cell), "captured variable of another kind")
        }
        CaptureFrom::Itself => ensure(!capture.cell, "captured variable of another kind"),
    })
}

/// The places where paths meet, and those from where code is still to be looked at.
struct Paths {
    /// What is known at each place that something jumps to, once a path has arrived there.
    junctions: Vec<Junction>,
    /// The junctions to continue from, foremost first.
    waiting: BinaryHeap<Reverse<usize>>,
}

#[derive(Clone)]
enum Junction {
    /// Nothing jumps here.
    No,
    /// No path has arrived yet.
    Unreached,
    /// What all paths so far agree about, and whether the junction waits.
    Reached(Box<State>, bool),
}

impl Paths {
    fn new(proto: &Proto) -> Paths {
        let mut junctions = vec![Junction::No; proto.code.len()];
        let targets = proto.code.iter().enumerate().filter_map(|(pc, i)| jump_target(i, pc));
        for target in targets {
            junctions[target] = Junction::Unreached;
        }
        junctions[0] = Junction::Reached(Box::new(State::at_entry(proto)), true);
        Paths { junctions, waiting: BinaryHeap::from([Reverse(0)]) }
    }

    /// A junction to continue from.
    fn next(&mut self) -> Option<(usize, State)> {
        let Reverse(pc) = self.waiting.pop()?;
        match &mut self.junctions[pc] {
            Junction::Reached(state, waits) => {
                *waits = false;
                Some((pc, (**state).clone()))
            }
            _ => unreachable!("only reached junctions wait"),
        }
    }

    fn is_junction(&self, pc: usize) -> bool {
        !matches!(self.junctions[pc], Junction::No)
    }

    /// A path arrives at the junction `pc`.
    fn join(&mut self, pc: usize, arriving: &State) -> Check {
        match &mut self.junctions[pc] {
            Junction::Reached(known, waits) => {
                ensure(known.expected == arriving.expected, "jump into a list")?;
                let (values, cells) = (known.values.and(arriving.values), known.cells.and(arriving.cells));
                if (values, cells) == (known.values, known.cells) {
                    return Ok(());
                }
                (known.values, known.cells) = (values, cells);
                if std::mem::replace(waits, true) {
                    return Ok(());
                }
            }
            unreached => *unreached = Junction::Reached(Box::new(arriving.clone()), true),
        }
        self.waiting.push(Reverse(pc));
        Ok(())
    }
}
