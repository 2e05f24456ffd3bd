//! The paths every program is made of, one loop each: calls, fields, strings, tables, the collector, coroutines, validation;
//! and messages and processes.
//!
//! `cargo bench`; comparisons with other Lua implementations are made by `tools/bench`. Each benchmark calls a Lua function
//! that repeats its operation [`REPEAT`] times, so that entering the machine does not count.

#![allow(missing_docs)] // the macros of criterion make public functions

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use moonlet::{Function, Lua, Runtime};

/// Operations per measured call.
const REPEAT: u64 = 10_000;

/// Name, what comes before the loop, the loop's body. `i` is the loop variable.
const PATHS: [(&str, &str, &str); 11] = [
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
    ("record_by_type", BY_TYPE, "assert(User:is(user))"),
    ("record_by_hand", BY_HAND, "assert(is_user(user))"),
];

/// A record of ten fields, looked at by a type and by what one would write without types.
const BY_TYPE: &str = "\
    type User = {
        id: integer @min(1), name: string @min_len(1), email: string @min_len(3), age: integer @min(0) @max(150),
        active: boolean, score: number, role: 'admin' | 'user' | 'guest', country: string, tags: {string},
        address: {street: string, city: string},
    }
    local user = {
        id = 1, name = 'Ada', email = 'ada@example.org', age = 36, active = true, score = 1.5, role = 'user',
        country = 'UK', tags = {'a', 'b', 'c'}, address = {street = 'High St', city = 'London'},
    }";
const BY_HAND: &str = "\
    local kind = math.type
    local function is_user(u)
        if type(u) ~= 'table' or kind(u.id) ~= 'integer' or u.id < 1 then return nil end
        if type(u.name) ~= 'string' or #u.name < 1 or type(u.email) ~= 'string' or #u.email < 3 then return nil end
        if kind(u.age) ~= 'integer' or u.age < 0 or u.age > 150 or type(u.active) ~= 'boolean' then return nil end
        local role, tags, address = u.role, u.tags, u.address
        if type(u.score) ~= 'number' or role ~= 'admin' and role ~= 'user' and role ~= 'guest' then return nil end
        if type(u.country) ~= 'string' or type(tags) ~= 'table' or type(address) ~= 'table' then return nil end
        for i = 1, #tags do if type(tags[i]) ~= 'string' then return nil end end
        if type(address.street) ~= 'string' or type(address.city) ~= 'string' then return nil end
        return u
    end
    local user = {
        id = 1, name = 'Ada', email = 'ada@example.org', age = 36, active = true, score = 1.5, role = 'user',
        country = 'UK', tags = {'a', 'b', 'c'}, address = {street = 'High St', city = 'London'},
    }";

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
