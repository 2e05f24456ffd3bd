//! Completion of names: what follows the last `.` or `:` among the fields of what stands before it, other names among the
//! globals and keywords. Metamethods are not called, but tables that stand in a metatable as `__index` are looked into.

use std::collections::BTreeSet;
use std::sync::{Weak, mpsc};
use std::time::Duration;

use crate::runtime::mail::Mail;
use crate::runtime::process::Process;
use crate::vm::Vm;
use crate::vm::event::Event;
use crate::vm::object::Table;
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

const KEYWORDS: [&str; 22] = [
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
    "not", "or", "repeat", "return", "then", "true", "until", "while",
];

/// How long the person waits at most, when another coroutine of the process computes.
const PATIENCE: Duration = Duration::from_millis(500);
/// Tables behind each other by `__index` that are looked into.
const MAX_CHAIN: usize = 10;
/// Entries of a table that are looked at.
const MAX_ENTRIES: usize = 100_000;

/// Asks a process how the end of a line can go on: where the name to be completed begins, and the possible names.
pub(super) fn ask(process: &Weak<Process>, line: &str) -> (usize, Vec<String>) {
    let path = last_path(line);
    let start = path.rfind(['.', ':']).map_or(0, |separator| separator + 1);
    let begin = line.len() - path.len() + start;
    let (sender, receiver) = mpsc::channel();
    let path = path.to_owned();
    let visit = Box::new(move |vm: &mut Vm| {
        // Who has lost patience does not listen any more.
        let _ = sender.send(candidates(vm, &path));
    });
    let posted = process.upgrade().is_some_and(|process| process.post(Mail::Visit(visit)).is_ok());
    let names = if posted { receiver.recv_timeout(PATIENCE).unwrap_or_default() } else { Vec::new() };
    (begin, names)
}

/// The names and separators at the end of a line.
fn last_path(line: &str) -> &str {
    let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':');
    &line[line.trim_end_matches(belongs).len()..]
}

/// The names with which the last part of a path can be completed.
fn candidates(vm: &mut Vm, path: &str) -> Vec<String> {
    let mut value = Value::table(vm.globals());
    let mut rest = path;
    let mut method = false;
    while let Some(separator) = rest.find(['.', ':']) {
        method = rest.as_bytes()[separator] == b':';
        value = field(vm, value, &rest[..separator]);
        rest = &rest[separator + 1..];
    }
    let mut names = BTreeSet::new();
    if rest.len() == path.len() {
        names.extend(KEYWORDS.iter().filter(|word| word.starts_with(rest)).map(|word| (*word).to_owned()));
    }
    for table in tables(vm, value) {
        add_names(vm, table, rest, method, &mut names);
    }
    names.into_iter().collect()
}

/// The tables in which the fields of a value are looked up.
fn tables(vm: &mut Vm, value: Value) -> Vec<*mut Table> {
    let mut tables = Vec::new();
    let mut next = value;
    for _ in 0..MAX_CHAIN {
        if next.is_table() {
            tables.push(next.as_table());
        }
        next = vm.handler(next, Event::Index);
        if !next.is_table() {
            break;
        }
    }
    tables
}

fn field(vm: &mut Vm, value: Value, name: &str) -> Value {
    let Ok(key) = vm.string(name.as_bytes()) else { return Value::NIL };
    let found = tables(vm, value).into_iter().map(|table| vm.raw_get(table, key)).find(|found| !found.is_nil());
    found.unwrap_or(Value::NIL)
}

fn add_names(vm: &mut Vm, table: *mut Table, prefix: &str, method: bool, names: &mut BTreeSet<String>) {
    let mut key = Value::NIL;
    for _ in 0..MAX_ENTRIES {
        let Ok(Some((next, value))) = vm.raw_next(table, key) else { return };
        key = next;
        if !key.is_string() || method && !value.is_function() {
            continue;
        }
        if let Ok(name) = std::str::from_utf8(string_bytes(key))
            && name.starts_with(prefix)
            && is_name(name)
        {
            names.insert(name.to_owned());
        }
    }
}

/// Whether a key can be written behind a dot.
pub(super) fn is_name(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !KEYWORDS.contains(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules;
    use crate::stdlib::load::load_chunk;

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        let mut vm = Vm::new(modules::image(&modules::built_in(), false));
        let setup =
            b"account = setmetatable({owner = 1}, {__index = {withdraw = print, limit = 2, ['not a name'] = 3}})";
        let setup = load_chunk(&mut vm, setup, b"=setup").expect("it compiles");
        vm.call_from_host(setup, &[], None);
        assert_eq!(candidates(&mut vm, last_path(line)), expected, "{line}");
    }

    #[test]
    fn names_come_from_where_they_are_looked_up() {
        check("x = string.fo", &["format"]);
        check("tos", &["tostring"]);
        check("print(re", &["repeat", "require", "return"]);
        check("account.", &["limit", "owner", "withdraw"]);
        check("account:", &["withdraw"]);
        check("account.nothing.", &[]);
        check("nothing.x", &[]);
    }

    #[test]
    fn only_the_end_of_the_line_counts() {
        assert_eq!(last_path("f(a.b:c"), "a.b:c");
        assert_eq!(last_path("a.b "), "");
        assert_eq!(last_path("é.x"), ".x");
    }
}
