//! The collector with roots made up for the purpose, and against a model of reachability.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::vm::chunk::Chunk;
use crate::vm::object::Str;

/// A heap for tests.
pub fn heap() -> Heap {
    Heap::new(Loan::keep(Arc::new(StringSet::new(42))))
}

/// Values that are reachable.
#[derive(Default)]
struct Held(Vec<Value>);

impl Roots for Held {
    fn trace(&mut self, marker: &mut Marker) {
        for value in &self.0 {
            marker.mark(*value);
        }
    }
}

/// Short for stores in tests; nothing is collected meanwhile.
fn set(heap: &mut Heap, table: *mut Table, key: Value, value: Value) {
    // SAFETY: callers pass live objects.
    unsafe { Table::set(table, heap, key, value).unwrap() };
}

fn get(heap: &mut Heap, table: *mut Table, key: Value) -> Value {
    // SAFETY: callers pass live objects.
    unsafe { Table::get(table, heap, key) }
}

fn collect(heap: &mut Heap, roots: &mut Held) -> usize {
    heap.full_collect(roots);
    heap.verify().unwrap()
}

fn weak_table(heap: &mut Heap, mode: &str) -> *mut Table {
    let (table, metatable) = (heap.new_empty_table(), heap.new_empty_table());
    let (key, value) = (heap.intern(b"__mode"), heap.intern(mode.as_bytes()));
    set(heap, metatable, Value::string(key), Value::string(value));
    // SAFETY: both are live.
    unsafe { heap.set_metatable(table, metatable) };
    table
}

fn entries(table: *mut Table) -> usize {
    let mut position = crate::vm::table::Position::START;
    let mut count = 0;
    // SAFETY: callers pass live tables.
    while let Some((next, ..)) = unsafe { Table::iter_from(table, position) } {
        position = next;
        count += 1;
    }
    count
}

struct Counted(Arc<AtomicUsize>);

impl UserData for Counted {
    fn class(&self) -> &'static str {
        "counted"
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn an_idle_heap_is_small() {
    let mut heap = heap();
    let globals = heap.new_empty_table();
    heap.new_empty_table();
    heap.new_closure(std::ptr::null(), 1);
    heap.alloc_object(size_of::<Thread>(), tag::STRING, 0);
    let key = heap.intern(b"n");
    set(&mut heap, globals, Value::string(key), Value::int(1));
    let pages = heap.pages.page_bytes(Use::Object) + heap.pages.page_bytes(Use::Raw);
    assert!(pages + size_of::<Heap>() < 1800, "{pages} + {}", size_of::<Heap>());
}

#[test]
fn everything_unreachable_is_freed() {
    let mut heap = heap();
    let mut roots = Held::default();
    let dropped = Arc::new(AtomicUsize::new(0));
    for i in 0..2000i64 {
        let table = heap.new_table(3, 2);
        for k in 0..i % 200 {
            set(&mut heap, table, Value::int(k * 3), Value::int(k));
            let name = heap.intern(format!("name{}", k * i).as_bytes());
            set(&mut heap, table, Value::string(name), Value::table(table));
        }
        heap.new_cell(Value::table(table));
        heap.new_string(&vec![7; i as usize]).unwrap();
        heap.new_userdata(Counted(dropped.clone()), NO_METATABLE);
        heap.new_thread();
        let native = heap.new_native_closure(std::ptr::null(), 40, Some(Box::new(Counted(dropped.clone()))));
        for k in 0..40 {
            // SAFETY: so many are captured.
            unsafe { *NativeClosure::captured(native).add(k) = Value::int(i) };
        }
    }
    assert!(heap.count_bytes() > 1_000_000);
    assert!(heap.needs_collection());
    assert_eq!(collect(&mut heap, &mut roots), 0);
    assert_eq!(heap.count_bytes(), 0);
    assert_eq!(dropped.load(Ordering::Relaxed), 4000);
    assert_eq!(heap.interned.count(), 0);
    assert!(heap.droppables.is_empty());
    assert!(!heap.needs_collection());
}

#[test]
fn dropping_a_heap_drops_host_data() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut heap = heap();
    for _ in 0..10 {
        heap.new_userdata(Counted(dropped.clone()), NO_METATABLE);
        heap.new_native_closure(std::ptr::null(), 0, Some(Box::new(Counted(dropped.clone()))));
        heap.alloc_raw(5000).unwrap();
    }
    drop(heap);
    assert_eq!(dropped.load(Ordering::Relaxed), 20);
}

