//! The runtime as programs see it: each test is a script that checks itself.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use super::errors::ErrorData;
use super::mail::Outcome;
use super::operation::{Interest, run_long};
use super::process_state::state;
use super::spawn::{Chunk, Entries, Entry};
use super::task::Results;
use super::transfer::Parcel;
use super::{LIBRARIES, System, on_demand};
use crate::app::script::ScriptEntries;
use crate::compile::NoModules;
use crate::vm::image::{Image, Library};
use crate::vm::native::Native;
use crate::vm::value::Value;

/// Natives that misbehave.
static BROKEN: Library = Library {
    name: "broken",
    global: true,
    natives: &[
        Native::new("panic", |_, _| panic!("on purpose")),
        // What a process does last but one: then it only has to be forgotten.
        Native::new("close_mailbox", |vm, args| {
            let pid = args.check_bytes(vm, 0)?;
            let process = state(vm).core().resolve(pid).expect("the process is known");
            process.mailbox.close();
            vm.answer(Value::TRUE)
        }),
        Native::new("work", |vm, _| {
            let work = |interest: &Interest| {
                WORK.store(BEGUN, Ordering::Release);
                while !interest.is_lost() {
                    std::thread::yield_now();
                }
                WORK.store(GIVEN_UP, Ordering::Release);
            };
            run_long(vm, "work", work, |_, ()| Ok(Results::new()))
        }),
        Native::new("is_working", |vm, _| vm.answer(Value::bool(WORK.load(Ordering::Acquire) == BEGUN))),
        Native::new("has_given_up", |vm, _| vm.answer(Value::bool(WORK.load(Ordering::Acquire) == GIVEN_UP))),
    ],
    constants: &[],
};

/// How far `broken.work` has come.
static WORK: AtomicU8 = AtomicU8::new(0);
const BEGUN: u8 = 1;
const GIVEN_UP: u8 = 2;

pub(super) fn image() -> Arc<Image> {
    let mut libraries = crate::stdlib::libraries();
    libraries.extend(LIBRARIES);
    libraries.push(&BROKEN);
    Image::with_modules(&libraries, on_demand(), false, 1)
}

fn run_with(source: &str, workers: usize, slice: i64) -> Outcome {
    let image = image();
    let path = Path::new("test.lua");
    let chunk = Chunk::compile(&image, source.as_bytes(), "@test.lua", &NoModules).expect("the script compiles");
    let entries = Box::new(ScriptEntries::new(path));
    let runtime = System::builder().workers(workers).slice(slice).build(Arc::clone(&image), entries);
    let runtime = runtime.expect("threads can be started");
    let outcome = runtime.run_program(&"app:test".into(), &|vm| Ok((chunk.closure(vm), Results::new())), false);
    runtime.shutdown(Duration::ZERO);
    assert!(runtime.core().processes.is_empty());
    outcome
}

/// Runs a script on one worker, on several, and with slices so short that every loop is interrupted.
#[track_caller]
fn check(source: &str) {
    for (workers, slice) in [(1, 100_000), (4, 100_000), (2, 7)] {
        if let Err(error) = run_with(source, workers, slice) {
            panic!("with {workers} workers and slice {slice}: {}\n{}", error.message, error.stack);
        }
    }
}

#[track_caller]
fn fails(source: &str) -> String {
    run_with(source, 1, 100_000).expect_err("the script fails").message.to_string()
}

#[test]
fn channels_hand_over_and_buffer() {
    check(
        r#"
        local ch, done = channel.new(), channel.new()
        coroutine.spawn(function(n)
            for i = 1, n do ch:send(i) end
            ch:close()
            done:send("end")
        end, 100)
        local sum, v, ok = 0
        repeat
            v, ok = ch:receive()
            sum = sum + (v or 0)
        until not ok
        assert(sum == 5050 and done:receive() == "end")
        local b = channel.new(2)
        b:send(nil) b:send(2)
        b:close() b:close()
        v, ok = b:receive() assert(v == nil and ok == true)
        v, ok = b:receive() assert(v == 2 and ok == true)
        v, ok = b:receive() assert(v == nil and ok == false)
        local ok, e = pcall(b.send, b, 1)
        assert(not ok and e:find("send on closed channel", 1, true), e)
    "#,
    );
}

