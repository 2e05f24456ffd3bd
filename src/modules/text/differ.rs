//! Differences and patches as programs see them: plain tables. Long texts are compared off the workers.

use std::sync::Arc;
use std::time::Duration;

use smallvec::smallvec;

use super::charge;
use super::difference::{Operation, Part, Symbol, symbols, text};
use super::patch::{Patch, Settings, apply, make};
use crate::modules::fields::{self, Fields, error_value, invalid};
use crate::modules::{html, succeed};
use crate::runtime::errors::ErrorData;
use crate::runtime::module::object::{Object, check, new_object};
use crate::runtime::operation::run_blocking;
use crate::runtime::task::Continuation;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::Table;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

pub(super) static LIBRARY: Library =
    Library { name: "text.diff", global: false, natives: &[Native::new("new", new)], constants: &[] };

static DIFFER: Class = Class {
    name: "text.Differ",
    methods: &[
        Native::new("compare", compare),
        Native::new("summarize", summarize),
        Native::new("pretty_text", pretty_text),
        Native::new("pretty_html", pretty_html),
        Native::new("patch_make", patch_make),
        Native::new("patch_apply", patch_apply),
    ],
    metamethods: &[],
};

/// Bytes of texts that are compared on the worker.
const SHORT: usize = 4096;

struct Differ(Settings);

impl Object for Differ {
    const IS_PLAIN: bool = true;

    fn class() -> &'static Class {
        &DIFFER
    }
}

/// `text.diff.new(options?)`
fn new(vm: &mut Vm, args: Args) -> NativeResult {
    match settings(vm, args.get(vm, 0)) {
        Ok(settings) => {
            let differ = new_object(vm, Arc::new(Differ(settings)));
            succeed(vm, differ)
        }
        Err(error) => fields::fail(vm, error),
    }
}

fn settings(vm: &mut Vm, options: Value) -> Result<Settings, ErrorData> {
    let fields = Fields::of(options, "options")?;
    let mut number = |key: &'static str, default: f64, most: f64| match fields.number(vm, key)?.unwrap_or(default) {
        number if (0.0..=most).contains(&number) => Ok(number),
        _ => Err(invalid(format!("{key}: must be between 0 and {most}"))),
    };
    const MOST: f64 = 1_000_000.0;
    Ok(Settings {
        timeout: Duration::from_secs_f64(number("diff_timeout", 1.0, MOST)?),
        edit_cost: number("diff_edit_cost", 4.0, MOST)? as usize,
        match_threshold: number("match_threshold", 0.5, 1.0)?,
        match_distance: number("match_distance", 1000.0, MOST)? as usize,
        delete_threshold: number("patch_delete_threshold", 0.5, 1.0)?,
        margin: number("patch_margin", 4.0, MOST)? as usize,
    })
}

/// Two texts, in arguments 1 and 2: `work` is done with them here, or elsewhere if they are long.
fn with_texts<T: Send + 'static>(
    vm: &mut Vm,
    args: Args,
    work: fn(&Settings, &[Symbol], &[Symbol]) -> T,
    finish: fn(&mut Vm, T) -> Continuation,
) -> NativeResult {
    let differ = check::<Differ>(vm, args, 0)?;
    let (before, after) = (args.check_bytes(vm, 1)?, args.check_bytes(vm, 2)?);
    let len = before.len() + after.len();
    charge(vm, len);
    let (before, after) = (symbols(before), symbols(after));
    let work = move || work(&differ.0, &before, &after);
    if len > SHORT {
        return run_blocking(vm, "comparing texts", work, finish);
    }
    let results = finish(vm, work())?;
    vm.push_all(&results)?;
    Ok(Flow::Return(results.len() as u32))
}

/// `differ:compare(a, b)`
fn compare(vm: &mut Vm, args: Args) -> NativeResult {
    with_texts(vm, args, Settings::compare, |vm, parts| Ok(smallvec![parts_value(vm, &parts)?, Value::NIL]))
}

fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::Equal => "equal",
        Operation::Delete => "delete",
        Operation::Insert => "insert",
    }
}

fn parts_value(vm: &mut Vm, parts: &[Part]) -> Result<Value, Box<LuaError>> {
    let list = vm.new_table(parts.len() as u32, 0);
    for (i, part) in parts.iter().enumerate() {
        let entry = vm.new_table(0, 2);
        let operation = vm.string(word(part.operation).as_bytes())?;
        vm.raw_set_name(entry, "operation", operation)?;
        let text = vm.string(&text(&part.text))?;
        vm.raw_set_name(entry, "text", text)?;
        vm.raw_set_int(list, i as i64 + 1, Value::table(entry))?;
    }
    Ok(Value::table(list))
}

/// The parts that a list describes.
fn parts_of(vm: &mut Vm, list: *mut Table) -> Result<Vec<Part>, ErrorData> {
    let items = (1..=vm.raw_len(list)).map(|i| {
        let item = vm.raw_get_int(list, i);
        let fields = Fields::of(item, "difference").ok().filter(|_| item.is_table());
        let fields = fields.ok_or_else(|| invalid(format!("the difference at {i} is no table")))?;
        let operation = match fields.string(vm, "operation")?.as_deref() {
            Some(b"equal") => Operation::Equal,
            Some(b"delete") => Operation::Delete,
            Some(b"insert") => Operation::Insert,
            _ => return Err(invalid(format!("the difference at {i} has no operation equal, delete or insert"))),
        };
        let text = fields.string(vm, "text")?;
        let text = text.ok_or_else(|| invalid(format!("the difference at {i} has no text")))?;
        charge(vm, text.len());
        Ok(Part { operation, text: symbols(&text) })
    });
    items.collect()
}

