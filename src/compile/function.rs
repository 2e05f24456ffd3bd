//! The state of one function that is being compiled: registers, scopes, captured variables.
//!
//! Registers are a stack: active locals below, temporaries above (`free` is the first unused one). Temporaries are
//! freed in the reverse order of their allocation. A numeric `for` may give two locals the same register, so that the
//! number of active locals is not the number of their registers; `locals_top` is the latter.

use std::sync::Arc;

use super::code::CodeBuffer;
use super::constants::ConstantPool;
use super::error::{self, Result};
use super::labels::Jumps;
use super::layout::{self, TooLong};
use super::resolve::Declaration;
use super::scoped::Scoped;
use crate::bytecode::op::{Instruction, MAX_REGISTERS, NONE, Op, count, reg};
use crate::bytecode::proto::{Capture, CaptureFrom, LocalInfo, Proto};
use crate::bytecode::types::NodeId;
use crate::syntax::ast::Name;
use crate::syntax::span::Span;
use crate::syntax::{MAX_LOCALS, SyntaxError};

/// Variables a closure may capture.
const MAX_CAPTURES: usize = 255;

/// A name as scopes see it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Symbol {
    /// A name of the chunk other than `_ENV`.
    Name(Name),
    /// `_ENV`, which exists even in a chunk that never mentions it.
    Environment,
    /// A variable of the compiler's own, which nothing refers to.
    Internal,
}

/// An active local variable.
pub(super) struct ActiveLocal {
    pub(super) symbol: Symbol,
    pub(super) register: u8,
    pub(super) cell: bool,
    /// Who declared it; nobody for internal ones.
    pub(super) declaration: Option<Declaration>,
    /// Its declared type, if the chunk asks for such types.
    annotation: Option<NodeId>,
    /// The module it holds, if the chunk has types.
    module: Option<Arc<str>>,
    /// Its index in the debug information.
    info: usize,
}

/// An alias whose name is a value.
struct ActiveType {
    value: NodeId,
    /// Active locals at its statement: those are hidden by it, later ones hide it.
    locals: usize,
}

/// A captured variable together with the name it is found under.
struct CapturedVariable {
    symbol: Symbol,
    capture: Capture,
}

/// Where a variable is, seen from one function.
#[derive(Clone, Copy)]
pub(super) enum Variable {
    Local {
        register: u8,
        cell: bool,
        declaration: Option<Declaration>,
    },
    Captured {
        index: u8,
        cell: bool,
    },
    /// The value of an alias.
    Type(NodeId),
}

/// What is fixed about a function before its first statement.
pub(super) struct Header {
    pub(super) line: u32,
    pub(super) last_line: u32,
    pub(super) vararg: bool,
    /// The `local function` it defines, if that is never reassigned.
    pub(super) itself: Option<Declaration>,
}

/// Register bookkeeping.
#[derive(Default)]
pub(super) struct Registers {
    free: u8,
    locals_top: u8,
    used: u8,
}

/// One function under construction.
pub(super) struct FunctionState {
    pub(super) header: Header,
    pub(super) code: CodeBuffer,
    pub(super) constants: ConstantPool,
    pub(super) jumps: Jumps,
    /// What is being compiled, for messages.
    pub(super) place: Span,
    /// Line of emitted instructions: that of the last token that is part of what has been compiled.
    pub(super) line: u32,
    params: u8,
    registers: Registers,
    active: Vec<ActiveLocal>,
    types: Scoped<Symbol, ActiveType>,
    captured: Vec<CapturedVariable>,
    protos: Vec<Arc<Proto>>,
    locals: Vec<LocalInfo>,
}

impl FunctionState {
    pub(super) fn new(header: Header, place: Span) -> Self {
        FunctionState {
            header,
            code: CodeBuffer::default(),
            constants: ConstantPool::default(),
            jumps: Jumps::default(),
            place,
            line: place.line,
            params: 0,
            registers: Registers::default(),
            active: Vec::new(),
            types: Scoped::default(),
            captured: Vec::new(),
            protos: Vec::new(),
            locals: Vec::new(),
        }
    }

