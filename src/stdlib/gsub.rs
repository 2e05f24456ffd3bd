//! `string.gsub` (manual §6.4).
//!
//! The result is put together behind the matches: `copied` says how much of the subject is in it already, so matches
//! that are kept cost nothing and a subject without replacements is its own result.
//!
//! A replacement that has to be asked for (a function, or an `__index` handler of a table) is called with this function
//! waiting. Its slots then are: subject, pattern, replacement, and from [`STATE`] on what [`Progress`] holds, with the
//! text so far in a buffer.

use super::buffer;
use super::pattern::{Capture, Matcher};
use super::search::{MAX_STEPS, capture_value, charge_steps, next_match, pattern_error, push_captures};
use super::string::charge;
use crate::vm::Vm;
use crate::vm::args::userdata_text;
use crate::vm::concat::append_text;
use crate::vm::error::LuaError;
use crate::vm::index::Indexed;
use crate::vm::native::{Args, Continuation, Flow, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// The first slot of the state: buffer, most replacements, matches so far, `copied`, start and end of the match.
const STATE: u32 = 3;
const STATE_LEN: u32 = 6;

static REPLACED: Continuation =
    Continuation { name: "string.gsub.replaced", resume: replaced, catch: None, yieldable: false };

/// How far a substitution has come.
#[derive(Clone, Copy)]
struct Progress {
    /// The most matches to replace.
    most: i64,
    /// Matches so far.
    count: i64,
    /// The subject is in the text up to here, replaced where it was to be.
    copied: usize,
    /// The last match; where the search goes on.
    last: Option<(usize, usize)>,
}

/// `string.gsub(s, pattern, repl [, n])`
pub(super) fn gsub(vm: &mut Vm, args: Args) -> NativeResult {
    let subject = args.check_bytes(vm, 0)?;
    args.check_bytes(vm, 1)?;
    let most = args.opt_int(vm, 3, subject.len() as i64 + 1)?;
    let replacement = args.get(vm, 2);
    if replacement.is_number() || userdata_text(replacement).is_some() {
        args.check_string(vm, 2)?;
    } else if !(replacement.is_string() || replacement.is_table() || replacement.is_function()) {
        return Err(vm.argument_error(2, "string/function/table expected"));
    }
    let slots = Args { start: args.start, len: STATE };
    let text = vm.take_text();
    substitute(vm, slots, Progress { most, count: 0, copied: 0, last: None }, text)
}

/// A replacement that was asked for has arrived.
fn replaced(vm: &mut Vm, slots: Args, results: Args) -> NativeResult {
    let state = |vm: &Vm, i| slots.get(vm, STATE + i).as_int();
    let whole = (state(vm, 4) as usize, state(vm, 5) as usize);
    let mut progress =
        Progress { most: state(vm, 1), count: state(vm, 2), copied: state(vm, 3) as usize, last: Some(whole) };
    let answer = results.get(vm, 0);
    let mut text = if slots.get(vm, STATE).is_nil() { vm.take_text() } else { buffer::take(vm, slots, STATE)? };
    let subject = slots.check_bytes(vm, 0)?;
    if take_answer(vm, answer, &subject[progress.copied..whole.0], &mut text)? {
        progress.copied = whole.1;
    }
    substitute(vm, slots, progress, text)
}

/// Appends the text before a match and the value that replaces it; `false` means that the match is kept.
#[inline]
fn take_answer(vm: &mut Vm, answer: Value, before: &[u8], text: &mut Vec<u8>) -> Result<bool, Box<LuaError>> {
    if !answer.is_true() {
        return Ok(false);
    }
    text.extend_from_slice(before);
    if append_text(answer, text) {
        return Ok(true);
    }
    let name = vm.type_name_of(answer);
    Err(vm.error(&format!("invalid replacement value (a {name})")))
}

/// Goes on until the end, or until a replacement has to be asked for.
fn substitute(vm: &mut Vm, slots: Args, mut progress: Progress, mut text: Vec<u8>) -> NativeResult {
    let subject = slots.check_bytes(vm, 0)?;
    let pattern = slots.check_bytes(vm, 1)?;
    let replacement = slots.get(vm, 2);
    let mut matcher = Matcher::new(subject, pattern);
    matcher.limit_steps(MAX_STEPS);
    while progress.count < progress.most {
        if matcher.is_anchored() && progress.last.is_some() {
            break;
        }
        let last = progress.last.map(|(_, end)| end);
        let found = next_match(&mut matcher, last.unwrap_or(0), last).map_err(|error| pattern_error(vm, error))?;
        let Some(whole) = found else { break };
        progress.last = Some(whole);
        progress.count += 1;
        if replacement.is_string() {
            text.extend_from_slice(&subject[progress.copied..whole.0]);
            progress.copied = whole.1;
            expand(vm, string_bytes(replacement), &matcher, subject, whole, &mut text)?;
            continue;
        }
        if replacement.is_table() {
            let key = capture_value(vm, &matcher, subject, 0, whole)?;
            match vm.index(replacement, key)? {
                Indexed::Done(value) => {
                    if take_answer(vm, value, &subject[progress.copied..whole.0], &mut text)? {
                        progress.copied = whole.1;
                    }
                    continue;
                }
                Indexed::Ask { handler, object } => {
                    keep_state(vm, slots, progress, whole, text)?;
                    vm.push_all(&[handler, object, key])?;
                    charge_steps(vm, &matcher);
                    return Ok(Flow::Call { args: 2, then: &REPLACED });
                }
            }
        }
        keep_state(vm, slots, progress, whole, text)?;
        vm.push(replacement)?;
        let args = push_captures(vm, &matcher, subject, whole)?;
        charge_steps(vm, &matcher);
        return Ok(Flow::Call { args, then: &REPLACED });
    }
    charge_steps(vm, &matcher);
    charge(vm, text.len());
    let result = if progress.copied == 0 && text.is_empty() {
        vm.give_back_text(text);
        slots.get(vm, 0)
    } else {
        text.extend_from_slice(&subject[progress.copied..]);
        vm.finish_text(text)?
    };
    vm.push(result)?;
    vm.push(Value::int(progress.count))?;
    Ok(Flow::Return(2))
}

/// Leaves the state in the slots, with nothing above them.
fn keep_state(
    vm: &mut Vm,
    slots: Args,
    progress: Progress,
    whole: (usize, usize),
    text: Vec<u8>,
) -> Result<(), Box<LuaError>> {
    let held = if slots.len > STATE { slots.get(vm, STATE) } else { Value::NIL };
    let text = if !held.is_nil() {
        buffer::put_back(vm, slots, STATE, text)?;
        held
    } else if text.is_empty() {
        Value::NIL
    } else {
        buffer::store(vm, text)
    };
    vm.keep_only(Args { start: slots.start, len: STATE });
    vm.push(text)?;
    let numbers = [progress.most, progress.count, progress.copied as i64, whole.0 as i64, whole.1 as i64];
    debug_assert_eq!(numbers.len() as u32 + 1, STATE_LEN);
    numbers.into_iter().try_for_each(|number| vm.push(Value::int(number)))
}

/// Appends a replacement string, in which `%` refers to captures.
#[inline]
fn expand(
    vm: &mut Vm,
    replacement: &[u8],
    matcher: &Matcher<'_>,
    subject: &[u8],
    whole: (usize, usize),
    text: &mut Vec<u8>,
) -> Result<(), Box<LuaError>> {
    let mut rest = replacement;
    while let Some(at) = memchr::memchr(b'%', rest) {
        text.extend_from_slice(&rest[..at]);
        match rest.get(at + 1) {
            Some(b'%') => text.push(b'%'),
            Some(b'0') => text.extend_from_slice(&subject[whole.0..whole.1]),
            Some(digit @ b'1'..=b'9') => append_capture(vm, matcher, subject, digit - b'1', whole, text)?,
            _ => return Err(vm.error("invalid use of '%' in replacement string")),
        }
        rest = &rest[at + 2..];
    }
    text.extend_from_slice(rest);
    Ok(())
}

fn append_capture(
    vm: &mut Vm,
    matcher: &Matcher<'_>,
    subject: &[u8],
    i: u8,
    whole: (usize, usize),
    text: &mut Vec<u8>,
) -> Result<(), Box<LuaError>> {
    if i == 0 && matcher.capture_count() == 0 {
        text.extend_from_slice(&subject[whole.0..whole.1]);
        return Ok(());
    }
    match matcher.capture(usize::from(i)).map_err(|error| pattern_error(vm, error))? {
        Capture::Span(start, end) => text.extend_from_slice(&subject[start..end]),
        Capture::Position(position) => crate::number::write_integer(position, text),
    }
    Ok(())
}
