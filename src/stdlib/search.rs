//! `string.find`, `string.match` and `string.gmatch` (manual §6.4), and what they share with `gsub`.

use super::pattern::{Capture, Matcher, PatternError, find_plain, has_specials};
use super::string::{absolute, charge};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// Steps of the matcher that cost as much as a call.
const STEPS_PER_FUEL: u64 = 8;
/// A single match that takes longer than this, some ten seconds, would never end.
pub(super) const MAX_STEPS: u64 = 1 << 31;

/// Charges the work of a matcher to the budget.
#[inline]
pub(super) fn charge_steps(vm: &mut Vm, matcher: &Matcher<'_>) {
    vm.fuel -= (matcher.steps() / STEPS_PER_FUEL) as i64;
}

/// A malformed pattern as a Lua error.
#[cold]
pub(super) fn pattern_error(vm: &mut Vm, error: PatternError) -> Box<LuaError> {
    vm.error(&error.to_string())
}

/// A capture as a value. Without captures, capture 0 is the whole match.
#[inline]
pub(super) fn capture_value(
    vm: &mut Vm,
    matcher: &Matcher<'_>,
    subject: &[u8],
    i: usize,
    whole: (usize, usize),
) -> Result<Value, Box<LuaError>> {
    if i == 0 && matcher.capture_count() == 0 {
        return vm.string(&subject[whole.0..whole.1]);
    }
    match matcher.capture(i) {
        Ok(Capture::Span(start, end)) => vm.string(&subject[start..end]),
        Ok(Capture::Position(position)) => Ok(Value::int(position)),
        Err(error) => Err(pattern_error(vm, error)),
    }
}

/// Pushes all captures, or the whole match if there are none; returns how many values that are.
#[inline]
pub(super) fn push_captures(
    vm: &mut Vm,
    matcher: &Matcher<'_>,
    subject: &[u8],
    whole: (usize, usize),
) -> Result<u32, Box<LuaError>> {
    let count = matcher.capture_count().max(1);
    for i in 0..count {
        let value = capture_value(vm, matcher, subject, i, whole)?;
        vm.push(value)?;
    }
    Ok(count as u32)
}

/// The offset where a search begins; `None` if that is behind the end of the subject.
fn search_start(vm: &mut Vm, args: Args, len: usize) -> Result<Option<usize>, Box<LuaError>> {
    let init = absolute(args.opt_int(vm, 2, 1)?, len).max(1) as usize - 1;
    Ok((init <= len).then_some(init))
}

/// `string.find(s, pattern [, init [, plain]])`
pub(super) fn find(vm: &mut Vm, args: Args) -> NativeResult {
    let subject = args.check_bytes(vm, 0)?;
    let pattern = args.check_bytes(vm, 1)?;
    let Some(from) = search_start(vm, args, subject.len())? else { return vm.answer(Value::NIL) };
    if args.get(vm, 3).is_true() || !has_specials(pattern) {
        let Some(start) = find_plain(subject, pattern, from) else {
            charge(vm, subject.len() - from);
            return vm.answer(Value::NIL);
        };
        charge(vm, start - from);
        vm.push(Value::int(start as i64 + 1))?;
        vm.push(Value::int((start + pattern.len()) as i64))?;
        return Ok(Flow::Return(2));
    }
    let mut matcher = Matcher::new(subject, pattern);
    matcher.limit_steps(MAX_STEPS);
    let found = matcher.find(from).map_err(|error| pattern_error(vm, error))?;
    charge_steps(vm, &matcher);
    let Some((start, end)) = found else { return vm.answer(Value::NIL) };
    vm.push(Value::int(start as i64 + 1))?;
    vm.push(Value::int(end as i64))?;
    if matcher.capture_count() == 0 {
        return Ok(Flow::Return(2));
    }
    Ok(Flow::Return(2 + push_captures(vm, &matcher, subject, (start, end))?))
}

/// `string.match(s, pattern [, init])`
pub(super) fn match_(vm: &mut Vm, args: Args) -> NativeResult {
    let subject = args.check_bytes(vm, 0)?;
    let pattern = args.check_bytes(vm, 1)?;
    let Some(from) = search_start(vm, args, subject.len())? else { return vm.answer(Value::NIL) };
    let mut matcher = Matcher::new(subject, pattern);
    matcher.limit_steps(MAX_STEPS);
    let found = matcher.find(from).map_err(|error| pattern_error(vm, error))?;
    charge_steps(vm, &matcher);
    match found {
        Some(whole) => Ok(Flow::Return(push_captures(vm, &matcher, subject, whole)?)),
        None => vm.answer(Value::NIL),
    }
}

/// The next match from `from` on that is not an empty one at `last`, the end of the match before.
#[inline]
pub(super) fn next_match(
    matcher: &mut Matcher<'_>,
    from: usize,
    last: Option<usize>,
) -> Result<Option<(usize, usize)>, PatternError> {
    match matcher.find(from)? {
        Some((_, end)) if Some(end) == last && !matcher.is_anchored() => matcher.find(from + 1),
        Some((_, end)) if Some(end) == last => Ok(None),
        found => Ok(found),
    }
}

/// What `string.gmatch` returns. It captures the subject, the pattern, and the end of the last match: -1 before the
/// first one.
static MATCHES: Native = Native::new("gmatch", next_of_gmatch);

/// `string.gmatch(s, pattern)`
pub(super) fn gmatch(vm: &mut Vm, args: Args) -> NativeResult {
    let subject = args.check_string(vm, 0)?;
    let pattern = args.check_string(vm, 1)?;
    let iterator = vm.new_native_closure(&MATCHES, &[subject, pattern, Value::int(-1)]);
    vm.answer(iterator)
}

fn next_of_gmatch(vm: &mut Vm, _: Args) -> NativeResult {
    let subject = string_bytes(vm.captured(0));
    let pattern = string_bytes(vm.captured(1));
    let last = usize::try_from(vm.captured(2).as_int()).ok();
    let mut matcher = Matcher::unanchored(subject, pattern);
    matcher.limit_steps(MAX_STEPS);
    let found = next_match(&mut matcher, last.unwrap_or(0), last).map_err(|error| pattern_error(vm, error))?;
    charge_steps(vm, &matcher);
    let Some(whole) = found else { return Ok(Flow::Return(0)) };
    vm.set_captured(2, Value::int(whole.1 as i64));
    Ok(Flow::Return(push_captures(vm, &matcher, subject, whole)?))
}
