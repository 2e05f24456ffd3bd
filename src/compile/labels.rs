//! Blocks, `break`, `goto` and labels of one function.
//!
//! A `goto` is resolved by the innermost label of its name whose block encloses it. As that label may still follow, an
//! unresolved `goto` waits in a list and, whenever its block ends, moves to the enclosing one with the locals cut down to
//! those of that block. Jumping forward over a declaration into its scope is an error, except to a label at the end of
//! the block, which counts as outside.

use super::code::JumpList;
use super::error::{self, Result};
use super::function::FunctionState;
use super::scoped::Scoped;
use crate::syntax::ast::{Ident, Name};
use crate::syntax::span::Span;

/// The open blocks of a function with their labels and pending jumps.
#[derive(Default)]
pub(super) struct Jumps {
    blocks: Vec<OpenBlock>,
    labels: Scoped<Name, Label>,
    pending: Vec<Goto>,
}

struct OpenBlock {
    /// Active locals when it began.
    locals: usize,
    /// Aliases that are values, when it began.
    types: usize,
    /// Labels and pending gotos of enclosing blocks.
    labels: usize,
    pending: usize,
    /// The jumps of `break`, if it is a loop.
    breaks: Option<JumpList>,
}

struct Label {
    line: u32,
    pc: u32,
    /// Active locals at the label.
    locals: usize,
}

struct Goto {
    name: Name,
    text: Box<str>,
    place: Span,
    jumps: JumpList,
    /// Active locals at the `goto` that are still in scope.
    locals: usize,
}

impl FunctionState {
    /// Opens a block. `break` leaves the innermost one that is a loop.
    pub(super) fn enter_block(&mut self, is_loop: bool) {
        self.jumps.blocks.push(OpenBlock {
            locals: self.active_locals(),
            types: self.active_types(),
            labels: self.jumps.labels.len(),
            pending: self.jumps.pending.len(),
            breaks: is_loop.then_some(JumpList::EMPTY),
        });
    }

    /// Closes the innermost block; the `break`s of a loop arrive here.
    pub(super) fn leave_block(&mut self) -> Result<()> {
        let block = self.jumps.blocks.pop().expect("every block that is left was entered");
        self.deactivate_locals(block.locals);
        self.deactivate_types(block.types);
        self.jumps.labels.truncate(block.labels);
        if let Some(breaks) = block.breaks {
            self.code.patch_here(breaks);
        }
        let Some(outer) = self.jumps.blocks.last() else {
            return match self.jumps.pending.first() {
                Some(goto) => Err(error::context(
                    format!("no visible label '{}' for <goto> at line {}", goto.text, goto.place.line),
                    goto.place,
                )),
                None => Ok(()),
            };
        };
        let outer_labels = outer.labels;
        let pending = self.jumps.pending.split_off(block.pending);
        for mut goto in pending {
            goto.locals = goto.locals.min(block.locals);
            self.resolve_or_defer(goto, outer_labels)?;
        }
        Ok(())
    }

    /// Active locals when the innermost block began.
    pub(super) fn block_locals(&self) -> usize {
        self.jumps.blocks.last().map_or(0, |block| block.locals)
    }

    /// `break`, taken by `jumps`.
    pub(super) fn break_with(&mut self, jumps: JumpList, place: Span) -> Result<()> {
        let Some(breaks) = self.jumps.blocks.iter_mut().rev().find_map(|block| block.breaks.as_mut()) else {
            let message = format!("<break> at line {} not inside a loop", place.line);
            return Err(error::context(message, place));
        };
        self.code.append(breaks, jumps);
        Ok(())
    }

    /// `goto label`, taken by `jumps`.
    pub(super) fn goto_with(&mut self, jumps: JumpList, label: Ident, text: &str) -> Result<()> {
        let goto = Goto { name: label.name, text: text.into(), place: label.span, jumps, locals: self.active_locals() };
        let labels = self.jumps.blocks.last().map_or(0, |block| block.labels);
        self.resolve_or_defer(goto, labels)
    }

    /// Whether a `goto name` could go backwards.
    pub(super) fn has_label(&self, name: Name) -> bool {
        self.jumps.labels.find(name).is_some()
    }

    /// `::label::`; `ends_block` if only void statements follow it in its block.
    pub(super) fn label(&mut self, label: Ident, text: &str, ends_block: bool) -> Result<()> {
        let block = self.jumps.blocks.last().expect("a label stands in a block");
        let (first_label, first_pending) = (block.labels, block.pending);
        let locals = if ends_block { block.locals } else { self.active_locals() };
        if let Some(twin) = self.jumps.labels.find_from(first_label, label.name) {
            let message = format!("label '{text}' already defined on line {}", twin.line);
            return Err(error::context(message, label.span));
        }
        let pc = self.code.mark();
        self.jumps.labels.push(label.name, Label { line: label.span.line, pc, locals });
        for goto in self.jumps.pending.split_off(first_pending) {
            self.resolve_or_defer(goto, first_label)?;
        }
        Ok(())
    }

    /// Resolves `goto` with the labels of the current block, which begin at `first_label`, or lets it wait.
    fn resolve_or_defer(&mut self, goto: Goto, first_label: usize) -> Result<()> {
        let Some(label) = self.jumps.labels.find_from(first_label, goto.name) else {
            self.jumps.pending.push(goto);
            return Ok(());
        };
        if goto.locals < label.locals {
            let local = self.local_name(goto.locals);
            let message =
                format!("<goto {}> at line {} jumps into the scope of local '{local}'", goto.text, goto.place.line);
            return Err(error::context(message, goto.place));
        }
        let pc = label.pc;
        self.code.patch(goto.jumps, pc);
        Ok(())
    }
}
