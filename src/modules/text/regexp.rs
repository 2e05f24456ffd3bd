//! Regular expressions as objects. They are matched in linear time, on bytes that should be UTF-8; others match what means
//! any byte, and no match begins or ends within a character.

use std::sync::Arc;

use regex::bytes::{Captures, Regex};

use super::charge;
use super::syntax::translate;
use crate::modules::succeed;
use crate::runtime::errors::{self, INVALID};
use crate::runtime::module::object::{Object, check, new_object};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::userdata::Class;
use crate::vm::value::Value;

pub(super) static LIBRARY: Library =
    Library { name: "text.regexp", global: false, natives: &[Native::new("compile", compile)], constants: &[] };

static REGEXP: Class = Class {
    name: "text.Regexp",
    methods: &[
        Native::new("match_string", match_string),
        Native::new("find_string", |vm, args| find(vm, args, whole)),
        Native::new("find_all_string", |vm, args| find_all(vm, args, whole)),
        Native::new("find_string_submatch", |vm, args| find(vm, args, groups)),
        Native::new("find_all_string_submatch", |vm, args| find_all(vm, args, groups)),
        Native::new("find_string_index", |vm, args| find(vm, args, index)),
        Native::new("find_all_string_index", find_all_index),
        Native::new("replace_all_string", replace_all),
        Native::new("split", split),
        Native::new("num_subexp", num_subexp),
        Native::new("subexp_names", subexp_names),
        Native::new("string", string),
    ],
    metamethods: &[],
};

struct Regexp {
    regex: Regex,
    pattern: Box<str>,
}

impl Object for Regexp {
    const IS_PLAIN: bool = true;

    fn class() -> &'static Class {
        &REGEXP
    }
}

/// `text.regexp.compile(pattern)`
fn compile(vm: &mut Vm, args: Args) -> NativeResult {
    let pattern = args.check_bytes(vm, 0)?;
    let Ok(pattern) = std::str::from_utf8(pattern) else {
        return errors::fail(vm, INVALID, "invalid regex: not UTF-8");
    };
    match Regex::new(&translate(pattern)) {
        Ok(regex) => {
            let regexp = new_object(vm, Arc::new(Regexp { regex, pattern: pattern.into() }));
            succeed(vm, regexp)
        }
        Err(error) => {
            // The last line says what is wrong, those before where.
            let message = error.to_string();
            let reason = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
            errors::fail(vm, INVALID, &format!("invalid regex {pattern:?}: {reason}"))
        }
    }
}

/// The matches in a text, one after the other.
fn matches<'r, 't>(regexp: &'r Regexp, text: &'t [u8]) -> impl Iterator<Item = Captures<'t>> + use<'r, 't> {
    let within_character = |at: usize| text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    regexp.regex.captures_iter(text).filter(move |captures| {
        let range = captures.get_match().range();
        !range.is_empty() || !within_character(range.start)
    })
}

/// What a program is given for a match.
type Shape = fn(&mut Vm, &Captures<'_>) -> Result<Value, Box<LuaError>>;

fn whole(vm: &mut Vm, captures: &Captures<'_>) -> Result<Value, Box<LuaError>> {
    vm.string(captures.get_match().as_bytes())
}

fn groups(vm: &mut Vm, captures: &Captures<'_>) -> Result<Value, Box<LuaError>> {
    let texts = captures.iter().map(|group| group.map_or(&b""[..], |group| group.as_bytes()));
    list(vm, texts)
}

/// The place of a match: first and last byte, from 1. Without bytes, the last is before the first.
fn index(vm: &mut Vm, captures: &Captures<'_>) -> Result<Value, Box<LuaError>> {
    let range = captures.get_match().range();
    vm.new_list(&[Value::int(range.start as i64 + 1), Value::int(range.end as i64)])
}

fn list<'a>(vm: &mut Vm, texts: impl Iterator<Item = &'a [u8]>) -> Result<Value, Box<LuaError>> {
    let texts = texts.map(|text| vm.string(text)).collect::<Result<Vec<Value>, _>>()?;
    vm.new_list(&texts)
}

/// The expression, and the text in argument 1.
fn with_text(vm: &mut Vm, args: Args) -> Result<(Arc<Regexp>, &'static [u8]), Box<LuaError>> {
    let regexp = check::<Regexp>(vm, args, 0)?;
    let text = args.check_bytes(vm, 1)?;
    charge(vm, text.len());
    Ok((regexp, text))
}