#[test]
fn what_is_ending_takes_no_messages() {
    check(
        r#"
        local pid = process.spawn_monitored(function() process.inbox():receive() end, "app:host")
        broken.close_mailbox(pid)
        for _, values in ipairs { {}, {1}, {1, 2} } do
            local sent, err = process.send(pid, "topic", table.unpack(values))
            assert(sent == nil and err:kind() == "InvalidState" and err:message() == "process closed")
        end
        process.terminate(pid)
        assert(process.events():receive().from == pid)
        local sent, err = process.send(pid, "topic")
        assert(sent == nil and err:kind() == errors.NOT_FOUND and err:message():find("not found", 1, true))
    "#,
    );
}

#[test]
fn work_ends_with_the_process_that_waits_for_it() {
    check(
        r#"
        local pid = process.spawn_monitored(function() broken.work() end, "app:host")
        while not broken.is_working() do end
        process.terminate(pid)
        assert(process.events():receive().from == pid)
        while not broken.has_given_up() do end
    "#,
    );
}

#[test]
fn waiters_are_served_in_order() {
    check(
        r#"
        local ch, got = channel.new(1), {}
        for i = 1, 5 do
            coroutine.spawn(function() ch:send(i) end)
        end
        coroutine.yield()
        for i = 1, 5 do got[i] = ch:receive() end
        assert(table.concat(got, ",") == "1,2,3,4,5")
        local out = channel.new(5)
        for i = 1, 3 do
            coroutine.spawn(function() out:send(i .. ch:receive()) end)
        end
        coroutine.yield()
        for i = 1, 3 do ch:send(("abc"):sub(i, i)) end
        assert(out:receive() .. out:receive() .. out:receive() == "1a2b3c")
    "#,
    );
}

#[test]
fn closing_wakes_everybody() {
    check(
        r#"
        local a, b, out = channel.new(), channel.new(), channel.new(3)
        coroutine.spawn(function() local v, ok = a:receive() out:send(tostring(v) .. tostring(ok)) end)
        coroutine.spawn(function() local v, e = b:send(1) out:send(tostring(v) .. e:message() .. e:kind()) end)
        local c = channel.new()
        coroutine.spawn(function()
            local r = channel.select{c:case_receive()}
            out:send(tostring(r.channel == c) .. tostring(r.ok) .. tostring(r.value))
        end)
        coroutine.yield()
        a:close()
        assert(out:receive() == "nilfalse")
        b:close()
        assert(out:receive() == "nilsend on closed channel")
        c:close()
        assert(out:receive() == "truefalsenil")
        assert(not pcall(channel.select, {b:case_send(1)}))
        assert(channel.select{b:case_send(1), b:case_receive()}.ok == false)
    "#,
    );
}

#[test]
fn select_takes_the_first_ready_case() {
    check(
        r#"
        local a, b = channel.new(1), channel.new(1)
        assert(channel.select({a:case_receive()}, true).default)
        assert(channel.select{a:case_receive(), default = true}.ok)
        b:send("b") a:send("a")
        local r = channel.select{a:case_receive(), b:case_receive()}
        assert(r.channel == a and r.value == "a" and r.ok)
        r = channel.select{a:case_receive(), b:case_receive(), 17}
        assert(r.channel == b and r.value == "b")
        r = channel.select{a:case_receive(), b:case_send("x")}
        assert(r.channel == b and r.value == "x" and r.ok)
        -- one wait on many channels fires once and leaves no trace
        local stop, count = channel.new(), 0
        coroutine.spawn(function()
            while true do
                local r = channel.select{a:case_receive(), a:case_receive(), stop:case_receive()}
                if r.channel == stop then return end
                count = count + r.value
            end
        end)
        for i = 1, 50 do a:send(1) end
        stop:send(true)
        assert(count == 50)
    "#,
    );
}

