//! Tables against a model, and the special tables.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::vm::heap::tests::heap;

/// A key of the model.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Key {
    Int(i64),
    Half(i64),
    Str(u8),
    Long(u8),
    Bool(bool),
}

fn value_of(heap: &mut Heap, key: Key) -> Value {
    match key {
        Key::Int(i) => Value::int(i),
        Key::Half(i) => Value::float(i as f64 + 0.5),
        Key::Str(i) => Value::string(heap.intern(format!("key{i}").as_bytes())),
        // A new object each time: found by content.
        Key::Long(i) => Value::string(heap.new_string(&[i; 60]).unwrap()),
        Key::Bool(b) => Value::bool(b),
    }
}

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        8 => (1..40i64).prop_map(Key::Int),
        2 => (-5..200i64).prop_map(Key::Int),
        1 => any::<i64>().prop_map(Key::Int),
        1 => (0..5i64).prop_map(|i| Key::Int(i << 40)),
        2 => (0..5i64).prop_map(Key::Half),
        6 => (0..30u8).prop_map(Key::Str),
        1 => (0..5u8).prop_map(Key::Long),
        1 => any::<bool>().prop_map(Key::Bool),
    ]
}

#[derive(Clone, Debug)]
enum Op {
    Set(Key, i64),
    Clear(Key),
    Push(i64),
    Pop,
    /// Clears during a traversal every entry whose value has this remainder.
    ClearSome(i64),
    Fill(i64),
    FillBackwards(i64),
    List(u8, u8),
    Resize(u8, u8),
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => (any_key(), 0..1000i64).prop_map(|(k, v)| Op::Set(k, v)),
        5 => any_key().prop_map(Op::Clear),
        5 => (0..1000i64).prop_map(Op::Push),
        3 => Just(Op::Pop),
        1 => (0..3i64).prop_map(Op::ClearSome),
        1 => (1..100i64).prop_map(Op::Fill),
        1 => (1..100i64).prop_map(Op::FillBackwards),
        1 => (1..10u8, 0..20u8).prop_map(|(first, count)| Op::List(first, count)),
        1 => (0..50u8, 0..50u8).prop_map(|(items, fields)| Op::Resize(items, fields)),
    ]
}

struct Both {
    heap: Heap,
    table: *mut Table,
    model: HashMap<Key, i64>,
}

impl Both {
    fn set(&mut self, key: Key, value: Option<i64>) {
        let k = value_of(&mut self.heap, key);
        // SAFETY: no collection runs in these tests.
        unsafe { Table::set(self.table, &mut self.heap, k, value.map_or(Value::NIL, Value::int)).unwrap() };
        match value {
            Some(value) => self.model.insert(key, value),
            None => self.model.remove(&key),
        };
    }

