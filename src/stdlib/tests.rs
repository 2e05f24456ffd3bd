//! Running pieces of Lua in a fresh process with the full libraries.

use crate::vm::Vm;
use crate::vm::exit::Exit;
use crate::vm::image::Image;
use crate::vm::raw::string_bytes;

use super::text::append_plain;

/// Runs a chunk and returns its results as text, separated by spaces; an error as `error: …`.
pub fn eval(source: &str) -> String {
    let image = Image::new(&super::libraries(), false, 1);
    let mut vm = Vm::new(image);
    eval_in(&mut vm, source)
}

/// As [`eval`] in a given process.
pub fn eval_in(vm: &mut Vm, source: &str) -> String {
    let function = match super::load::load_chunk(vm, source.as_bytes(), b"=test") {
        Ok(function) => function,
        Err(error) => return format!("error: {}", String::from_utf8_lossy(string_bytes(error.value))),
    };
    let root = vm.new_root(function);
    let values = match vm.run(root, &[]) {
        Exit::Finished(values) => values,
        Exit::Failed(error) => {
            let mut text = b"error: ".to_vec();
            append_plain(vm, error.value, &mut text);
            return String::from_utf8_lossy(&text).into_owned();
        }
        other => return format!("{other:?}"),
    };
    let texts = values.iter().map(|value| {
        let mut text = Vec::new();
        append_plain(vm, *value, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    texts.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_chunk_runs() {
    assert_eq!(eval("return 1 + 2, 'x', nil, true, 1.5"), "3 x nil true 1.5");
    assert_eq!(eval("return _G._G == _G, _VERSION"), "true Lua 5.3");
}

#[test]
fn metamethods_are_called_without_nesting() {
    assert_eq!(eval("return tostring(setmetatable({}, {__tostring = function() return 12 end}))"), "12");
    assert_eq!(
        eval("for k, v in pairs(setmetatable({}, {__pairs = function() return next, {7} end})) do return k, v end"),
        "1 7"
    );
    assert_eq!(
        eval("local n = 0
            for _, v in ipairs(setmetatable({}, {__index = function(_, i) if i < 4 then return i end end})) do n = n + v end
            return n"),
        "6"
    );
}

#[test]
fn loading_reads_pieces_and_reports_failures() {
    assert_eq!(eval("local p, i = {'return ', '4', '2'}, 0 return load(function() i = i + 1 return p[i] end)()"), "42");
    assert_eq!(eval("return load('x =', '=c')"), "nil c:1: unexpected symbol near <eof>");
    assert_eq!(eval("return load('return x', 'c', 't', {x = 5})()"), "5");
    assert_eq!(eval("return load('return 1', 'c', 'b')"), "nil attempt to load a text chunk (mode is 'b')");
    assert_eq!(eval("return load('\\27Lua')"), "nil binary string: truncated precompiled chunk");
    assert_eq!(eval("return load(function() error('no', 0) end)"), "nil no");
}

#[test]
fn finalizers_run_and_their_errors_are_raised() {
    assert_eq!(
        eval(
            "local log = {}
            for i = 1, 3 do setmetatable({}, {__gc = function() log[#log + 1] = i end}) end
            collectgarbage()
            return table.concat(log, ' ')"
        ),
        "3 2 1"
    );
    assert_eq!(
        eval("setmetatable({}, {__gc = function() error('oops', 0) end}) return pcall(collectgarbage)"),
        "false error in __gc metamethod (oops)"
    );
}

#[test]
fn finalizers_at_a_safepoint_leave_open_lists_alone() {
    assert_eq!(
        eval(
            "local n = 0
            local mt = {__gc = function() n = n + 1 return 1, 2, 3 end}
            for _ = 1, 3000 do
              setmetatable({}, mt)
              assert(select('#', table.unpack({1, 2, 3, 4})) == 4)
              assert(select('#', pcall(table.unpack, {1, 2})) == 3)
            end
            return n > 0"
        ),
        "true"
    );
}

#[test]
fn coroutines_pass_values_and_errors() {
    assert_eq!(
        eval(
            "local f = coroutine.wrap(function(...) local x = coroutine.yield(...) return x end)
            local a, b = f(1, 2)
            return a, b, f(3), pcall(f)"
        ),
        "1 2 3 false cannot resume dead coroutine"
    );
    assert_eq!(eval("return coroutine.isyieldable(), coroutine.wrap(coroutine.isyieldable)()"), "false true");
}

#[test]
fn require_runs_a_loader_once() {
    let mut vm = Vm::new(Image::new(&super::libraries(), false, 1));
    super::package::install(&mut vm, b"./?.none").expect("a new heap has no limit");
    assert_eq!(
        eval_in(
            &mut vm,
            "local runs = 0
            package.preload.m = function(name) runs = runs + 1 return {name = name} end
            local a, b = require 'm', require 'm'
            return a == b, runs, a.name, package.loaded.m == a"
        ),
        "true 1 m true"
    );
    assert_eq!(
        eval_in(&mut vm, "return select(2, pcall(require, 'a.b'))"),
        "module 'a.b' not found:\n\tno field package.preload['a.b']\n\tno file './a/b.none'"
    );
}

#[test]
fn debug_tells_apart_copies_of_captured_values() {
    // A chunk that mentions the names of these functions shares its variables.
    assert_eq!(
        eval(
            "local fixed = 1
            local function f() return fixed end
            local function g() return fixed end
            debug['set' .. 'upvalue'](f, 1, 2)
            return f(), g(), fixed, debug['upvalue' .. 'id'](f, 1) == debug['upvalue' .. 'id'](g, 1)"
        ),
        "2 1 1 false"
    );
    assert_eq!(
        eval(
            "local fixed, changed = 1, 2
            local function f() return fixed end
            local function g() changed = changed + 1 return changed end
            debug['upvalue' .. 'join'](g, 1, f, 1)
            local a, b = g(), g()
            debug['upvalue' .. 'join'](f, 1, g, 1)
            return a, b, f(), changed, g(), f()"
        ),
        "2 3 3 2 4 3"
    );
}

#[test]
fn debug_leaves_variables_of_loops_and_natives_alone() {
    assert_eq!(
        eval("for i = 1, 3 do local ok, e = pcall(debug.setlocal, 2, 1, 'x') return ok, e end"),
        "false cannot set a value that the machine relies on"
    );
    assert_eq!(
        eval(
            "local w = coroutine.wrap(print) return select('#', debug.setupvalue(w, 1, 5)), debug.getinfo(w, 'u').nups"
        ),
        "0 0"
    );
    assert_eq!(eval("return select('#', debug.gethook()), debug.gethook()"), "3 nil  0");
}

#[test]
fn debug_sees_coroutines_that_are_not_running() {
    assert_eq!(
        eval(
            "local co = coroutine.wrap(function() local inner = 5 coroutine.yield(coroutine.running()) end)
            local thread = co()
            return debug.getinfo(thread, 0, 'S').what, debug.getinfo(thread, 1, 'S').what, debug.getlocal(thread, 1, 1)"
        ),
        "C Lua inner 5"
    );
}

#[test]
fn standard_files_are_made_when_used() {
    assert_eq!(
        eval(
            "return rawget(io, 'stdout'), io.type(io.stdout), io.stdout == io.output(), io.nothing, io.stdin == io.stdin"
        ),
        "nil file true nil true"
    );
}

#[test]
fn replacements_and_texts_are_asked_for_while_garbage_is_collected() {
    let mut vm = Vm::new(Image::new(&super::libraries(), false, 1));
    vm.heap.set_stress(true);
    let source = "local n = 0
        local named = setmetatable({}, {__tostring = function() n = n + 1; return ('<' .. n .. '>'):rep(30) end})
        local text = ('%s %s|'):rep(20):format(table.unpack((function()
            local t = {} for i = 1, 40 do t[i] = named end return t
        end)()))
        local replaced, count = text:gsub('%d+', function(digits) return ('[' .. digits .. ']'):upper() end)
        return n, #text, count, #replaced, #(('x'):rep(300):gsub('x', setmetatable({}, {__index = function(_, k) return k .. k end})))";
    assert_eq!(eval_in(&mut vm, source), "40 4570 1200 6970 600");
}
