//! The growing instruction list of one function, and its jumps.
//!
//! While code is generated, a jump instruction carries no distance. Where it goes is kept beside it, per instruction,
//! as the *link*: either its final target, or, as long as that is unknown, the next jump of the [`JumpList`] it is on.
//! Distances are encoded once at the end, by [`super::layout`].
//!
//! Conditional jumps only ever go forward. Every backward edge is a `Jump` or one of the loop instructions, so that the
//! machine need look at its budget nowhere else.

use crate::bytecode::op::{self, Field, Instruction, NONE, Op, reg};

/// The link of an instruction that has none.
pub(super) const NO_LINK: u32 = u32::MAX;

/// The destination of a copying test before it is known whether its value is wanted.
const UNDECIDED: Field = Field(u16::MAX);

/// Jumps that wait for the same target, chained through their links.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct JumpList {
    head: u32,
    tail: u32,
}

impl JumpList {
    /// No jumps.
    pub(super) const EMPTY: JumpList = JumpList { head: NO_LINK, tail: NO_LINK };

    /// Just the jump at `pc`.
    pub(super) fn one(pc: u32) -> Self {
        JumpList { head: pc, tail: pc }
    }

    pub(super) fn is_empty(self) -> bool {
        self.head == NO_LINK
    }
}

/// Instructions with their lines and links.
#[derive(Default)]
pub(super) struct CodeBuffer {
    pub(super) instructions: Vec<Instruction>,
    pub(super) lines: Vec<u32>,
    pub(super) links: Vec<u32>,
    /// Instructions that stand for nothing in the source: first and end of each run of them.
    lineless: Vec<(u32, u32)>,
    /// The last jump target: instructions before it must not be merged with those after it.
    barrier: u32,
}

impl CodeBuffer {
    /// The place of the next instruction.
    pub(super) fn here(&self) -> u32 {
        self.instructions.len() as u32
    }

    /// Declares the place of the next instruction a jump target.
    pub(super) fn mark(&mut self) -> u32 {
        self.barrier = self.here();
        self.barrier
    }

    /// Appends an instruction and returns its place.
    pub(super) fn emit(&mut self, instruction: Instruction, line: u32) -> u32 {
        self.instructions.push(instruction);
        self.lines.push(line);
        self.links.push(NO_LINK);
        self.here() - 1
    }

    /// The instructions from `first` on stand for nothing in the source: they take the line of what follows.
    pub(super) fn leave_lineless(&mut self, first: u32) {
        self.lineless.push((first, self.here()));
    }

    /// Gives all instructions their final lines; the last one is not lineless.
    pub(super) fn settle_lines(&mut self) {
        for (first, end) in std::mem::take(&mut self.lineless).into_iter().rev() {
            let line = self.lines[end as usize];
            self.lines[first as usize..end as usize].fill(line);
        }
    }

    /// The instruction at `pc`.
    pub(super) fn at(&mut self, pc: u32) -> &mut Instruction {
        &mut self.instructions[pc as usize]
    }

    /// The last instruction, unless a jump may arrive right after it.
    pub(super) fn last_in_line(&mut self) -> Option<&mut Instruction> {
        if self.barrier < self.here() { self.instructions.last_mut() } else { None }
    }

    /// Takes back the last instruction.
    pub(super) fn retract(&mut self) {
        self.instructions.pop();
        self.lines.pop();
        self.links.pop();
    }

    /// Emits an unconditional jump.
    pub(super) fn jump(&mut self, line: u32) -> JumpList {
        JumpList::one(self.emit(Instruction::wide(Op::Jump, NONE, 0), line))
    }

    /// Emits an unconditional jump to a known place.
    pub(super) fn jump_to(&mut self, target: u32, line: u32) {
        let jump = self.jump(line);
        self.patch(jump, target);
    }

    /// Emits a jump taken if the truth of `register` is `sense`, which can deliver the value tested (see
    /// [`Self::patch_values`]).
    pub(super) fn test(&mut self, register: u8, sense: bool, line: u32) -> u32 {
        let op = if sense { Op::JumpIfCopy } else { Op::JumpIfNotCopy };
        self.emit(Instruction::new(op, UNDECIDED, reg(register), NONE), line)
    }

    /// Adds the jumps of `more` to `list`.
    pub(super) fn append(&mut self, list: &mut JumpList, more: JumpList) {
        if more.is_empty() {
            return;
        }
        if list.is_empty() {
            *list = more;
        } else {
            self.links[list.tail as usize] = more.head;
            list.tail = more.tail;
        }
    }