    fn len(&self) -> i64 {
        // SAFETY: as above.
        unsafe { Table::len(self.table) as i64 }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Set(key, value) => self.set(key, Some(value)),
            Op::Clear(key) => self.set(key, None),
            Op::Push(value) => self.set(Key::Int(self.len() + 1), Some(value)),
            Op::Pop => self.set(Key::Int(self.len()), None),
            Op::ClearSome(remainder) => self.clear_some(remainder),
            Op::Fill(n) => (1..=n).for_each(|i| self.set(Key::Int(i), Some(i))),
            Op::FillBackwards(n) => (1..=n).rev().for_each(|i| self.set(Key::Int(i), Some(i))),
            Op::List(first, count) => {
                let values: Vec<Value> = (0..i64::from(count)).map(Value::int).collect();
                // SAFETY: as above.
                unsafe {
                    let (first, count) = (u32::from(first), u32::from(count));
                    Table::set_list(self.table, &mut self.heap, first, values.as_ptr(), count).unwrap();
                }
                for i in 0..i64::from(count) {
                    self.model.insert(Key::Int(i64::from(first) + i), i);
                }
            }
            Op::Resize(items, fields) => {
                // SAFETY: as above.
                unsafe { Table::resize(self.table, &mut self.heap, items.into(), fields.into()).unwrap() };
            }
        }
    }

    fn clear_some(&mut self, remainder: i64) {
        let mut key = Value::NIL;
        let mut seen = 0;
        let before = self.model.len();
        // SAFETY: as above.
        unsafe {
            while let Some((k, v)) = Table::next(self.table, &mut self.heap, key).expect("keys stay valid when cleared")
            {
                seen += 1;
                if v.as_int() % 3 == remainder {
                    Table::set(self.table, &mut self.heap, k, Value::NIL).unwrap();
                }
                key = k;
            }
        }
        assert_eq!(seen, before, "every entry is visited once");
        self.model.retain(|_, v| *v % 3 != remainder);
    }

    fn check(&mut self) {
        // SAFETY: as above.
        unsafe {
            Table::check(self.table).unwrap();
            let len = self.len();
            assert!(len == 0 || self.model.contains_key(&Key::Int(len)), "border {len}");
            assert!(!self.model.contains_key(&Key::Int(len + 1)), "border {len}");
            for (&key, &value) in &self.model {
                let k = value_of(&mut self.heap, key);
                let found = Table::get(self.table, &mut self.heap, k);
                assert!(found.same(Value::int(value)), "{key:?}: {found:?} instead of {value}");
            }
            let mut position = Position::START;
            let mut count = 0;
            while let Some((next, ..)) = Table::iter_from(self.table, position) {
                assert!(next > position);
                position = next;
                count += 1;
            }
            assert_eq!(count, self.model.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn tables_behave_like_the_model(ops in prop::collection::vec(any_op(), 1..120)) {
        let mut heap = heap();
        let table = heap.new_table(0, 0);
        let mut both = Both { heap, table, model: HashMap::new() };
        for op in ops {
            both.apply(op);
            both.check();
        }
    }
}

#[test]
fn integral_floats_are_integers_and_bad_keys_fail() {
    let mut heap = heap();
    let table = heap.new_empty_table();
    // SAFETY: no collection runs here.
    unsafe {
        Table::set(table, &mut heap, Value::float(2.0), Value::TRUE).unwrap();
        assert!(Table::get_int(table, 2).is_true());
        assert!(Table::get(table, &mut heap, Value::float(-0.0)).is_nil());
        let nan = Table::set(table, &mut heap, Value::float(f64::NAN), Value::TRUE);
        assert_eq!(nan, Err(TableError::NanKey));
        assert_eq!(Table::set(table, &mut heap, Value::NIL, Value::TRUE), Err(TableError::NilKey));
        assert!(Table::get(table, &mut heap, Value::float(f64::NAN)).is_nil());
        assert_eq!(Table::next(table, &mut heap, Value::int(77)), Err(InvalidKey));
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.same(*other)
    }
}

#[test]
fn backward_and_sparse_filling_end_in_the_array_part() {
    let mut heap = heap();
    let table = heap.new_empty_table();
    // SAFETY: no collection runs here.
    unsafe {
        for i in (1..=1000).rev() {
            Table::set_int(table, &mut heap, i, Value::int(i)).unwrap();
        }
        assert!((*table).array_len >= 512, "{}", (*table).array_len);
        assert_eq!(Table::len(table), 1000);
    }
}

#[test]
fn a_queue_does_not_grow() {
    let mut heap = heap();
    let table = heap.new_empty_table();
    // SAFETY: no collection runs here.
    unsafe {
        for i in 1..100_000 {
            Table::set_int(table, &mut heap, i, Value::int(i)).unwrap();
            if i > 20 {
                Table::set_int(table, &mut heap, i - 20, Value::NIL).unwrap();
            }
        }
        assert!(Table::memory(table) < 20_000, "{}", Table::memory(table));
    }
}

#[test]
fn frozen_tables_refuse_stores() {
    let mut heap = heap();
    let table = heap.new_empty_table();
    let key = heap.intern(b"x");
    // SAFETY: no collection runs here.
    unsafe {
        Table::set_str(table, &mut heap, key, Value::int(1)).unwrap();
        Table::freeze(table);
        assert_eq!(Table::set_str(table, &mut heap, key, Value::int(2)), Err(TableError::Frozen));
        assert_eq!(Table::set_int(table, &mut heap, 1, Value::int(2)), Err(TableError::Frozen));
        assert_eq!(Table::get_str(table, &mut heap, key), Value::int(1));
    }
}

#[test]
fn huge_tables_fail_instead_of_aborting() {
    let mut heap = heap();
    heap.set_limit(1 << 20);
    let table = heap.new_empty_table();
    // SAFETY: no collection runs here.
    unsafe {
        assert_eq!(Table::resize(table, &mut heap, 1 << 29, 0), Err(TableError::OutOfMemory));
        assert_eq!(Table::resize(table, &mut heap, 0, u32::MAX), Err(TableError::OutOfMemory));
        let result = (1..).find_map(|i| Table::set_int(table, &mut heap, i, Value::int(i)).err());
        assert_eq!(result, Some(TableError::OutOfMemory));
        Table::check(table).unwrap();
    }
}

/// An image with `_G`, `print`, `string.len`, `package.loaded.string` and a frozen `math`.
struct Image {
    globals: StaticTable,
    _string: StaticTable,
    _loaded: StaticTable,
    _package: StaticTable,
    _math: StaticTable,
}

fn image(heap: &Heap) -> Image {
    let name = |s: &str| heap.strings.intern(s.as_bytes());
    let string = StaticTable::new(&[(name("len"), Value::int(1)), (name("rep"), Value::int(2))], false);
    let math = StaticTable::new(&[(name("pi"), Value::float(3.25))], true);
    let loaded = StaticTable::new(&[(name("string"), Value::table(string.table()))], false);
    let package = StaticTable::new(&[(name("loaded"), Value::table(loaded.table()))], false);
    let mut globals = StaticTable::new(
        &[
            (name("_G"), Value::NIL),
            (name("print"), Value::int(3)),
            (name("string"), Value::table(string.table())),
            (name("package"), Value::table(package.table())),
            (name("math"), Value::table(math.table())),
        ]
        .map(|(key, value)| (key, if value.is_nil() { Value::TRUE } else { value })),
        false,
    );
    let itself = Value::table(globals.table());
    // SAFETY: a string of the image.
    unsafe { globals.set(name("_G"), itself) };
    Image { globals, _string: string, _loaded: loaded, _package: package, _math: math }
}

#[test]
fn globals_are_filled_in_when_needed() {
    let mut heap = heap();
    let image = image(&heap);
    let globals = heap.new_globals(&image.globals);
    let [g, print, string, package, math, len, loaded, pi, extra] =
        ["_G", "print", "string", "package", "math", "len", "loaded", "pi", "extra"].map(|s| heap.intern(s.as_bytes()));
    // SAFETY: no collection runs here; the image outlives the heap's use.
    unsafe {
        assert!(Table::has_no_nodes(globals));
        assert_eq!(Table::get_str(globals, &mut heap, g), Value::table(globals));
        assert_eq!(Table::get_str(globals, &mut heap, print), Value::int(3));
        assert!(Table::get_str(globals, &mut heap, extra).is_nil());
        let own = Table::get_str(globals, &mut heap, string).as_table();
        assert_ne!(own, image._string.table());
        Table::set_str(own, &mut heap, extra, Value::int(9)).unwrap();
        assert!(Table::peek_str(image._string.table(), extra).is_nil());
        assert_eq!(Table::get_str(own, &mut heap, len), Value::int(1));
        // Both ways lead to the same table.
        let package = Table::get_str(globals, &mut heap, package).as_table();
        let loaded = Table::get_str(package, &mut heap, loaded).as_table();
        assert_eq!(Table::get_str(loaded, &mut heap, string), Value::table(own));
        // Frozen library tables are shared.
        let math = Table::get_str(globals, &mut heap, math).as_table();
        assert_eq!(math, image._math.table());
        assert_eq!(Table::set_str(math, &mut heap, pi, Value::int(3)), Err(TableError::Frozen));
    }
}

#[test]
fn removed_globals_stay_removed() {
    for name in ["print", "string", "_G"] {
        for touch_first in [false, true] {
            let mut heap = heap();
            let image = image(&heap);
            let globals = heap.new_globals(&image.globals);
            let key = heap.intern(name.as_bytes());
            // SAFETY: no collection runs here; the image outlives the heap's use.
            unsafe {
                if touch_first {
                    assert!(!Table::get_str(globals, &mut heap, key).is_nil());
                }
                Table::set_str(globals, &mut heap, key, Value::NIL).unwrap();
                for i in 0..50 {
                    assert!(Table::get_str(globals, &mut heap, key).is_nil());
                    let other = heap.intern(format!("g{i}").as_bytes());
                    Table::set_str(globals, &mut heap, other, Value::int(i)).unwrap();
                }
                let mut names = 0;
                let mut at = Value::NIL;
                while let Some((k, _)) = Table::next(globals, &mut heap, at).unwrap() {
                    assert_ne!(k, Value::string(key));
                    names += 1;
                    at = k;
                }
                assert_eq!(names, 54);
            }
        }
    }
}
