//! The loader of binary chunks, its verifier, and the machine on what the verifier lets pass.
//!
//! What must hold: whatever the bytes, loading fails with a message or gives a function that can be dumped again and
//! runs, with a small budget and little memory, without harm to the process: no panic, no finding of the sanitizer.
//!
//! The first byte of the input chooses. 0: the rest is the body of a chunk, whose head is supplied. Otherwise a program
//! from [`SOURCES`] is compiled and dumped, and each four bytes of the rest change something in the chunk.
//!
//! Run with `cargo +nightly fuzz run load_binary -- -max_total_time=300`; with `MOONLET_GC_STRESS=1`, dangling
//! references show at once. A crash leaves its input in `fuzz/artifacts/load_binary/`; fix it with a failing test in
//! `src/bytecode/verify/tests.rs` first.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use moonlet::bytecode::Proto;
use moonlet::bytecode::binary::{dump, undump};
use moonlet::compile::compile_source;
use moonlet::stdlib;
use moonlet::vm::Vm;
use moonlet::vm::image::{Image, Library};
use moonlet::vm::value::Value;

const BUDGET: i64 = 2_000;
const MEMORY: usize = 4 << 20;
/// Bytes of a chunk before its main function.
const HEAD: usize = 33;

/// Programs whose functions use every instruction, each in some dangerous neighbourhood.
const SOURCES: &[&str] = &[
    "local a, b = 1, 2 local function f() a = a + 1 return a, b end return f() + f(), b",
    "local t = {} for i = 1, 3 do local j = i t[i] = function() j = j + 1 return j, i end end
     for _, f in ipairs(t) do f() end return t[2]()",
    "local function f(...) local a, b = ... return select('#', ...), {...}, {a, b, ...}, ... end
     return f(f(1, nil, 3))",
    "local function g(n) if n == 0 then return 'end' end return g(n - 1) end return g(5), (g(3))",
    "local t = setmetatable({}, {__index = function(t, k) return k end, __call = function(t, ...) return ... end,
        __add = function(a, b) return 7 end, __concat = function(a, b) return 'c' end, __lt = function() return true end})
     return t.x .. t, t + 1, t(1, 2), t < t, t:y(), #t",
    "local o = {n = 0} function o:add(k) self.n = self.n + k return self end
     return o:add(1):add(2):add(3).n, -o.n, not o, ~o.n, o.n // 2, o.n % 2, 2 ^ o.n, 1 - o.n, o.n - 1, 8 >> o.n",
    "for i = 10, 1, -3 do local x = i if x > 4 then goto skip end print = nil ::skip:: end
     for i = 1.0, 2.0, 0.5 do x = i end for k, v in pairs({1, 2, a = 3}) do y = k end repeat local z = 1 until z == 1
     local i = 0 while i < 5 do i = i + 1 if i == 3 then break end end return x, y, i",
    "local co = coroutine.wrap(function(a) local b = coroutine.yield(a) error({b}) end)
     return co(1), pcall(co, 2), pcall(error), select(2, xpcall(function() local x = nil; x() end, debug.traceback))",
    "local function set() for level = 1, 3 do for n = 1, 9 do pcall(debug.setlocal, level, n, n * 1.5)
        pcall(debug.getlocal, level, n) end end return set end
     local a, b, c = 1, {}, 'x' set() local d = {a, set(), b, set()} for i = 1, 3 do set() end
     for k, v in next, {1, 2} do set() end return a, b, c, d, set()",
    "local a, b = {}, 'v' local function f() b = a return a, b end
     for n = 1, 3 do debug.setupvalue(f, n, n) debug.getupvalue(f, n) end
     debug.upvaluejoin(f, 1, function() return b end, 1) return f()",
    "local a = {1, 2, 3, 4, 5, n = 1, [2.5] = 2, f = function(...) return ... end} a[1], a.n, a[2.5] = a.n, a[1], nil
     return a.f(table.unpack(a)), a[1] == 1 and a.n or a[2], a.n ~= nil, 'x' == a.n, a[1] >= 2, a[2] < a[3], a[3] <= 9",
];

static IMAGE: LazyLock<Arc<Image>> = LazyLock::new(|| {
    // Nothing that reads or writes files.
    let libraries: [&'static Library; 7] = [
        &stdlib::base::LIBRARY,
        &stdlib::coroutine::LIBRARY,
        &stdlib::debug::LIBRARY,
        &stdlib::math::LIBRARY,
        &stdlib::string::LIBRARY,
        &stdlib::table::LIBRARY,
        &stdlib::utf8::LIBRARY,
    ];
    Image::new(&libraries, false, 1)
});

static CHUNKS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let compiled = SOURCES.iter().map(|source| compile_source(source.as_bytes(), b"=fuzz").expect("a correct program"));
    compiled.flat_map(|proto| [dump(&proto, false), dump(&proto, true)]).collect()
});

/// Changes something in a chunk.
fn mutate(chunk: &mut [u8], change: [u8; 4]) {
    let [place0, place1, how, what] = change;
    let place = HEAD + usize::from(u16::from_le_bytes([place0, place1])) % (chunk.len() - HEAD);
    match how % 4 {
        0 => chunk[place] = what,
        // Another register or constant.
        1 => chunk[place] = chunk[place].wrapping_add(what % 16 * 16),
        2 => chunk[place] = chunk[place].wrapping_add(what % 8).wrapping_sub(4),
        // Another instruction.
        _ => {
            let from = HEAD + usize::from(what) * 4 % (chunk.len() - HEAD);
            let len = 8.min(chunk.len() - place.max(from));
            chunk.copy_within(from..from + len, place);
        }
    }
}

fn run(proto: &Arc<Proto>) {
    let mut vm = Vm::new(IMAGE.clone());
    vm.heap.set_limit(MEMORY);
    vm.fuel = BUDGET;
    let globals = Value::table(vm.globals());
    let main = vm.load_proto(proto, globals);
    let root = vm.new_root(main);
    vm.run(root, &[Value::int(1), Value::NIL, main]);
    vm.collect();
    vm.heap.verify().expect("a sound heap");
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    let chunk = if choice == 0 {
        [&CHUNKS[0][..HEAD], rest].concat()
    } else {
        let mut chunk = CHUNKS[usize::from(choice) % CHUNKS.len()].clone();
        rest.as_chunks::<4>().0.iter().for_each(|change| mutate(&mut chunk, *change));
        chunk
    };
    let proto = match undump(&chunk) {
        Ok(proto) => proto,
        Err(error) => return assert!(!error.message(&chunk).is_empty()),
    };
    let again = dump(&proto, false);
    assert_eq!(undump(&again).as_deref(), Ok(&*proto));
    run(&proto);
});