    fn each(&mut self, list: JumpList, mut visit: impl FnMut(&mut Self, u32)) {
        let mut pc = list.head;
        while pc != NO_LINK {
            let next = self.links[pc as usize];
            visit(self, pc);
            pc = next;
        }
    }

    /// Lets the jumps of `list` go to `target`, without delivering a value.
    pub(super) fn patch(&mut self, list: JumpList, target: u32) {
        self.each(list, |this, pc| {
            this.settle_test(pc, None);
            this.links[pc as usize] = target;
        });
    }

    /// Lets the jumps of `list` arrive here.
    pub(super) fn patch_here(&mut self, list: JumpList) {
        if !list.is_empty() {
            let here = self.mark();
            self.patch(list, here);
        }
    }

    /// Lets the jumps of `list` that can deliver the value they tested do so in `register` and go to `target`; the
    /// others go to `load`, where the value is loaded.
    pub(super) fn patch_values(&mut self, list: JumpList, register: u8, target: u32, load: u32) {
        self.each(list, |this, pc| {
            this.links[pc as usize] = if this.settle_test(pc, Some(register)) { target } else { load };
        });
    }

    /// Turns the jumps of `list` into ones that deliver no value.
    pub(super) fn drop_values(&mut self, list: JumpList) {
        self.each(list, |this, pc| {
            this.settle_test(pc, None);
        });
    }

    /// Whether some jump of `list` cannot deliver a value itself.
    pub(super) fn needs_load(&mut self, list: JumpList) -> bool {
        let mut needs = false;
        self.each(list, |this, pc| {
            needs |= !matches!(this.at(pc).op, Op::JumpIfCopy | Op::JumpIfNotCopy);
        });
        needs
    }

    /// Decides whether the test at `pc` copies. False if it is no undecided test.
    fn settle_test(&mut self, pc: u32, destination: Option<u8>) -> bool {
        let test = self.at(pc);
        let plain = match test.op {
            Op::JumpIfCopy => Op::JumpIf,
            Op::JumpIfNotCopy => Op::JumpIfNot,
            _ => return false,
        };
        match destination {
            Some(register) if reg(register).0 != test.b => test.a = reg(register).0,
            _ => *test = Instruction::wide(plain, Field(test.b), 0),
        }
        true
    }

    /// Turns the conditional jump at `pc` into its opposite.
    pub(super) fn negate(&mut self, pc: u32) {
        let jump = self.at(pc);
        jump.op = opposite(jump.op).expect("only comparisons are negated");
    }

    /// `R[from], … = nil`, joined with an adjacent `LoadNil` right before it.
    pub(super) fn load_nil(&mut self, from: u8, n: u8, line: u32) {
        let (from, n) = (u16::from(from), u16::from(n));
        if let Some(last) = self.last_in_line()
            && last.op == Op::LoadNil
        {
            let start = op::index(last.a) as u16;
            let end = start + last.b;
            if start <= from && from <= end {
                last.b = last.b.max(from + n - start);
                return;
            }
        }
        self.emit(Instruction::new(Op::LoadNil, Field(from * op::SCALE), op::count(n), NONE), line);
    }
}

/// The conditional jump that is taken exactly if `op` is not.
pub(super) const fn opposite(op: Op) -> Option<Op> {
    Some(match op {
        Op::JumpIf => Op::JumpIfNot,
        Op::JumpIfNot => Op::JumpIf,
        Op::JumpEq => Op::JumpNe,
        Op::JumpNe => Op::JumpEq,
        Op::JumpEqK => Op::JumpNeK,
        Op::JumpNeK => Op::JumpEqK,
        Op::JumpLt => Op::JumpNotLt,
        Op::JumpNotLt => Op::JumpLt,
        Op::JumpLe => Op::JumpNotLe,
        Op::JumpNotLe => Op::JumpLe,
        Op::JumpLtInt => Op::JumpNotLtInt,
        Op::JumpNotLtInt => Op::JumpLtInt,
        Op::JumpLeInt => Op::JumpNotLeInt,
        Op::JumpNotLeInt => Op::JumpLeInt,
        Op::JumpGtInt => Op::JumpNotGtInt,
        Op::JumpNotGtInt => Op::JumpGtInt,
        Op::JumpGeInt => Op::JumpNotGeInt,
        Op::JumpNotGeInt => Op::JumpGeInt,
        _ => return None,
    })
}
