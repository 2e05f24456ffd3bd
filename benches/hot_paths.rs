//! The paths every program is made of, one loop each: calls, fields, strings, tables, the collector, coroutines; and
//! messages and processes.
//!
//! `cargo bench`; comparisons with other Lua implementations are made by `tools/bench`. Each benchmark calls a Lua function
//! that repeats its operation [`REPEAT`] times, so that entering the machine does not count.

#![allow(missing_docs)] // the macros of criterion make public functions

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use moonlet::{Function, Lua, Runtime};

/// Operations per measured call.
const REPEAT: u64 = 10_000;

/// Name, what comes before the loop, the loop's body. `i` is the loop variable.
const PATHS: [(&str, &str, &str); 9] = [
    ("call", "local function f(x) return x end", "f(i)"),
    (
        "method",
        "local object = setmetatable({ n = 0 }, { __index = { add = function(self) self.n = self.n + 1 end } })",
        "object:add()",
    ),
    ("field", "local t = { a = 1, b = 2 }", "t.a = t.a + t.b"),
    ("global", "counter = 0", "counter = counter + 1"),
    ("concat", "local s", "s = 'item ' .. i"),
    ("array_insert", "local t = {}", "t[i] = i"),
    ("hash_insert", "local t = {}", "t[i * 8191] = i"),
    ("garbage", "local t", "t = { i, x = i }"),
    (
        "coroutine_switch",
        "local resume = coroutine.wrap(function() while true do coroutine.yield() end end)",
        "resume()",
    ),
];

fn hot_paths(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hot_paths");
    group.throughput(Throughput::Elements(REPEAT));
    for (name, before, body) in PATHS {
        let lua = Lua::new();
        let source = format!("{before}\nfor i = 1, {REPEAT} do {body} end");
        let function: Function =
            lua.load(&source).set_name(format!("={name}")).into_function().expect("the loop compiles");
        group.bench_function(name, |bencher| bencher.iter(|| function.call::<()>(()).expect("the loop runs")));
    }
    group.finish();
}

/// Messages a process exchanges with itself per measured step.
const MESSAGES: u64 = 1_000;

/// Name and payload of a message.
const PAYLOADS: [(&str, &str); 3] = [
    ("number", "1"),
    ("long_string", "('x'):rep(1000)"),
    ("table", "{ id = 1, name = 'a name', tags = { 'a', 'b', 'c' } }"),
];

fn messages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("messages");
    group.throughput(Throughput::Elements(MESSAGES));
    for (name, payload) in PAYLOADS {
        let source = format!(
            "return function()
                local topic, pid, payload = process.listen('topic'), process.pid(), {payload}
                for i = 1, {MESSAGES} do
                    process.send(pid, 'topic', payload)
                    topic:receive()
                end
            end"
        );
        let runtime =
            Runtime::builder().workers(1).entry("bench:main", source).build().expect("a thread can be started");
        group.bench_function(name, |bencher| {
            bencher.iter(|| runtime.spawn("bench:main", ()).and_then(|process| process.wait()).expect("it ends"));
        });
    }
    group.finish();
}

/// From a spawn on the host's side to the result.
fn spawn(criterion: &mut Criterion) {
    let runtime = Runtime::builder().workers(1).entry("bench:main", "return function(x) return x end").build();
    let runtime = runtime.expect("a thread can be started");
    criterion.bench_function("spawn_and_wait", |bencher| {
        bencher.iter(|| runtime.spawn("bench:main", (1,)).and_then(|process| process.wait()).expect("it ends"));
    });
}

criterion_group!(benches, hot_paths, messages, spawn);
criterion_main!(benches);
