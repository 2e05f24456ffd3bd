//! `process.upgrade` (`runtime.md` §2.12): a process begins anew with other code.
//!
//! The Lua state is replaced by a fresh one between two steps. What belongs to the process stays: its PID, names,
//! monitors, links, groups, context, actor, scope and undelivered mail. What belongs to the state is gone: heap, coroutines, subscriptions,
//! timers, options, operations under way. News for the old state is recognised by its number and dropped: the numbers of
//! waits and timers go on where the old state left them.

use std::sync::Arc;

use super::errors::{self, ErrorData, INVALID};
use super::hosts::HostKind;
use super::process::Process;
use super::process_state::state;
use super::select::check_can_wait;
use super::spawn::{self, Start, pack_rest};
use super::transfer::Parcel;
use crate::vm::Vm;
use crate::vm::exit::Request;
use crate::vm::native::{Args, NativeResult};
use crate::vm::pool::Pooled;

/// What a process wants to become.
pub struct Upgrade {
    id: Arc<str>,
    arguments: Parcel,
}

/// `process.upgrade([id], …)`
pub(super) fn upgrade(vm: &mut Vm, args: Args) -> NativeResult {
    check_can_wait(vm)?;
    let process = state(vm).process();
    if process.core.hosts.of(process.pid).kind == HostKind::Function {
        return Err(vm.error("an execution of a function cannot be upgraded"));
    }
    let entry = Arc::clone(&state(vm).entry);
    let id = match args.get(vm, 0) {
        id if id.is_nil() => entry,
        _ => match std::str::from_utf8(args.check_bytes(vm, 0)?) {
            Ok("") => entry,
            Ok(id) => id.into(),
            Err(_) => return errors::fail(vm, INVALID, "entry id must be text"),
        },
    };
    let arguments = pack_rest(vm, args, 1);
    state(vm).rare().upgrade = Some(Upgrade { id, arguments });
    // Does not return: the step replaces the state before it goes on.
    vm.suspend(Request::Turn)
}

impl Upgrade {
    /// The new Lua state of a process, whose old one has come to its end.
    ///
    /// # Errors
    /// As for a spawn; the message begins with `upgrade:`.
    pub fn carry_out(self, process: &Arc<Process>, old: &mut Vm) -> Result<Pooled<Vm>, ErrorData> {
        let failed = |error: ErrorData| ErrorData { message: format!("upgrade: {}", error.message).into(), ..error };
        let core = &process.core;
        let inherited = state(old).rare.as_ref().map(|rare| rare.inherited.clone()).unwrap_or_default();
        let timers = state(old).rare().alarms.last();
        let memberships = std::mem::take(&mut state(old).rare().memberships);
        process.leave(old);
        let entry = core.entries.resolve(&core.image, &self.id).map_err(failed)?;
        let start = Start::Entry(&entry);
        let mut vm = spawn::machine_of(process, &start, &self.arguments, inherited, Some(process)).map_err(failed)?;
        let (old, new) = (state(old), state(&mut vm));
        new.tasks.continue_tickets(&old.tasks);
        new.mailbox.inherit(std::mem::take(&mut old.mailbox));
        if timers > 0 {
            new.rare().alarms.continue_from(timers);
        }
        if !memberships.is_empty() {
            new.rare().memberships = memberships;
        }
        Ok(vm)
    }
}