    /// Ends the function with its implicit return in line `end_line` and assembles the result.
    pub(super) fn finish(mut self, end_line: u32, source: Arc<[u8]>) -> Result<Proto> {
        self.line = end_line;
        // A block before it may end in a jump to here, so the return is needed in any case.
        if self.header.vararg {
            self.emit(Instruction::new(Op::ReturnVararg, reg(0), count(1), NONE));
        } else {
            self.emit(Instruction::new(Op::Return0, NONE, NONE, NONE));
        }
        self.deactivate_locals(0);
        self.code.settle_lines();
        if let Err(TooLong { line }) = layout::settle(&mut self.code, &mut self.locals) {
            return Err(error::limit("control structure too long", Span { line, ..self.place }));
        }
        Ok(Proto {
            source,
            line_defined: self.header.line,
            last_line: self.header.last_line,
            params: self.params,
            vararg: self.header.vararg,
            // The implicit return names a register even if it returns none.
            registers: self.registers.used.max(1),
            code: self.code.instructions.into(),
            constants: self.constants.into_items(),
            types: None,
            captures: self.captured.into_iter().map(|captured| captured.capture).collect(),
            protos: self.protos.into(),
            lines: self.code.lines.into(),
            locals: self.locals.into(),
        })
    }

    fn is_main(&self) -> bool {
        self.header.line == 0
    }

    /// Appends an instruction that belongs to the line being compiled.
    pub(super) fn emit(&mut self, instruction: Instruction) -> u32 {
        if instruction.op.counts_live() {
            instruction.set_x(self.free().max(1));
        }
        self.code.emit(instruction, self.line)
    }

    /// Goes on to `place`, from the end of which the next instructions are.
    pub(super) fn advance(&mut self, place: Span) {
        self.place = place;
        self.line = place.end_line;
    }

    /// Adds a nested function.
    pub(super) fn add_proto(&mut self, proto: Proto) -> u32 {
        self.protos.push(Arc::new(proto));
        self.protos.len() as u32 - 1
    }

    // ---- errors

    /// An error at the place being compiled.
    pub(super) fn misplaced(&self, message: &str) -> Box<SyntaxError> {
        error::context(message, self.place)
    }

    fn limit_error(&self, what: &str, limit: usize) -> Box<SyntaxError> {
        let place =
            if self.is_main() { "main function".into() } else { format!("function at line {}", self.header.line) };
        error::limit(format!("too many {what} (limit is {limit}) in {place}"), self.place)
    }

    // ---- registers

    /// The first unused register.
    pub(super) fn free(&self) -> u8 {
        self.registers.free
    }

    /// Takes the next `n` registers and returns the first.
    pub(super) fn reserve(&mut self, n: usize) -> Result<u8> {
        let first = self.registers.free;
        self.ensure(n)?;
        self.registers.free += n as u8;
        Ok(first)
    }

    /// Makes sure that `n` registers above the used ones exist.
    pub(super) fn ensure(&mut self, n: usize) -> Result<()> {
        let top = usize::from(self.registers.free) + n;
        if top > MAX_REGISTERS {
            return Err(error::limit("function or expression needs too many registers", self.place));
        }
        self.registers.used = self.registers.used.max(top as u8);
        Ok(())
    }

    /// Gives a temporary back; locals stay.
    pub(super) fn release(&mut self, register: u8) {
        if register >= self.registers.locals_top {
            self.registers.free -= 1;
            debug_assert_eq!(register, self.registers.free, "temporaries are freed in reverse order");
        }
    }

    /// Gives everything from `register` on back.
    pub(super) fn release_from(&mut self, register: u8) {
        debug_assert!(register >= self.registers.locals_top && register <= self.registers.free);
        self.registers.free = register;
    }

    /// Gives all temporaries back.
    pub(super) fn release_temporaries(&mut self) {
        self.registers.free = self.registers.locals_top;
    }

    /// Whether `register` belongs to a local variable.
    pub(super) fn is_local(&self, register: u8) -> bool {
        register < self.registers.locals_top
    }

    // ---- locals

    /// Makes the value in `register` a local variable from the next instruction on. Whoever declares it has reserved
    /// the register, and wraps it in a cell if it needs one.
    pub(super) fn activate(
        &mut self,
        symbol: Symbol,
        text: &str,
        register: u8,
        cell: bool,
        declaration: Option<Declaration>,
    ) -> Result<()> {
        if self.active.len() >= MAX_LOCALS {
            return Err(self.limit_error("local variables", MAX_LOCALS));
        }
        let here = self.code.here();
        let info = self.locals.len();
        self.active.push(ActiveLocal { symbol, register, cell, declaration, annotation: None, module: None, info });
        self.locals.push(LocalInfo { name: text.into(), register, cell, start: here, end: here });
        self.registers.locals_top = self.registers.locals_top.max(register + 1);
        debug_assert!(self.registers.locals_top <= self.registers.free);
        Ok(())
    }

