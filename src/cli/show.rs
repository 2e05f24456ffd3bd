//! Tables as a person wants to see them: their entries, in the notation of a table constructor, up to a limit.

use super::complete::is_name;
use crate::stdlib::text::append_plain;
use crate::vm::Vm;
use crate::vm::event::Event;
use crate::vm::object::Table;
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// Columns of a table that is shown on one line.
const WIDTH: usize = 76;
/// Tables within each other.
const MAX_DEPTH: usize = 2;
/// Entries of one table.
const MAX_ENTRIES: usize = 60;
/// Entries altogether.
const MAX_TOTAL: usize = 200;
/// Bytes of a string in a table.
const MAX_STRING: usize = 200;
/// Stands for what is left out.
const MORE: &str = "…";

/// What a table contains; `None` for values that are not tables, and for tables that have a text or a name of their own.
pub(super) fn readable(vm: &mut Vm, value: Value) -> Option<Vec<u8>> {
    is_plain(vm, value).then(|| {
        let mut painter = Painter { vm, outer: Vec::new(), left: MAX_TOTAL };
        painter.table(value.as_table())
    })
}

fn is_plain(vm: &Vm, value: Value) -> bool {
    value.is_table() && [Event::ToString, Event::Name].iter().all(|event| vm.handler(value, *event).is_nil())
}

struct Painter<'a> {
    vm: &'a mut Vm,
    /// The tables that the present one stands in.
    outer: Vec<*mut Table>,
    /// Entries that may still be shown.
    left: usize,
}

impl Painter<'_> {
    fn table(&mut self, table: *mut Table) -> Vec<u8> {
        self.outer.push(table);
        let entries = self.entries(table);
        self.outer.pop();
        if entries.is_empty() {
            return b"{}".to_vec();
        }
        let indent = 2 * self.outer.len();
        let length: usize = entries.iter().map(|entry| entry.len() + 2).sum();
        let breaks = indent + length > WIDTH || entries.iter().any(|entry| entry.contains(&b'\n'));
        if !breaks {
            return [b"{ ", entries.join(&b", "[..]).as_slice(), b" }"].concat();
        }
        let line = |indent: usize| [b"\n".as_slice(), &b" ".repeat(indent)].concat();
        let between = [b",".as_slice(), &line(indent + 2)].concat();
        let entries = entries.join(between.as_slice());
        [b"{".as_slice(), &line(indent + 2), &entries, &line(indent), b"}"].concat()
    }

    /// The entries: the sequence first, then the others in the order of their keys' text.
    fn entries(&mut self, table: *mut Table) -> Vec<Vec<u8>> {
        let mut shown = Vec::new();
        let length = self.vm.raw_len(table);
        for i in 1..=length {
            if !self.take(shown.len()) {
                shown.push(MORE.into());
                return shown;
            }
            let item = self.vm.raw_get_int(table, i);
            shown.push(self.value(item));
        }
        let mut fields = Vec::new();
        let mut key = Value::NIL;
        while let Ok(Some((next, value))) = self.vm.raw_next(table, key) {
            key = next;
            if !(key.is_int() && (1..=length).contains(&key.as_int())) {
                // Names before other keys.
                fields.push((self.key(key), value));
            }
            if fields.len() > MAX_TOTAL {
                break;
            }
        }
        fields.sort_by(|(a, _), (b, _)| (a.starts_with(b"["), a).cmp(&(b.starts_with(b"["), b)));
        for (key, value) in fields {
            if !self.take(shown.len()) {
                shown.push(MORE.into());
                return shown;
            }
            let value = self.value(value);
            shown.push([key.as_slice(), b" = ", &value].concat());
        }
        shown
    }

    /// Whether one more entry may be shown, in a table that shows so many.
    fn take(&mut self, shown: usize) -> bool {
        let may = shown < MAX_ENTRIES && self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }

    fn key(&self, key: Value) -> Vec<u8> {
        if key.is_string()
            && let Ok(name) = std::str::from_utf8(string_bytes(key))
            && is_name(name)
        {
            return name.into();
        }
        [b"[", self.plain(key).as_slice(), b"]"].concat()
    }

    fn value(&mut self, value: Value) -> Vec<u8> {
        if !is_plain(self.vm, value) {
            return self.plain(value);
        }
        let table = value.as_table();
        if self.outer.len() >= MAX_DEPTH || self.outer.contains(&table) {
            return self.plain(value);
        }
        self.table(table)
    }

    fn plain(&self, value: Value) -> Vec<u8> {
        if value.is_string() {
            return quoted(string_bytes(value));
        }
        let mut text = Vec::new();
        append_plain(self.vm, value, &mut text);
        text
    }
}

