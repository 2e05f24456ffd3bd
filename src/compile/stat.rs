//! Statements, except loops and assignments.

use super::Compiler;
use super::code::JumpList;
use super::declarations;
use super::descriptor::{Descriptor, Kind};
use super::error::Result;
use super::resolve::Declaration;
use crate::syntax::ast::{Binding, Block, ExprId, FunctionBody, Ident, Stat, StatKind};

impl Compiler<'_> {
    /// A block with a scope of its own.
    pub(super) fn block(&mut self, block: &Block) -> Result<()> {
        self.current.enter_block(false);
        self.current.line = block.line;
        self.statements(block, false)?;
        self.current.leave_block()
    }

    /// The statements of an open block. `scope_goes_on` if its locals are visible after the last one, as in the
    /// condition of `repeat`.
    pub(super) fn statements(&mut self, block: &Block, scope_goes_on: bool) -> Result<()> {
        let types = self.enter_types(block);
        let end = block.stats.iter().rposition(|stat| !is_void(stat)).map_or(0, |last| last + 1);
        for (position, stat) in block.stats.iter().enumerate() {
            self.current.place = stat.span;
            self.current.line = stat.span.line;
            if let StatKind::Label(label) = stat.kind {
                let ends_block = position >= end && !scope_goes_on;
                let text = self.ast.text(label.name);
                self.current.label(label, text, ends_block)?;
            } else {
                self.statement(stat)?;
            }
            self.current.release_temporaries();
            self.current.line = stat.span.end_line;
        }
        self.leave_types(types);
        Ok(())
    }

    fn statement(&mut self, stat: &Stat) -> Result<()> {
        match &stat.kind {
            StatKind::Error => Err(self.current.misplaced("syntax error")),
            StatKind::Label(_) => Ok(()),
            StatKind::Alias(alias) => self.alias(alias),
            StatKind::Assign { targets, values } => self.assign(targets, values),
            StatKind::Call(call) => {
                let call = self.expr(*call)?;
                self.current.set_results(&call, 0)
            }
            StatKind::Break | StatKind::Goto(_) => {
                let jump = self.current.code.jump(stat.after);
                self.leave_by(stat, jump)
            }
            StatKind::Do(body) => self.block(body),
            StatKind::While { cond, body } => self.while_loop(*cond, body),
            StatKind::Repeat { body, cond } => self.repeat_loop(body, *cond),
            StatKind::If { arms, otherwise } => self.conditional(arms, otherwise.as_ref()),
            StatKind::NumericFor { var, start, limit, step, body } => {
                self.numeric_for(stat.span.line, var, [*start, *limit], *step, body)
            }
            StatKind::GenericFor { vars, values, body } => self.generic_for(vars, values, body),
            StatKind::Function { path, method, body } => self.function_statement(stat, path, method.as_ref(), body),
            StatKind::LocalFunction { name, body } => self.local_function(name, body),
            StatKind::Local { vars, values } => self.local(vars, values),
            StatKind::Return(values) => self.return_values(values),
        }
    }

    /// Lets `jumps` do what the `break` or `goto` says.
    fn leave_by(&mut self, stat: &Stat, jumps: JumpList) -> Result<()> {
        match stat.kind {
            StatKind::Goto(label) => {
                let text = self.ast.text(label.name);
                self.current.goto_with(jumps, label, text)
            }
            _ => self.current.break_with(jumps, stat.span),
        }
    }

    /// Evaluates a condition; the result are the jumps taken if it is false.
    pub(super) fn condition(&mut self, cond: ExprId) -> Result<JumpList> {
        let e = self.condition_value(cond)?;
        self.leave_if_false(e)
    }

    /// The jumps taken if a condition is false.
    fn leave_if_false(&mut self, mut e: Descriptor) -> Result<JumpList> {
        self.current.continue_if_true(&mut e)?;
        Ok(e.when_false)
    }

    /// The jumps taken if a condition is true.
    pub(super) fn leave_if_true(&mut self, mut e: Descriptor) -> Result<JumpList> {
        self.current.continue_if_false(&mut e)?;
        Ok(e.when_true)
    }

    /// A condition before it is tested.
    pub(super) fn condition_value(&mut self, cond: ExprId) -> Result<Descriptor> {
        let mut e = self.expr(cond)?;
        if e.kind == Kind::Nil {
            // As a condition, nil is just another false.
            e.kind = Kind::False;
        }
        Ok(e)
    }

    fn conditional(&mut self, arms: &[(ExprId, Block)], otherwise: Option<&Block>) -> Result<()> {
        let mut leave = JumpList::EMPTY;
        for (position, (cond, body)) in arms.iter().enumerate() {
            let cond = self.condition_value(*cond)?;
            // The test is made at the word `then`.
            self.current.line = body.line;
            if let Some(exit) = self.forward_exit(body) {
                let jumps = self.leave_if_true(cond)?;
                self.leave_by(exit, jumps)?;
                continue;
            }
            let skip = self.leave_if_false(cond)?;
            self.block(body)?;
            if position + 1 < arms.len() || otherwise.is_some() {
                let jump = self.current.code.jump(self.current.line);
                self.current.code.append(&mut leave, jump);
            }
            self.current.code.patch_here(skip);
        }
        if let Some(body) = otherwise {
            self.block(body)?;
        }
        self.current.code.patch_here(leave);
        Ok(())
    }

    /// The `break` or `goto` that `body` consists of, if the condition can itself jump there: conditional jumps only
    /// go forward, see [`super::code`].
    fn forward_exit<'b>(&self, body: &'b Block) -> Option<&'b Stat> {
        let [stat] = body.stats.as_slice() else {
            return None;
        };
        match stat.kind {
            StatKind::Break => Some(stat),
            StatKind::Goto(label) if !self.current.has_label(label.name) => Some(stat),
            _ => None,
        }
    }

    /// `function path:method() … end`
    fn function_statement(
        &mut self,
        stat: &Stat,
        path: &[Ident],
        method: Option<&Ident>,
        body: &FunctionBody,
    ) -> Result<()> {
        self.check_no_alias(path[0])?;
        let mut target = self.name(path[0].name)?;
        for field in path[1..].iter().chain(method) {
            let object = self.current.table_operand(&mut target)?;
            self.current.advance(field.span);
            let key = self.string(field.name);
            target = self.current.index(object, key)?;
        }
        let closure = self.closure(body, method.map(Declaration::of), None)?;
        // The definition happens in the line of the word `function`.
        self.current.place = stat.span;
        self.current.line = stat.span.line;
        self.current.store(target.kind, closure)?;
        self.current.line = stat.span.end_line;
        Ok(())
    }

    fn local_function(&mut self, name: &Ident, body: &FunctionBody) -> Result<()> {
        let declaration = Declaration::of(name);
        let cell = self.resolution.is_cell(declaration);
        let register = self.current.reserve(1)?;
        if cell {
            let first = self.current.code.here();
            self.current.code.load_nil(register, 1, self.current.line);
            self.current.wrap_in_cell(register);
            self.current.code.leave_lineless(first);
        }
        let symbol = self.symbol(name.name);
        self.current.activate(symbol, self.ast.text(name.name), register, cell, Some(declaration))?;
        if self.asks_for_types && (body.ret.is_some() || body.params.iter().any(|param| param.ty.is_some())) {
            let signature = self.signature(body)?;
            self.current.annotate(signature);
        }
        let itself = (!self.resolution.is_assigned(declaration)).then_some(declaration);
        let closure = self.closure(body, None, itself)?;
        let target = if cell { Kind::Cell(register) } else { Kind::Local(register) };
        self.current.store(target, closure)
    }

    fn local(&mut self, vars: &[Binding], values: &[ExprId]) -> Result<()> {
        let first = self.current.free();
        self.exprs_in_registers(values, vars.len())?;
        self.wrap_cells(declarations(vars), first);
        self.declare(vars, first)?;
        self.note_modules(vars.len(), values)
    }
}

/// Whether the statement does nothing, so that a label before it still ends its block.
fn is_void(stat: &Stat) -> bool {
    matches!(stat.kind, StatKind::Label(_) | StatKind::Alias(_))
}