    /// Whether the innermost block has a local variable with this name.
    pub(super) fn declares_local(&self, symbol: Symbol) -> bool {
        self.active[self.block_locals()..].iter().any(|local| local.symbol == symbol)
    }

    /// Makes the name of an alias its value from here on.
    pub(super) fn activate_type(&mut self, symbol: Symbol, value: NodeId) {
        self.types.push(symbol, ActiveType { value, locals: self.active.len() });
    }

    /// Number of aliases whose names are values.
    pub(super) fn active_types(&self) -> usize {
        self.types.len()
    }

    /// Ends all alias values from the `keep`-th on.
    pub(super) fn deactivate_types(&mut self, keep: usize) {
        self.types.truncate(keep);
    }

    /// Notes the declared type of the local variable declared last.
    pub(super) fn annotate(&mut self, ty: NodeId) {
        if let Some(local) = self.active.last_mut() {
            local.annotation = Some(ty);
        }
    }

    /// If the function has a variable of this name: its declared type, if it has one.
    pub(super) fn annotation(&self, symbol: Symbol) -> Option<Option<NodeId>> {
        match self.active.iter().rev().find(|local| local.symbol == symbol) {
            Some(local) => Some(local.annotation),
            None => self.types.find(symbol).is_some().then_some(None),
        }
    }

    /// Notes that one of the local variables declared last, counted from the end, holds a module.
    pub(super) fn note_module(&mut self, from_end: usize, module: Arc<str>) {
        let place = self.active.len() - from_end;
        self.active[place].module = Some(module);
    }

    /// If the function has a variable of this name: the module it holds, if it does.
    pub(super) fn module(&self, symbol: Symbol) -> Option<Option<&Arc<str>>> {
        match self.active.iter().rev().find(|local| local.symbol == symbol) {
            Some(local) => Some(local.module.as_ref()),
            None => self.types.find(symbol).is_some().then_some(None),
        }
    }

    /// Declares the locals so far to be the parameters.
    pub(super) fn set_params(&mut self) {
        self.params = self.active.len() as u8;
    }

    /// Number of active locals, by which scopes and labels are compared.
    pub(super) fn active_locals(&self) -> usize {
        self.active.len()
    }

    /// The name of an active local.
    pub(super) fn local_name(&self, index: usize) -> &str {
        &self.locals[self.active[index].info].name
    }

    /// Ends all locals from the `keep`-th on, and frees their registers.
    pub(super) fn deactivate_locals(&mut self, keep: usize) {
        let here = self.code.here();
        for local in self.active.drain(keep..) {
            self.locals[local.info].end = here;
        }
        self.registers.locals_top = self.active.iter().map(|local| local.register + 1).max().unwrap_or(0);
        self.release_temporaries();
    }

    /// `R[register] = new cell holding R[register]`
    pub(super) fn wrap_in_cell(&mut self, register: u8) {
        self.emit(Instruction::new(Op::NewCell, reg(register), NONE, NONE));
    }

    /// Finds a variable among the active locals and those already captured.
    pub(super) fn find(&self, symbol: Symbol) -> Option<Variable> {
        let local = self.active.iter().rposition(|local| local.symbol == symbol);
        if let Some(ty) = self.types.find(symbol)
            && local.is_none_or(|local| local < ty.locals)
        {
            return Some(Variable::Type(ty.value));
        }
        if let Some(local) = local {
            let &ActiveLocal { register, cell, declaration, .. } = &self.active[local];
            return Some(Variable::Local { register, cell, declaration });
        }
        let index = self.captured.iter().position(|captured| captured.symbol == symbol)?;
        Some(Variable::Captured { index: index as u8, cell: self.captured[index].capture.cell })
    }

    /// Captures a variable that the enclosing function has at `outer`.
    pub(super) fn capture(&mut self, symbol: Symbol, name: &str, outer: Variable) -> Result<Variable> {
        let (from, cell) = match outer {
            Variable::Local { declaration: Some(declaration), .. } if self.header.itself == Some(declaration) => {
                (CaptureFrom::Itself, false)
            }
            Variable::Local { register, cell, .. } => (CaptureFrom::Register(register), cell),
            Variable::Captured { index, cell } => (CaptureFrom::Captured(index), cell),
            Variable::Type(_) => unreachable!("constants are not captured"),
        };
        if self.captured.len() >= MAX_CAPTURES {
            return Err(self.limit_error("upvalues", MAX_CAPTURES));
        }
        self.captured.push(CapturedVariable { symbol, capture: Capture { name: name.into(), from, cell } });
        Ok(Variable::Captured { index: self.captured.len() as u8 - 1, cell })
    }
}
