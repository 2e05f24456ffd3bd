//! Local variables as `debug` shows and changes them: they may not lie where a call has its function and arguments.
//!
//! While a call runs, the registers from the called function on belong to it; a change of such a "variable" would
//! replace the running function.

use super::registers::RegisterSet;
use super::{Check, ensure};
use crate::bytecode::op::{Op, index};
use crate::bytecode::proto::Proto;

/// Checks the variables of one function, whose operands have been checked.
pub(super) fn check(proto: &Proto) -> Check {
    // Where variables begin and end, in order.
    let mut events = Vec::new();
    for local in &proto.locals {
        ensure(local.register < proto.registers, "variable out of range")?;
        ensure(local.start <= local.end && local.end as usize <= proto.code.len(), "scope out of range")?;
        events.push((local.start, true, local.register));
        events.push((local.end, false, local.register));
    }
    events.sort_unstable_by_key(|(place, ..)| *place);
    let mut events = events.into_iter().peekable();

    let mut alive = [0usize; 256];
    let mut occupied = RegisterSet::default();
    for (pc, i) in proto.code.iter().enumerate() {
        while let Some((_, begins, register)) = events.next_if(|(place, ..)| *place as usize <= pc) {
            let count = &mut alive[usize::from(register)];
            // The end of an empty scope may come before its beginning.
            *count = if begins { count.wrapping_add(1) } else { count.wrapping_sub(1) };
            if *count == 0 {
                occupied.remove(register.into());
            } else {
                occupied.insert(register.into());
            }
        }
        let called = match i.op {
            Op::Call | Op::TailCall => index(i.a),
            Op::GenericCall => index(i.a) + 3,
            _ => continue,
        };
        ensure(!occupied.has_any_from(called), "variable in the registers of a call")?;
    }
    Ok(())
}