/// The number in argument 2: how many are wanted. Nothing and negative numbers mean all.
fn wanted(vm: &mut Vm, args: Args) -> Result<usize, Box<LuaError>> {
    Ok(usize::try_from(args.opt_int(vm, 2, -1)?).unwrap_or(usize::MAX))
}

/// `regexp:match_string(s)`
fn match_string(vm: &mut Vm, args: Args) -> NativeResult {
    let (regexp, text) = with_text(vm, args)?;
    vm.answer(Value::bool(regexp.regex.is_match(text)))
}

fn find(vm: &mut Vm, args: Args, shape: Shape) -> NativeResult {
    let (regexp, text) = with_text(vm, args)?;
    let found = match matches(&regexp, text).next() {
        Some(captures) => shape(vm, &captures)?,
        None => Value::NIL,
    };
    vm.answer(found)
}

fn found(vm: &mut Vm, args: Args, shape: Shape) -> Result<Vec<Value>, Box<LuaError>> {
    let (regexp, text) = with_text(vm, args)?;
    let wanted = wanted(vm, args)?;
    matches(&regexp, text).take(wanted).map(|captures| shape(vm, &captures)).collect()
}

fn find_all(vm: &mut Vm, args: Args, shape: Shape) -> NativeResult {
    let found = found(vm, args, shape)?;
    let found = vm.new_list(&found)?;
    vm.answer(found)
}

/// `regexp:find_all_string_index(s, n?)`
fn find_all_index(vm: &mut Vm, args: Args) -> NativeResult {
    let found = found(vm, args, index)?;
    let found = if found.is_empty() { Value::NIL } else { vm.new_list(&found)? };
    vm.answer(found)
}

/// `regexp:replace_all_string(s, replacement)`
fn replace_all(vm: &mut Vm, args: Args) -> NativeResult {
    let (regexp, text) = with_text(vm, args)?;
    let replacement = args.check_bytes(vm, 2)?;
    let (mut replaced, mut rest) = (Vec::with_capacity(text.len()), 0);
    for captures in matches(&regexp, text) {
        let range = captures.get_match().range();
        replaced.extend_from_slice(&text[rest..range.start]);
        captures.expand(replacement, &mut replaced);
        rest = range.end;
    }
    replaced.extend_from_slice(&text[rest..]);
    let replaced = vm.string(&replaced)?;
    vm.answer(replaced)
}

/// `regexp:split(s, n?)`
fn split(vm: &mut Vm, args: Args) -> NativeResult {
    let (regexp, text) = with_text(vm, args)?;
    let most = wanted(vm, args)?;
    let mut parts: Vec<&[u8]> = Vec::new();
    // Where the next part begins, and where the last separator did.
    let (mut start, mut end) = (0, None);
    for captures in matches(&regexp, text) {
        if parts.len() + 1 >= most {
            break;
        }
        let range = captures.get_match().range();
        // Before the text there is no part.
        if range.end > 0 {
            parts.push(&text[start..range.start]);
        }
        (start, end) = (range.end, Some(range.start));
    }
    // Nor is there one behind it.
    if most > 0 && end != Some(text.len()) {
        parts.push(&text[start..]);
    }
    let parts = list(vm, parts.into_iter())?;
    vm.answer(parts)
}

/// `regexp:num_subexp()`
fn num_subexp(vm: &mut Vm, args: Args) -> NativeResult {
    let groups = check::<Regexp>(vm, args, 0)?.regex.captures_len() - 1;
    vm.answer(Value::int(groups as i64))
}

/// `regexp:subexp_names()`
fn subexp_names(vm: &mut Vm, args: Args) -> NativeResult {
    let regexp = check::<Regexp>(vm, args, 0)?;
    let names = list(vm, regexp.regex.capture_names().map(|name| name.unwrap_or_default().as_bytes()))?;
    vm.answer(names)
}

/// `regexp:string()`
fn string(vm: &mut Vm, args: Args) -> NativeResult {
    let regexp = check::<Regexp>(vm, args, 0)?;
    let pattern = vm.string(regexp.pattern.as_bytes())?;
    vm.answer(pattern)
}