#[test]
fn deep_structures_need_no_stack() {
    let mut heap = heap();
    let mut list = Value::NIL;
    for _ in 0..300_000 {
        let table = heap.new_table(1, 0);
        set(&mut heap, table, Value::int(1), list);
        list = Value::table(table);
    }
    let mut roots = Held(vec![list]);
    assert_eq!(collect(&mut heap, &mut roots), 300_000);
    roots.0.clear();
    assert_eq!(collect(&mut heap, &mut roots), 0);
}

#[test]
fn weak_values_go_and_strings_stay() {
    let mut heap = heap();
    let table = weak_table(&mut heap, "v");
    let mut roots = Held(vec![Value::table(table)]);
    let kept = heap.new_empty_table();
    roots.0.push(Value::table(kept));
    for i in 1..=4 {
        let dying = heap.new_empty_table();
        set(&mut heap, table, Value::int(i), Value::table(dying));
        let key = heap.intern(format!("field {i}").as_bytes());
        let dying = heap.new_empty_table();
        set(&mut heap, table, Value::string(key), Value::table(dying));
    }
    set(&mut heap, table, Value::int(5), Value::table(kept));
    let text = heap.intern(b"only here");
    set(&mut heap, table, Value::TRUE, Value::string(text));
    collect(&mut heap, &mut roots);
    assert_eq!(entries(table), 2);
    assert!(get(&mut heap, table, Value::int(5)).same(Value::table(kept)));
}

#[test]
fn ephemerons_converge_over_chains_and_cycles() {
    let mut heap = heap();
    let (first, second) = (weak_table(&mut heap, "k"), weak_table(&mut heap, "k"));
    let start = heap.new_empty_table();
    let mut roots = Held(vec![Value::table(first), Value::table(second), Value::table(start)]);
    // A chain through both tables: each key is reachable only as the value of the one before.
    let mut key = start;
    for i in 0..100 {
        let next = heap.new_empty_table();
        let table = if i % 2 == 0 { first } else { second };
        set(&mut heap, table, Value::table(key), Value::table(next));
        key = next;
    }
    // Entries whose values lead back to their own keys.
    for _ in 0..10 {
        let (a, b) = (heap.new_empty_table(), heap.new_empty_table());
        set(&mut heap, first, Value::table(a), Value::table(b));
        set(&mut heap, second, Value::table(b), Value::table(a));
    }
    collect(&mut heap, &mut roots);
    assert_eq!(entries(first) + entries(second), 100);
    roots.0.pop();
    collect(&mut heap, &mut roots);
    assert_eq!(entries(first) + entries(second), 0);
}

#[test]
fn doubly_weak_tables_keep_nothing_alive() {
    let mut heap = heap();
    let table = weak_table(&mut heap, "kv");
    let (a, b) = (heap.new_empty_table(), heap.new_empty_table());
    let mut roots = Held(vec![Value::table(table), Value::table(a), Value::table(b)]);
    let dying = heap.new_empty_table();
    set(&mut heap, table, Value::table(a), Value::table(b));
    set(&mut heap, table, Value::table(b), Value::table(dying));
    set(&mut heap, table, Value::table(dying), Value::table(a));
    set(&mut heap, table, Value::int(1), Value::table(dying));
    collect(&mut heap, &mut roots);
    assert_eq!(entries(table), 1);
}