#[test]
fn waiting_works_inside_plain_coroutines_and_pcall() {
    check(
        r#"
        local ch = channel.new()
        coroutine.spawn(function() for i = 1, 3 do ch:send(i) end end)
        local co = coroutine.wrap(function()
            local v = ch:receive()
            coroutine.yield(v)
            coroutine.yield((select(2, pcall(ch.receive, ch))))
            return ch:receive()
        end)
        assert(co() == 1 and co() == 2 and co() == 3)
        local object = setmetatable({}, {__index = function(_, k) return k .. ch:receive() end})
        coroutine.spawn(function() ch:send("!") end)
        assert(object.key == "key!")
        local th = coroutine.spawn(function() end)
        local ok, e = coroutine.resume(th)
        assert(ok == false)
    "#,
    );
}

#[test]
fn deadlock_fails_a_script() {
    assert_eq!(fails("channel.new():receive()"), "deadlock: all coroutines blocked (1)");
    assert_eq!(
        fails("local c = channel.new() coroutine.spawn(function() c:receive() end) c:receive()"),
        "deadlock: all coroutines blocked (2)"
    );
}

#[test]
fn errors_of_tasks_fail_the_process() {
    assert_eq!(fails("error('boom', 0)"), "boom");
    assert_eq!(fails("coroutine.spawn(function() error('boom', 0) end) channel.new():receive()"), "boom");
    assert_eq!(fails("return nil, 'text'"), "text");
    assert_eq!(fails("error(errors.new{message = 'm', kind = errors.TIMEOUT})"), "m");
    assert!(run_with("return 42, false", 1, 1000).is_ok());
}

