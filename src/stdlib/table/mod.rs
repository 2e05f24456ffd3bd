//! Tables (manual §6.6), and `table.create`, `table.freeze`, `table.isfrozen`.
//!
//! | file | what |
//! | --- | --- |
//! | [`access`] | element access that may call metamethods |
//! | [`shift`] | `insert`, `remove`, `move` |
//! | [`join`] | `concat` |
//! | [`list`] | `pack`, `unpack` |
//! | [`sort`] | `sort` |
//!
//! Every function has two ways: a *plain* list, a table without `__index`, `__newindex` and `__len`, is worked on
//! directly; for anything else a state machine goes from access to access, each of which may call a metamethod.

mod access;
mod join;
pub(super) mod list;
mod shift;
mod sort;
#[cfg(test)]
mod tests;

pub use join::join;

use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::value::Value;

/// `table`
pub static LIBRARY: Library = Library {
    name: "table",
    global: true,
    natives: &[
        Native::new("concat", join::concat),
        Native::new("create", create),
        Native::new("freeze", freeze),
        Native::new("insert", shift::insert).quick_first(shift::quick_insert),
        Native::new("isfrozen", isfrozen),
        Native::new("move", shift::move_elements),
        Native::new("pack", list::pack),
        Native::new("remove", shift::remove).quick(shift::quick_remove),
        Native::new("sort", sort::sort),
        Native::new("unpack", list::unpack),
    ],
    constants: &[],
};

/// `table.create(items, fields)`: an empty table with room for so many.
fn create(vm: &mut Vm, args: Args) -> NativeResult {
    let mut room = [0; 2];
    for (i, room) in (0..).zip(&mut room) {
        let wanted = args.opt_int(vm, i, 0)?;
        *room = match u32::try_from(wanted) {
            Ok(wanted) if wanted <= i32::MAX as u32 => wanted,
            _ => return Err(vm.argument_error(i, "size out of range")),
        };
    }
    let table = vm.new_table(room[0], room[1]);
    vm.answer(Value::table(table))
}

/// `table.freeze(t)`
fn freeze(vm: &mut Vm, args: Args) -> NativeResult {
    let table = args.check_table(vm, 0)?;
    vm.freeze(table);
    vm.answer(Value::table(table))
}

/// `table.isfrozen(t)`
fn isfrozen(vm: &mut Vm, args: Args) -> NativeResult {
    let table = args.check_table(vm, 0)?;
    let frozen = vm.is_frozen(table);
    vm.answer(Value::bool(frozen))
}