#[test]
fn finalizers_run_in_reverse_order_and_resurrect() {
    let mut heap = heap();
    let mut roots = Held::default();
    let (by_value, by_key) = (weak_table(&mut heap, "v"), weak_table(&mut heap, "k"));
    roots.0.extend([Value::table(by_value), Value::table(by_key)]);
    let mut objects = Vec::new();
    for i in 0..3 {
        let (object, part) = (heap.new_empty_table(), heap.new_empty_table());
        set(&mut heap, object, Value::int(1), Value::table(part));
        set(&mut heap, by_value, Value::int(i + 1), Value::table(object));
        set(&mut heap, by_key, Value::table(object), Value::int(i));
        // SAFETY: live.
        unsafe { heap.register_finalizer(object.cast()) };
        objects.push(object);
    }
    collect(&mut heap, &mut roots);
    assert_eq!(entries(by_value), 0, "weak values go before finalization");
    assert_eq!(entries(by_key), 3, "weak keys stay until after it");
    let order: Vec<_> = std::iter::from_fn(|| heap.take_pending_finalizer()).map(Value::as_table).collect();
    assert_eq!(order, objects.iter().rev().copied().collect::<Vec<_>>());
    // What they refer to is intact; one is registered again, one is resurrected.
    assert!(get(&mut heap, objects[0], Value::int(1)).is_table());
    // SAFETY: still alive.
    unsafe { heap.register_finalizer(objects[0].cast()) };
    roots.0.push(Value::table(objects[1]));
    collect(&mut heap, &mut roots);
    assert_eq!(entries(by_key), 2);
    assert!(heap.take_pending_finalizer().unwrap().same(Value::table(objects[0])));
    assert!(heap.take_pending_finalizer().is_none());
    collect(&mut heap, &mut roots);
    assert_eq!(entries(by_key), 1);
    // SAFETY: reachable.
    unsafe { heap.register_finalizer(objects[1].cast()) };
    heap.queue_all_finalizers();
    assert!(heap.take_pending_finalizer().unwrap().same(Value::table(objects[1])));
}

fn empty_proto() -> crate::bytecode::Proto {
    crate::bytecode::Proto {
        source: Arc::from(&b"=test"[..]),
        line_defined: 0,
        last_line: 0,
        params: 0,
        vararg: false,
        registers: 2,
        code: Box::new([]),
        constants: Box::new([]),
        types: None,
        captures: Box::new([]),
        protos: Box::new([]),
        lines: Box::new([]),
        locals: Box::new([]),
    }
}

#[test]
fn chunks_live_as_long_as_they_are_used() {
    use crate::vm::function::Function;
    use crate::vm::types::TypeSet;
    let mut heap = heap();
    let mut roots = Held::default();
    let set_of_image = heap.strings.to_arc();
    let mut constant = std::ptr::null_mut();
    let chunk = Chunk::build(&set_of_image, |strings| {
        constant = strings.constant(b"constant of a chunk");
        let long = strings.constant(&[b'x'; 1000]);
        // SAFETY: just made.
        assert_eq!(unsafe { Str::shared_bytes(long) }.unwrap().len(), 1000);
        let owner = strings.chunk();
        let types = TypeSet::new(set_of_image.clone());
        vec![Function::link(&Arc::new(empty_proto()), owner, &types, &mut |_| unreachable!("it has no constants"))]
    });
    let weak = Arc::downgrade(&chunk);
    let closure = heap.new_closure(&chunk.functions()[0], 0);
    heap.register_chunk(chunk);
    roots.0.push(Value::closure(closure));
    collect(&mut heap, &mut roots);
    assert_eq!(heap.intern(b"constant of a chunk"), constant);
    // The constant alone keeps it, too.
    roots.0[0] = Value::string(constant);
    collect(&mut heap, &mut roots);
    assert!(weak.upgrade().is_some());
    roots.0.clear();
    collect(&mut heap, &mut roots);
    assert!(weak.upgrade().is_none());
    assert_ne!(heap.intern(b"constant of a chunk"), constant);
}

#[test]
fn a_limit_is_noticed() {
    let mut heap = heap();
    heap.set_limit(100_000);
    assert_eq!(heap.new_string(&[0; 200_000]), Err(OutOfMemory));
    assert_eq!(heap.check_large(usize::MAX), Err(OutOfMemory));
    let mut roots = Held::default();
    while !heap.needs_collection() {
        let table = heap.new_empty_table();
        roots.0.push(Value::table(table));
    }
    while !heap.over_limit() {
        let table = heap.new_empty_table();
        roots.0.push(Value::table(table));
    }
    heap.step(&mut roots);
    assert!(heap.over_limit());
    roots.0.clear();
    heap.step(&mut roots);
    assert!(!heap.over_limit());
}