#[test]
fn values_survive_the_journey() {
    check(
        r#"
        local back, there = channel.new(), channel.new()
        local function echo(there, back)
            for v in function() return (there:receive()) end do back:send(v) end
        end
        assert(process.spawn(echo, "app:processes", there, back))
        local function trip(v) there:send(v) return back:receive() end
        assert(trip(1) == 1 and math.type(trip(1)) == "integer" and math.type(trip(1.0)) == "float")
        assert(trip("") == "" and trip(("x"):rep(30)) == ("x"):rep(30) and trip(("\0"):rep(5000)) == ("\0"):rep(5000))
        assert(trip(math.mininteger) == math.mininteger and trip(math.maxinteger) == math.maxinteger)
        local t = {1, 2, {x = "y"}, [1.5] = true, ["k"] = 0.25}
        t.self = t
        t.again = t[3]
        local u = trip(t)
        assert(u ~= t and u.self == u and u.again == u[3] and u[3].x == "y" and u[1.5] == true and u.k == 0.25 and #u == 3)
        local n = trip(setmetatable({5}, {__index = {double = function(self) return self[1] * 2 end}}))
        assert(n:double() == 10)
        local count = 0
        local pair = trip{inc = function() count = count + 1 return count end, get = function() return count end}
        pair.inc() pair.inc()
        assert(pair.get() == 2 and count == 0)
        function GLOBAL() return "mine" end
        assert(trip{f = function() return GLOBAL() end}.f() == "mine")
        assert(trip{print}[1] == print and trip{string}[1] == string)
        assert(trip{coroutine.create(print), 1}[1] == nil and trip{process.inbox(), 1}[2] == 1)
        local c = channel.new(1)
        local d = trip{c, c}
        assert(d[1] == c and d[2] == c)
        d[1]:send(7)
        assert(c:receive() == 7)
        local e = trip{errors.new{message = "m", kind = "K", retryable = true, details = {a = {1, 2}}}}[1]
        assert(e:message() == "m" and e:kind() == "K" and e:retryable() == true and e:details().a[2] == 2)
        local deep = {}
        for i = 1, 100000 do deep = {deep} end
        deep = trip(deep)
        for i = 1, 100000 do deep = deep[1] end
        assert(next(deep) == nil)
        there:close()
    "#,
    );
}

#[test]
fn messages_reach_inbox_and_listeners() {
    check(
        r#"
        local me = process.pid()
        process.send(me, "early", 1, 2)
        local inbox = process.inbox()
        local m = inbox:receive()
        assert(m:topic() == "early" and m:from() == me and #m:payload() == 2 and m:payload()[2]:data() == 2)
        process.send(me, "a", {x = 1})
        process.send(me, "b", "raw")
        local b = process.listen("b")
        assert(b == process.listen("b") and b:receive() == "raw")
        assert(inbox:receive():payload():data().x == 1)
        local r = channel.select{inbox:case_receive(), default = true}
        assert(r.default)
        process.send(me, "a")
        r = channel.select{inbox:case_receive(), default = true}
        assert(r.value:payload() == nil and tostring(r.value) == "process.Message{topic=a}")
        assert(process.unlisten(b) == true)
        local v, ok = b:receive()
        assert(v == nil and ok == false)
        process.send(me, "b", 3)
        assert(inbox:receive():topic() == "b")
        local ok, e = process.send("nobody", "t")
        assert(ok == nil and e:kind() == errors.NOT_FOUND)
        ok, e = process.send("{app:processes|0xfffff}", "t")
        assert(ok == nil and tostring(e):find("not found"))
        ok, e = process.send(me, "@x")
        assert(e:kind() == errors.INVALID)
    "#,
    );
}

#[test]
fn ends_are_reported() {
    check(
        r#"
        local events = process.events()
        local function ended(f, ...)
            local pid = assert(process.spawn_monitored(f, "app:processes", ...))
            local e = events:receive()
            assert(e.kind == process.event.EXIT and e.from == pid)
            return e.result.value, e.result.error
        end
        assert(ended(function(a, b) return a + b end, 1, 2) == 3)
        local v, e = ended(function() error("boom", 0) end)
        assert(v == nil and e:message() == "boom" and e:kind() == errors.INTERNAL)
        v, e = ended(function() return nil, "text" end)
        assert(e:message() == "text" and e:retryable() == false)
        v, e = ended(function() process.terminate(process.pid()) end)
        assert(e:message() == "process terminated")
        local pid = process.spawn_monitored(function() while true do end end, "app:processes")
        assert(process.terminate(pid))
        assert(events:receive().result.error:message() == "process terminated")
        assert(select(2, process.monitor(pid)):kind() == errors.NOT_FOUND)
        -- links
        pid = process.spawn_monitored(function()
            process.spawn_linked(function() error("x") end, "app:processes")
            process.inbox():receive()
        end, "app:processes")
        e = events:receive()
        assert(e.from == pid and e.result.error:message() == "linked process failed")
        pid = process.spawn_monitored(function()
            process.set_options{trap_links = true}
            local child = process.spawn_linked(function() error("x", 0) end, "app:processes")
            local down = process.events():receive()
            return down.kind == process.event.LINK_DOWN and down.from == child and down.result.error:message()
        end, "app:processes")
        e = events:receive()
        assert(e.result.value == "x")
        -- cancel is only an event
        pid = process.spawn_monitored(function() return process.events():receive().reason end, "app:processes")
        process.cancel(pid, "why")
        assert(events:receive().result.value == "why")
    "#,
    );
}

#[test]
fn names() {
    check(
        r#"
        local registry = process.registry
        assert(registry.register("me") and registry.lookup("me") == process.pid())
        process.send("me", "t", 1)
        assert(process.inbox():receive():payload():data() == 1)
        local events = process.events()
        local pid = process.spawn_monitored(function() return select(2, process.registry.register("me")):kind() end, "h")
        assert(events:receive().result.value == errors.ALREADY_EXISTS)
        pid = process.spawn_monitored(function() assert(process.registry.register("other")) end, "h")
        events:receive()
        assert(registry.lookup("other") == nil)
        assert(registry.unregister("me") == true and registry.unregister("me") == false)
    "#,
    );
}

#[test]
fn shared_channels_commit_to_one_case() {
    check(
        r#"
        local a, b, done = channel.new(), channel.new(2), channel.new()
        local function take(a, b, done)
            local sum = 0
            while true do
                local r = channel.select{a:case_receive(), b:case_receive()}
                if not r.ok then break end
                sum = sum + r.value
            end
            done:send(sum)
        end
        for _ = 1, 3 do assert(process.spawn(take, "h", a, b, done)) end
        local own = channel.new()
        coroutine.spawn(function() for i = 1, 300 do own:send(i) end own:close() end)
        local sent = 0
        for i = 1, 600 do
            local r = channel.select{a:case_send(1), b:case_send(2), own:case_receive()}
            if r.channel == a then sent = sent + 1 elseif r.channel == b then sent = sent + 2 end
        end
        a:close()
        local got = done:receive() + done:receive() + done:receive()
        while true do
            local r = channel.select{b:case_receive(), default = true}
            if r.default then break end
            got = got + r.value
        end
        assert(got == sent, got .. " of " .. sent)
        -- a channel with waiting coroutines becomes shared
        local c, out = channel.new(), channel.new(2)
        coroutine.spawn(function() out:send((c:receive())) end)
        coroutine.spawn(function() out:send(channel.select{c:case_receive()}.value) end)
        coroutine.yield()
        process.spawn(function(c) c:send("x") c:send("y") end, "h", c)
        local x, y = out:receive(), out:receive()
        assert(x .. y == "xy")
    "#,
    );
}

#[test]
fn time_passes() {
    check(
        r#"
        local time = require("time")
        local start = time.now()
        time.sleep("3ms")
        assert(time.now():sub(start):milliseconds() >= 3)
        local after = time.after("1ms")
        assert(after:receive() and select(2, after:receive()) == false)
        local ticker = time.ticker(time.MILLISECOND)
        for i = 1, 3 do ticker:channel():receive() end
        assert(ticker:stop() and ticker:stop())
        local timer = time.timer("1h")
        assert(timer:reset("1ms") and timer:channel():receive())
        assert(timer:stop() == false and timer:reset("1s") == false)
        assert(time.parse_duration("1h30m"):minutes() == 90.0)
        assert(select(2, time.parse_duration("x")):kind() == errors.INVALID)
        local r = channel.select{time.after("1ms"):case_receive(), channel.new():case_receive()}
        assert(r.ok)
    "#,
    );
}

#[test]
fn many_processes_come_and_go() {
    check(
        r#"
        local inbox = process.inbox()
        local n, pids = 200, {}
        for i = 1, n do
            pids[i] = assert(process.spawn(function(parent, i)
                local v = process.inbox():receive():payload():data()
                process.send(parent, "done", v + i)
            end, "h", process.pid(), i))
        end
        for i = 1, n do process.send(pids[i], "go", 1000) end
        local sum = 0
        for i = 1, n do sum = sum + inbox:receive():payload():data() end
        assert(sum == n * 1000 + n * (n + 1) // 2)
    "#,
    );
}

/// A panic ends the process it happens in, which is reported as any other failure; the others go on.
#[test]
fn a_panic_fails_one_process() {
    check(
        r#"
        local events, inbox = process.events(), process.inbox()
        process.registry.register("bystander")
        local function ended(f)
            local pid = assert(process.spawn_monitored(f, "h"))
            local e
            repeat e = events:receive() until e.from == pid
            return e.result.error
        end
        for _, body in ipairs{
            function() broken.panic() end,
            function() pcall(broken.panic) end,
            function() coroutine.spawn(broken.panic) process.inbox():receive() end,
            function() coroutine.wrap(broken.panic)() end,
            function() setmetatable({}, {__index = broken.panic}).x() end,
            function()
                local ch = channel.new()
                process.registry.register("panicked")
                process.spawn_linked(function() process.inbox():receive() end, "h")
                broken.panic()
            end,
        } do
            local err = ended(body)
            assert(err:message() == "panic: on purpose" and err:kind() == errors.INTERNAL, err:message())
        end
        assert(process.registry.lookup("panicked") == nil, "its names are released")
        local err = ended(function()
            process.spawn_linked(function() broken.panic() end, "h")
            process.inbox():receive()
        end)
        assert(err:message() == "linked process failed")
        process.send("bystander", "alive", 1)
        assert(inbox:receive():payload():data() == 1)
    "#,
    );
    assert_eq!(fails("broken.panic()"), "panic: on purpose");
}

/// Entries of one source; see [`Entry`].
struct Fixed(&'static str);

impl Entries for Fixed {
    fn resolve(&self, image: &Image, id: &str) -> Result<Entry, ErrorData> {
        let chunk = Chunk::compile(image, self.0.as_bytes(), "=fixed", &NoModules).expect("the source compiles");
        Ok(Entry::new(id, chunk, "main"))
    }
}

/// Starts so many processes and shuts down; their outcomes.
fn shut_down(source: &'static str, deadline: Duration, processes: usize) -> Vec<Outcome> {
    let system = System::builder().workers(2).build(image(), Box::new(Fixed(source))).expect("threads can be started");
    let (sender, outcomes) = std::sync::mpsc::channel();
    for _ in 0..processes {
        let sender = sender.clone();
        let on_exit = Box::new(move |outcome| sender.send(outcome).expect("the test waits"));
        system.spawn("app:main", &Parcel::Empty, on_exit).expect("the entry can be started");
    }
    system.shutdown(deadline);
    assert!(system.core().processes.is_empty());
    let late = system.spawn("app:late", &Parcel::Empty, Box::new(drop));
    assert_eq!(&*late.err().expect("nothing starts any more").kind, "InvalidState");
    outcomes.try_iter().collect()
}

#[test]
fn an_orderly_shutdown_asks_first() {
    let polite = "return function() return process.events():receive().reason end";
    let outcomes = shut_down(polite, Duration::from_secs(60), 20);
    assert_eq!(outcomes.len(), 20);
    for outcome in outcomes {
        let Ok(Parcel::Text(reason)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(reason.as_bytes(), b"scheduler shutdown");
    }
}

#[test]
fn what_is_left_at_the_deadline_is_cancelled() {
    let stubborn = "return function() local i = 0 while true do i = i + 1 end end";
    for deadline in [Duration::ZERO, Duration::from_millis(5)] {
        let outcomes = shut_down(stubborn, deadline, 4);
        assert_eq!(outcomes.len(), 4);
        for outcome in outcomes {
            let error = outcome.expect_err("it did not end by itself");
            assert_eq!((&*error.kind, &*error.message), ("Canceled", "scheduler shutdown"));
        }
    }
}

#[test]
fn a_shutdown_reaches_what_starts_meanwhile() {
    let busy = "return function()
        while process.spawn(function() process.inbox():receive() end, 'h') do end
        return process.events():receive().reason
    end";
    for round in 0..20 {
        let outcomes = shut_down(busy, Duration::from_millis(round % 3), 3);
        assert_eq!(outcomes.len(), 3);
    }
}

#[test]
fn a_panic_while_an_entry_loads_fails_the_spawn() {
    let entries = Box::new(Fixed("broken.panic()"));
    let system = System::builder().workers(1).build(image(), entries).expect("threads can be started");
    let error = system.spawn("app:main", &Parcel::Empty, Box::new(drop)).err().expect("the chunk panics");
    assert_eq!((&*error.kind, &*error.message), ("Internal", "panic: on purpose"));
    assert!(system.core().processes.is_empty());
}
