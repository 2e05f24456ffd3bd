//! The instruction set: one table from which the opcode enum, the operand kinds and the names are derived.
//!
//! An [`Instruction`] is 8 bytes: opcode, a spare byte `x`, and three 16-bit operands `a`, `b`, `c`; *wide* operands
//! take `b` and `c` together as 32 bits. House rules:
//!
//! * Register and constant operands are stored **as byte offsets** (index × 16, the size of a value), so that the
//!   interpreter adds them to a base pointer without a shift. [`reg`], [`konst`] and [`index`] translate.
//! * Jump distances count instructions, from the instruction after the jump. Conditional jumps lead forward only; the
//!   back edges of loops are `Jump`, `ForLoop`, `ForLoop1` and `GenericLoop`.
//! * `x` is an inline-cache hint in the field instructions (a node index, never trusted, racy on purpose) and a small
//!   flag elsewhere. It is the only byte of a running program that changes, hence the atomic.
//! * *top* is the end of a list of values of variable length: set by an open `Call` or `Vararg` (count operand 0), used
//!   by the next instruction whose count operand is 0.
//! * A local that is captured **and** reassigned lives in a heap cell; its register holds the cell. Everything else is
//!   captured by value. Creating a closure therefore only copies registers, and nothing is ever "closed".

use std::sync::atomic::{AtomicU8, Ordering};

/// What one operand of an instruction means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// Not used.
    None,
    /// A register.
    Reg,
    /// A constant.
    Const,
    /// A captured value of the running closure.
    Captured,
    /// A signed 16-bit number.
    Imm,
    /// An unsigned 16-bit number.
    Count,
    /// A 16-bit jump distance.
    Jump,
    /// `b` and `c`: an unsigned constant index (not scaled).
    WideConst,
    /// `b` and `c`: a signed number.
    WideImm,
    /// `b` and `c`: a jump distance.
    WideJump,
    /// `b` and `c`: the index of a nested function.
    WideProto,
}