#[test]
fn a_stopped_collector_waits() {
    let mut heap = heap();
    heap.stop();
    for _ in 0..10_000 {
        heap.new_empty_table();
    }
    assert!(!heap.needs_collection() && !heap.is_running());
    heap.restart();
    heap.step(&mut Held::default());
    assert_eq!(heap.count_bytes(), 0);
}

#[test]
fn small_steps_make_a_cycle() {
    let mut heap = heap();
    let mut roots = Held::default();
    for _ in 0..1000 {
        let table = heap.new_table(4, 4);
        roots.0.push(Value::table(table));
    }
    heap.stop();
    heap.full_collect(&mut roots);
    let steps = |heap: &mut Heap, roots: &mut Held, kb| (1..).find(|_| heap.step_kilobytes(roots, kb)).unwrap();
    let (small, medium) = (steps(&mut heap, &mut roots, 0), steps(&mut heap, &mut roots, 10));
    assert!(small > 10 && medium < small, "{small} {medium}");
    assert_eq!(steps(&mut heap, &mut roots, 20_000), 1);
}

/// A store of the mutator in the model test: objects are named by the order of their creation.
#[derive(Clone, Debug)]
enum Op {
    New { small: bool },
    Store { from: usize, slot: u8, to: usize },
    Erase { from: usize, slot: u8 },
    Root(usize),
    Unroot(usize),
    Text { from: usize, slot: u8, text: u8 },
    Slice,
    Full,
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => any::<bool>().prop_map(|small| Op::New { small }),
        10 => (any::<usize>(), 0..6u8, any::<usize>()).prop_map(|(from, slot, to)| Op::Store { from, slot, to }),
        3 => (any::<usize>(), 0..6u8).prop_map(|(from, slot)| Op::Erase { from, slot }),
        2 => any::<usize>().prop_map(Op::Root),
        3 => any::<usize>().prop_map(Op::Unroot),
        3 => (any::<usize>(), 0..6u8, 0..20u8).prop_map(|(from, slot, text)| Op::Text { from, slot, text }),
        8 => Just(Op::Slice),
        1 => Just(Op::Full),
    ]
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Slot {
    Object(usize),
    Text(u8),
}

/// A heap whose program only knows what it can reach.
struct Mutator {
    heap: Heap,
    roots: Held,
    objects: Vec<*mut Table>,
    edges: HashMap<usize, HashMap<u8, Slot>>,
    rooted: Vec<usize>,
}

impl Mutator {
    fn reachable(&self) -> HashSet<usize> {
        let mut seen: HashSet<usize> = self.rooted.iter().copied().collect();
        let mut todo = self.rooted.clone();
        while let Some(from) = todo.pop() {
            for slot in self.edges[&from].values() {
                if let Slot::Object(to) = slot
                    && seen.insert(*to)
                {
                    todo.push(*to);
                }
            }
        }
        seen
    }

    fn pick(&self, n: usize) -> Option<usize> {
        let mut reachable: Vec<usize> = self.reachable().into_iter().collect();
        reachable.sort();
        if reachable.is_empty() { None } else { Some(reachable[n % reachable.len()]) }
    }

    fn sync_roots(&mut self) {
        self.roots.0 = self.rooted.iter().map(|&i| Value::table(self.objects[i])).collect();
    }

    fn slot_key(&mut self, slot: u8) -> Value {
        // Array items, nodes by number and nodes by name.
        match slot {
            0..2 => Value::int(i64::from(slot) + 1),
            2..4 => Value::int(i64::from(slot) * 100),
            _ => Value::string(self.heap.intern(&[b'k', slot])),
        }
    }

