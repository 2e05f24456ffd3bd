//! Table constructors.

use super::Compiler;
use super::descriptor::{Descriptor, Kind, Operand};
use super::error::Result;
use crate::bytecode::op::{FIELDS_PER_SETLIST, Instruction, NONE, Op, count, reg};
use crate::syntax::ast::{ExprId, TableItem};
use crate::syntax::span::Span;

/// Positional items on their way into a table.
struct ItemList {
    table: u8,
    /// Items in registers above the table, not yet stored.
    pending: usize,
    /// Batches already stored.
    batches: u32,
}

impl Compiler<'_> {
    /// `{items}`. The table is built in the next register.
    pub(super) fn table(&mut self, items: &[TableItem], place: Span) -> Result<Descriptor> {
        let positional = items.iter().filter(|item| matches!(item, TableItem::Positional(_))).count();
        let hint = |n: usize| count(n.min(usize::from(u16::MAX)) as u16);
        self.current.line = place.line;
        let new_table = Instruction::new(Op::NewTable, NONE, hint(positional), hint(items.len() - positional));
        let pc = self.current.emit(new_table);
        let table = self.current.put_in_next(&mut Kind::Relocatable(pc).into())?;

        let mut list = ItemList { table, pending: 0, batches: 0 };
        for (position, item) in items.iter().enumerate() {
            let temporaries = self.current.free();
            match *item {
                TableItem::Positional(value) => {
                    let mut value = self.expr(value)?;
                    let is_last = position + 1 == items.len();
                    if is_last {
                        self.current.advance(place);
                    }
                    if value.is_multiple() && is_last {
                        self.current.set_open_results(&value)?;
                        self.set_list(&mut list, 0);
                        continue;
                    }
                    self.current.put_in_next(&mut value)?;
                    list.pending += 1;
                    if list.pending == FIELDS_PER_SETLIST {
                        self.set_list(&mut list, FIELDS_PER_SETLIST as u16);
                    }
                }
                TableItem::Named(name, value) => {
                    self.current.advance(name.span);
                    let key = self.string(name.name);
                    self.keyed_item(table, key, value)?;
                    self.current.release_from(temporaries);
                }
                TableItem::Keyed(key, value) => {
                    let key = self.expr(key)?;
                    self.keyed_item(table, key, value)?;
                    self.current.release_from(temporaries);
                }
            }
        }
        self.current.advance(place);
        if list.pending > 0 {
            let n = list.pending as u16;
            self.set_list(&mut list, n);
        }
        Ok(Kind::Register(table).into())
    }

    fn keyed_item(&mut self, table: u8, key: Descriptor, value: ExprId) -> Result<()> {
        let target = self.current.index(Operand::Register(table), key)?;
        let value = self.expr(value)?;
        self.current.store(target.kind, value)
    }

    /// Stores the pending items; `n` of them, or all up to top.
    fn set_list(&mut self, list: &mut ItemList, n: u16) {
        let (low, high) = (list.batches as u16, (list.batches >> 16) as u8);
        self.current.emit(Instruction::new(Op::SetList, reg(list.table), count(n), count(low)).with_x(high));
        self.current.release_from(list.table + 1);
        list.batches += 1;
        list.pending = 0;
    }
}