/// Answers with what `show` makes of the differences in argument 1.
fn with_parts(vm: &mut Vm, args: Args, show: fn(&mut Vm, &[Part]) -> NativeResult) -> NativeResult {
    check::<Differ>(vm, args, 0)?;
    let list = args.check_table(vm, 1)?;
    match parts_of(vm, list) {
        Ok(parts) => show(vm, &parts),
        Err(error) => fields::fail(vm, error),
    }
}

/// `differ:summarize(diffs)`
fn summarize(vm: &mut Vm, args: Args) -> NativeResult {
    with_parts(vm, args, |vm, parts| {
        let table = vm.new_table(0, 3);
        for (name, operation) in
            [("equals", Operation::Equal), ("deletions", Operation::Delete), ("insertions", Operation::Insert)]
        {
            let parts = parts.iter().filter(|part| part.operation == operation);
            let count: usize = parts.map(|part| part.text.len()).sum();
            vm.raw_set_name(table, name, Value::int(count as i64))?;
        }
        succeed(vm, Value::table(table))
    })
}

/// `differ:pretty_text(diffs)`
fn pretty_text(vm: &mut Vm, args: Args) -> NativeResult {
    with_parts(vm, args, |vm, parts| {
        let mut shown = Vec::new();
        for part in parts {
            let text = text(&part.text);
            let colour: &[u8] = match part.operation {
                Operation::Equal => b"",
                Operation::Delete => b"\x1b[31m",
                Operation::Insert => b"\x1b[32m",
            };
            let end: &[u8] = if colour.is_empty() { b"" } else { b"\x1b[0m" };
            shown.extend([colour, &text, end].concat());
        }
        let shown = vm.string(&shown)?;
        succeed(vm, shown)
    })
}

/// `differ:pretty_html(diffs)`
fn pretty_html(vm: &mut Vm, args: Args) -> NativeResult {
    with_parts(vm, args, |vm, parts| {
        let mut shown = String::new();
        for part in parts {
            let (start, end) = match part.operation {
                Operation::Equal => ("", ""),
                Operation::Delete => ("<del>", "</del>"),
                Operation::Insert => ("<ins>", "</ins>"),
            };
            shown.push_str(start);
            html::escape(&String::from_utf8_lossy(&text(&part.text)), &mut shown);
            shown.push_str(end);
        }
        let shown = vm.string(shown.as_bytes())?;
        succeed(vm, shown)
    })
}

/// `differ:patch_make(a, b)`
fn patch_make(vm: &mut Vm, args: Args) -> NativeResult {
    let work = |settings: &Settings, before: &[Symbol], after: &[Symbol]| make(before, after, settings);
    with_texts(vm, args, work, |vm, patches| {
        let list = vm.new_table(patches.len() as u32, 0);
        for (i, patch) in patches.iter().enumerate() {
            let entry = vm.new_table(0, 3);
            vm.raw_set_name(entry, "start1", Value::int(patch.start_before as i64 + 1))?;
            vm.raw_set_name(entry, "start2", Value::int(patch.start_after as i64 + 1))?;
            let parts = parts_value(vm, &patch.parts)?;
            vm.raw_set_name(entry, "diffs", parts)?;
            vm.raw_set_int(list, i as i64 + 1, Value::table(entry))?;
        }
        Ok(smallvec![Value::table(list), Value::NIL])
    })
}

/// The patches that a list describes.
fn patches_of(vm: &mut Vm, list: *mut Table) -> Result<Vec<Patch>, ErrorData> {
    let items = (1..=vm.raw_len(list)).map(|i| {
        let item = vm.raw_get_int(list, i);
        let wrong = || invalid(format!("the patch at {i} is none"));
        if !item.is_table() {
            return Err(wrong());
        }
        let fields = Fields::of(item, "patch")?;
        let place = |place: Option<i64>| place.and_then(|place| usize::try_from(place - 1).ok()).ok_or_else(wrong);
        let start_before = place(fields.integer(vm, "start1")?)?;
        let start_after = place(fields.integer(vm, "start2")?)?;
        let diffs = fields.value(vm, "diffs");
        if !diffs.is_table() {
            return Err(wrong());
        }
        Ok(Patch { start_before, start_after, parts: parts_of(vm, diffs.as_table())? })
    });
    items.collect()
}

/// `differ:patch_apply(patches, text)`
fn patch_apply(vm: &mut Vm, args: Args) -> NativeResult {
    let differ = check::<Differ>(vm, args, 0)?;
    let list = args.check_table(vm, 1)?;
    let text = args.check_bytes(vm, 2)?;
    let patches = match patches_of(vm, list) {
        Ok(patches) => patches,
        Err(error) => {
            let error = error_value(vm, error);
            vm.push_all(&[Value::NIL, Value::FALSE, error])?;
            return Ok(Flow::Return(3));
        }
    };
    charge(vm, text.len());
    let text = symbols(text);
    let short = text.len() <= SHORT && patches.len() <= 1;
    let work = move || apply(&patches, text, &differ.0);
    let finish = |vm: &mut Vm, (text, all): (Vec<Symbol>, bool)| -> Continuation {
        Ok(smallvec![vm.string(&super::difference::text(&text))?, Value::bool(all)])
    };
    if !short {
        return run_blocking(vm, "applying patches", work, finish);
    }
    let results = finish(vm, work())?;
    vm.push_all(&results)?;
    Ok(Flow::Return(results.len() as u32))
}