    fn store(&mut self, from: usize, slot: u8, to: Option<Slot>) {
        let key = self.slot_key(slot);
        let value = match to {
            None => Value::NIL,
            Some(Slot::Object(i)) => Value::table(self.objects[i]),
            Some(Slot::Text(i)) => Value::string(self.heap.intern(format!("text {i}").as_bytes())),
        };
        set(&mut self.heap, self.objects[from], key, value);
        let edges = self.edges.get_mut(&from).unwrap();
        match to {
            Some(to) => edges.insert(slot, to),
            None => edges.remove(&slot),
        };
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::New { small } => {
                let table = self.heap.new_table(if small { 0 } else { 40 }, 0);
                self.objects.push(table);
                let name = self.objects.len() - 1;
                self.edges.insert(name, HashMap::new());
                self.rooted.push(name);
            }
            Op::Store { from, slot, to } => {
                if let (Some(from), Some(to)) = (self.pick(from), self.pick(to)) {
                    self.store(from, slot, Some(Slot::Object(to)));
                }
            }
            Op::Erase { from, slot } => {
                if let Some(from) = self.pick(from) {
                    self.store(from, slot, None);
                }
            }
            Op::Text { from, slot, text } => {
                if let Some(from) = self.pick(from) {
                    self.store(from, slot, Some(Slot::Text(text)));
                }
            }
            Op::Root(n) => self.rooted.extend(self.pick(n)),
            Op::Unroot(n) => {
                if !self.rooted.is_empty() {
                    let n = n % self.rooted.len();
                    self.rooted.swap_remove(n);
                }
            }
            Op::Slice => {
                self.sync_roots();
                // Some hundred bytes: a cycle takes many slices.
                self.heap.advance_for_test(&mut self.roots, 200);
            }
            Op::Full => {
                self.sync_roots();
                self.heap.full_collect(&mut self.roots);
                let texts: HashSet<u8> = self.reachable_texts();
                assert!(self.heap.interned.count() >= texts.len());
            }
        }
    }

    fn reachable_texts(&self) -> HashSet<u8> {
        let edges = self.reachable().into_iter().flat_map(|i| self.edges[&i].values().copied());
        edges.filter_map(|slot| if let Slot::Text(i) = slot { Some(i) } else { None }).collect()
    }

    /// All reachable objects are intact and lead where the model says.
    fn check(&mut self) {
        self.heap.verify().unwrap();
        for from in self.reachable() {
            for slot in 0..6 {
                let key = self.slot_key(slot);
                let found = get(&mut self.heap, self.objects[from], key);
                match self.edges[&from].get(&slot).copied() {
                    None => assert!(found.is_nil()),
                    Some(Slot::Object(to)) => assert!(found.same(Value::table(self.objects[to]))),
                    Some(Slot::Text(i)) => {
                        let text = self.heap.intern(format!("text {i}").as_bytes());
                        assert!(found.same(Value::string(text)), "strings stay unique");
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn slices_free_only_what_is_unreachable(ops in prop::collection::vec(any_op(), 1..200)) {
        let mut mutator = Mutator {
            heap: heap(), roots: Held::default(), objects: Vec::new(), edges: HashMap::new(), rooted: Vec::new(),
        };
        for op in ops {
            mutator.apply(op);
            mutator.check();
        }
        mutator.sync_roots();
        let mut roots = std::mem::take(&mut mutator.roots);
        collect(&mut mutator.heap, &mut roots);
        let reachable = mutator.reachable();
        let tables = mutator.heap.verify().unwrap() - mutator.heap.interned.count();
        prop_assert_eq!(tables, reachable.len(), "a full collection frees the rest");
        mutator.check();
        roots.0.clear();
        mutator.rooted.clear();
        collect(&mut mutator.heap, &mut roots);
        prop_assert_eq!(mutator.heap.count_bytes(), 0);
    }
}

#[test]
fn pages_of_a_burst_are_given_back() {
    let mut heap = heap();
    let mut roots = Held::default();
    for _ in 0..50_000 {
        let table = heap.new_table(2, 2);
        roots.0.push(Value::table(table));
    }
    roots.0.truncate(1000);
    for _ in 0..9 {
        collect(&mut heap, &mut roots);
    }
    let pages = heap.pages.page_bytes(Use::Object) + heap.pages.page_bytes(Use::Raw);
    assert!(pages < 1_000_000, "{pages}");
}