macro_rules! instructions {
    ($($(#[$doc:meta])* $name:ident ($a:ident, $b:ident, $c:ident);)*) => {
        /// An operation; see the table in the source for the meaning of its operands.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum Op { $($(#[$doc])* $name,)* }

        impl Op {
            /// Every operation, in numerical order.
            pub const ALL: &[Op] = &[$(Op::$name,)*];

            /// The operand kinds of `a`, `b`, `c`.
            pub const fn operands(self) -> [Operand; 3] {
                match self { $(Op::$name => [Operand::$a, Operand::$b, Operand::$c],)* }
            }

            /// The name used by the disassembler.
            pub const fn name(self) -> &'static str {
                match self { $(Op::$name => stringify!($name),)* }
            }
        }
    };
}

instructions! {
    // ---- moves and constants
    /// `R[a] = R[b]`
    Move(Reg, Reg, None);
    /// `R[a], …, R[a+b-1] = nil`
    LoadNil(Reg, Count, None);
    /// `R[a] = false`
    LoadFalse(Reg, None, None);
    /// `R[a] = true`
    LoadTrue(Reg, None, None);
    /// `R[a] = integer bc`
    LoadInt(Reg, WideImm, None);
    /// `R[a] = K[bc]`
    LoadConst(Reg, WideConst, None);

    // ---- captured values and cells
    /// `R[a] = captured[b]`
    GetCaptured(Reg, Captured, None);
    /// `R[a] = *captured[b]`, which is a cell
    GetCapturedCell(Reg, Captured, None);
    /// `*captured[b] = R[a]`
    SetCapturedCell(Reg, Captured, None);
    /// `R[a] = new cell holding R[a]`
    NewCell(Reg, None, None);
    /// `R[a] = *R[b]`, which is a cell
    GetCell(Reg, Reg, None);
    /// `*R[a] = R[b]`
    SetCell(Reg, Reg, None);

    // ---- tables; `x` is the hint of those with a constant key
    /// `R[a] = captured[b][K[c]]` (`captured[b]` is `_ENV`, by value)
    GetGlobal(Reg, Captured, Const);
    /// `captured[b][K[c]] = R[a]`
    SetGlobal(Reg, Captured, Const);
    /// `R[a] = R[b][K[c]]`, a string key
    GetField(Reg, Reg, Const);
    /// `R[a][K[b]] = R[c]`, a string key
    SetField(Reg, Const, Reg);
    /// `R[a] = R[b][integer c]`
    GetInt(Reg, Reg, Count);
    /// `R[a][integer b] = R[c]`
    SetInt(Reg, Count, Reg);
    /// `R[a] = R[b][R[c]]`
    GetIndex(Reg, Reg, Reg);
    /// `R[a][R[b]] = R[c]`
    SetIndex(Reg, Reg, Reg);
    /// `R[a+1] = R[b]; R[a] = R[b][K[c]]`, a string key
    Method(Reg, Reg, Const);
    /// `R[a] = {}` with room for `b` array items and `c` other keys
    NewTable(Reg, Count, Count);
    /// `R[a][n+i] = R[a+i]` for `1 <= i <= b` (0: up to top), where `n` is `c + 65536 x`, in units of 50
    SetList(Reg, Count, Count);

    // ---- arithmetic on two registers
    /// `R[a] = R[b] + R[c]`
    Add(Reg, Reg, Reg);
    /// `R[a] = R[b] - R[c]`
    Sub(Reg, Reg, Reg);
    /// `R[a] = R[b] * R[c]`
    Mul(Reg, Reg, Reg);
    /// `R[a] = R[b] % R[c]`
    Mod(Reg, Reg, Reg);
    /// `R[a] = R[b] ^ R[c]`
    Pow(Reg, Reg, Reg);
    /// `R[a] = R[b] / R[c]`
    Div(Reg, Reg, Reg);
    /// `R[a] = R[b] // R[c]`
    IDiv(Reg, Reg, Reg);
    /// `R[a] = R[b] & R[c]`
    BAnd(Reg, Reg, Reg);
    /// `R[a] = R[b] | R[c]`
    BOr(Reg, Reg, Reg);
    /// `R[a] = R[b] ~ R[c]`
    BXor(Reg, Reg, Reg);
    /// `R[a] = R[b] << R[c]`
    Shl(Reg, Reg, Reg);
    /// `R[a] = R[b] >> R[c]`
    Shr(Reg, Reg, Reg);

    // ---- arithmetic with a numeric constant; `x` = 1 says the constant was the left operand
    /// `R[a] = R[b] + K[c]`
    AddK(Reg, Reg, Const);
    /// `R[a] = R[b] - K[c]`
    SubK(Reg, Reg, Const);
    /// `R[a] = R[b] * K[c]`
    MulK(Reg, Reg, Const);
    /// `R[a] = R[b] % K[c]`
    ModK(Reg, Reg, Const);
    /// `R[a] = R[b] ^ K[c]`
    PowK(Reg, Reg, Const);
    /// `R[a] = R[b] / K[c]`
    DivK(Reg, Reg, Const);
    /// `R[a] = R[b] // K[c]`
    IDivK(Reg, Reg, Const);
    /// `R[a] = R[b] & K[c]`
    BAndK(Reg, Reg, Const);
    /// `R[a] = R[b] | K[c]`
    BOrK(Reg, Reg, Const);
    /// `R[a] = R[b] ~ K[c]`
    BXorK(Reg, Reg, Const);
    /// `R[a] = R[b] << K[c]`
    ShlK(Reg, Reg, Const);
    /// `R[a] = R[b] >> K[c]`
    ShrK(Reg, Reg, Const);
    /// `R[a] = R[b] + integer c`; `x` = 1: it was written `c + R[b]`, 2: it was written `R[b] - (-c)`
    AddInt(Reg, Reg, Imm);

    // ---- other operators
    /// `R[a] = -R[b]`
    Neg(Reg, Reg, None);
    /// `R[a] = not R[b]`
    Not(Reg, Reg, None);
    /// `R[a] = #R[b]`
    Len(Reg, Reg, None);
    /// `R[a] = ~R[b]`
    BNot(Reg, Reg, None);
    /// `R[a] = R[b] .. … .. R[b+c-1]`; the operands are overwritten
    Concat(Reg, Reg, Count);

    // ---- jumps
    /// Jump
    Jump(None, WideJump, None);
    /// Jump if `R[a]` is true
    JumpIf(Reg, WideJump, None);
    /// Jump if `R[a]` is false or nil
    JumpIfNot(Reg, WideJump, None);
    /// If `R[b]` is true: `R[a] = R[b]` and jump
    JumpIfCopy(Reg, Reg, Jump);
    /// If `R[b]` is false or nil: `R[a] = R[b]` and jump
    JumpIfNotCopy(Reg, Reg, Jump);
    /// Jump if `R[a] == R[b]`
    JumpEq(Reg, Reg, Jump);
    /// Jump if not `R[a] == R[b]`
    JumpNe(Reg, Reg, Jump);
    /// Jump if `R[a] == K[b]`, compared raw (the constant has no `__eq`)
    JumpEqK(Reg, Const, Jump);
    /// Jump if not `R[a] == K[b]`
    JumpNeK(Reg, Const, Jump);
    /// Jump if `R[a] < R[b]`
    JumpLt(Reg, Reg, Jump);
    /// Jump if not `R[a] < R[b]`
    JumpNotLt(Reg, Reg, Jump);
    /// Jump if `R[a] <= R[b]`
    JumpLe(Reg, Reg, Jump);
    /// Jump if not `R[a] <= R[b]`
    JumpNotLe(Reg, Reg, Jump);
    /// Jump if `R[a] < integer b`
    JumpLtInt(Reg, Imm, Jump);
    /// Jump if not `R[a] < integer b`
    JumpNotLtInt(Reg, Imm, Jump);
    /// Jump if `R[a] <= integer b`
    JumpLeInt(Reg, Imm, Jump);
    /// Jump if not `R[a] <= integer b`
    JumpNotLeInt(Reg, Imm, Jump);
    /// Jump if `R[a] > integer b`, that is `b < R[a]`
    JumpGtInt(Reg, Imm, Jump);
    /// Jump if not `R[a] > integer b`
    JumpNotGtInt(Reg, Imm, Jump);
    /// Jump if `R[a] >= integer b`, that is `b <= R[a]`
    JumpGeInt(Reg, Imm, Jump);
    /// Jump if not `R[a] >= integer b`
    JumpNotGeInt(Reg, Imm, Jump);

    // ---- loops
    /// Prepare the loop `R[a]` (start), `R[a+1]` (limit), `R[a+2]` (step); jump past its `ForLoop` if it does not run.
    /// Afterwards `R[a]` is the loop variable and `R[a+1]` of an integer loop the number of further rounds.
    ForPrep(Reg, WideJump, None);
    /// Next round of the loop prepared by `ForPrep`: advance `R[a]` and jump back, or fall through
    ForLoop(Reg, WideJump, None);
    /// As `ForPrep` with the constant step 1; `R[a+1]` stays the limit and `R[a+2]` does not exist
    ForPrep1(Reg, WideJump, None);
    /// Next round of the loop prepared by `ForPrep1`
    ForLoop1(Reg, WideJump, None);
    /// `R[a+3], …, R[a+2+c] = R[a](R[a+1], R[a+2])`
    GenericCall(Reg, None, Count);
    /// If `R[a+3]` is not nil: `R[a+2] = R[a+3]` and jump
    GenericLoop(Reg, WideJump, None);

    // ---- functions
    /// `R[a], … = R[a](R[a+1], …)`: `b-1` arguments (0: up to top), `c-1` results (0: open, sets top)
    Call(Reg, Count, Count);
    /// `return R[a](R[a+1], …)`: `b-1` arguments (0: up to top); `x` = 1 in a vararg function
    TailCall(Reg, Count, None);
    /// `return R[a], …`: `b-1` values (0: up to top)
    Return(Reg, Count, None);
    /// `return`
    Return0(None, None, None);
    /// `return R[a]`
    Return1(Reg, None, None);
    /// `Return` of a vararg function
    ReturnVararg(Reg, Count, None);
    /// `R[a], … = ...`: `c-1` values (0: all, sets top)
    Vararg(Reg, None, Count);
    /// First instruction of a vararg function with `a` named parameters: moves them above the extra arguments
    VarargPrep(Count, None, None);
    /// `R[a] = closure of nested function bc`
    Closure(Reg, WideProto, None);

    // ---- never compiled: the places that calls made by the machine itself return to
    /// Ends the interpreter loop
    Halt(None, None, None);
    /// Continues the native function whose frame this is
    Resume(None, None, None);
    /// Ends the running coroutine
    CoroutineEnd(None, None, None);
}

impl Op {
    /// Whether the compiler may emit it and a binary chunk may contain it.
    pub const fn is_compiled(self) -> bool {
        (self as u8) < Op::Halt as u8
    }

    /// Whether `x` is the number of registers in use (0: all of them) while the instruction makes its object: what lies
    /// above these and above its target is left over, and keeps nothing alive.
    pub const fn counts_live(self) -> bool {
        matches!(self, Op::NewCell | Op::NewTable | Op::Concat | Op::Closure)
    }

    /// Whether `x` is part of the program rather than a hint or unused.
    pub const fn has_flag(self) -> bool {
        matches!(
            self,
            Op::SetList
                | Op::AddInt
                | Op::TailCall
                | Op::AddK
                | Op::SubK
                | Op::MulK
                | Op::ModK
                | Op::PowK
                | Op::DivK
                | Op::IDivK
                | Op::BAndK
                | Op::BOrK
                | Op::BXorK
                | Op::ShlK
                | Op::ShrK
        )
    }
}

/// A digest of the table of instructions. Binary chunks carry it, so that a chunk made for another table is refused.
pub const FINGERPRINT: u64 = {
    // FNV-1a
    const fn digest(mut hash: u64, bytes: &[u8]) -> u64 {
        let mut at = 0;
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        hash
    }
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < Op::ALL.len() {
        let [a, b, c] = Op::ALL[at].operands();
        hash = digest(hash, Op::ALL[at].name().as_bytes());
        hash = digest(hash, &[a as u8, b as u8, c as u8]);
        at += 1;
    }
    hash
};

/// Bytes per register or constant operand step.
pub const SCALE: u16 = 16;

/// Registers a function may use; 256 would not fit a scaled operand together with its call slots.
pub const MAX_REGISTERS: usize = 250;

/// Largest constant index that fits a [`Operand::Const`].
pub const MAX_CONST_OPERAND: usize = (u16::MAX / SCALE) as usize;

/// Array items stored by one [`Op::SetList`].
pub const FIELDS_PER_SETLIST: usize = 50;

/// One instruction; see the module's documentation.
#[derive(Debug)]
#[repr(C, align(8))]
pub struct Instruction {
    /// The operation.
    pub op: Op,
    /// Hint or flag.
    pub x: AtomicU8,
    /// First operand, as stored.
    pub a: u16,
    /// Second operand, as stored.
    pub b: u16,
    /// Third operand, as stored.
    pub c: u16,
}

impl Clone for Instruction {
    fn clone(&self) -> Self {
        Instruction { x: AtomicU8::new(self.x()), ..*self }
    }
}

impl PartialEq for Instruction {
    /// Hints are not part of a program's meaning, but flags are; equality compares both.
    fn eq(&self, other: &Self) -> bool {
        (self.op, self.x(), self.a, self.b, self.c) == (other.op, other.x(), other.a, other.b, other.c)
    }
}

/// A 16-bit operand before it is stored. Built by [`reg`], [`konst`], [`captured`], [`imm`], [`count`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field(pub u16);

/// Register `index`.
pub const fn reg(index: u8) -> Field {
    Field(index as u16 * SCALE)
}

/// Constant `index`, at most [`MAX_CONST_OPERAND`].
pub const fn konst(index: u16) -> Field {
    debug_assert!(index as usize <= MAX_CONST_OPERAND);
    Field(index * SCALE)
}

/// Captured value `index`.
pub const fn captured(index: u8) -> Field {
    Field(index as u16 * SCALE)
}

/// A signed number or a short jump.
pub const fn imm(value: i16) -> Field {
    Field(value as u16)
}

/// A count.
pub const fn count(value: u16) -> Field {
    Field(value)
}

/// No operand.
pub const NONE: Field = Field(0);

impl Instruction {
    /// An instruction with three 16-bit operands.
    pub const fn new(op: Op, a: Field, b: Field, c: Field) -> Self {
        Instruction { op, x: AtomicU8::new(0), a: a.0, b: b.0, c: c.0 }
    }

    /// An instruction whose `b` and `c` hold one 32-bit operand.
    pub const fn wide(op: Op, a: Field, bc: u32) -> Self {
        Instruction { op, x: AtomicU8::new(0), a: a.0, b: bc as u16, c: (bc >> 16) as u16 }
    }

    /// The same with the flag `x`.
    pub const fn with_x(self, x: u8) -> Self {
        Instruction { x: AtomicU8::new(x), ..self }
    }

    /// The hint or flag.
    #[inline(always)]
    pub fn x(&self) -> u8 {
        self.x.load(Ordering::Relaxed)
    }

    /// Replaces the hint.
    #[inline(always)]
    pub fn set_x(&self, x: u8) {
        self.x.store(x, Ordering::Relaxed);
    }

    /// The 32-bit operand in `b` and `c`.
    #[inline(always)]
    pub const fn bc(&self) -> u32 {
        self.b as u32 | (self.c as u32) << 16
    }

    /// The 32-bit operand as a signed number.
    #[inline(always)]
    pub const fn signed_bc(&self) -> i32 {
        self.bc() as i32
    }
}

/// The register, constant or captured-value index that a stored operand names.
pub const fn index(stored: u16) -> usize {
    (stored / SCALE) as usize
}

const _: () = assert!(size_of::<Instruction>() == 8);