/// A string as it can be written in a program.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let kept = &bytes[..bytes.len().min(MAX_STRING)];
    let mut text = vec![b'"'];
    for chunk in kept.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => text.extend_from_slice(b"\\n"),
                '\t' => text.extend_from_slice(b"\\t"),
                '\r' => text.extend_from_slice(b"\\r"),
                '"' | '\\' => text.extend_from_slice(&[b'\\', c as u8]),
                c if c.is_control() => text.extend_from_slice(format!("\\u{{{:x}}}", c as u32).as_bytes()),
                c => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        chunk.invalid().iter().for_each(|byte| text.extend_from_slice(format!("\\x{byte:02x}").as_bytes()));
    }
    text.push(b'"');
    if kept.len() < bytes.len() {
        text.extend_from_slice(MORE.as_bytes());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules;
    use crate::stdlib::load::load_chunk;
    use crate::vm::exit::Exit;

    fn show(expression: &str) -> Option<String> {
        let mut vm = Vm::new(modules::image(&modules::built_in(), false));
        let source = format!("return {expression}");
        let function = load_chunk(&mut vm, source.as_bytes(), b"=test").expect("it compiles");
        let Exit::Finished(values) = vm.call_from_host(function, &[], None) else { panic!("{expression} failed") };
        readable(&mut vm, values[0]).map(|text| String::from_utf8(text).expect("what is shown is UTF-8"))
    }

    #[track_caller]
    fn check(expression: &str, expected: &str) {
        assert_eq!(show(expression).as_deref(), Some(expected), "{expression}");
    }

    #[test]
    fn entries_in_order() {
        check("{}", "{}");
        check(
            "{1, 2.0, nil, x = {y = true}, ['a b'] = 1, [10] = 2}",
            "{ 1, 2.0, x = { y = true }, [\"a b\"] = 1, [10] = 2 }",
        );
        check(r#"{'a"\n\0\xff\u{e9}', ['end'] = 1}"#, r#"{ "a\"\n\u{0}\xffé", ["end"] = 1 }"#);
    }

    #[test]
    fn what_is_not_opened() {
        assert_eq!(show("'text'"), None);
        assert_eq!(show("setmetatable({}, {__tostring = print})"), None);
        assert_eq!(show("setmetatable({}, {__name = 'N'})"), None);
        let cycle = show("(function() local t = {} t.t = t return t end)()").expect("a table");
        assert!(cycle.starts_with("{ t = table: "), "{cycle}");
        let deep = show("{{{{}}}}").expect("a table");
        assert!(deep.starts_with("{ { table: "), "{deep}");
    }

    #[test]
    fn long_tables_are_broken_and_cut() {
        let long = show("(function() local t = {} for i = 1, 1000 do t[i] = i end return t end)()").expect("a table");
        assert!(long.starts_with("{\n  1,\n  2,\n") && long.ends_with("\n  60,\n  …\n}"), "{long}");
        let text = show("{('x'):rep(1000)}").expect("a table");
        assert!(text.ends_with("x\"…\n}") && text.len() < 300, "{text}");
    }
}
