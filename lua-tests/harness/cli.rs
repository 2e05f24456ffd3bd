//! The command itself: arguments, exit status, and messages for bad input.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use libtest_mimic::{Failed, Trial};

use moonlet::bytecode::binary::dump;
use moonlet::compile::compile_source;

use crate::folder::Folder;
use crate::program::{Outcome, Program, root};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("cli::version_and_help", version_and_help),
        Trial::test("cli::wrong_usage", wrong_usage),
        Trial::test("cli::script_arguments", script_arguments),
        Trial::test("cli::run_is_the_default", run_is_the_default),
        Trial::test("cli::exit_status_of_the_script", exit_status_of_the_script),
        Trial::test("cli::missing_file", missing_file),
        Trial::test("cli::folder_as_file", folder_as_file),
        Trial::test("cli::names_that_are_not_utf8", names_that_are_not_utf8),
        Trial::test("cli::binary_file", binary_file),
        Trial::test("cli::syntax_error", syntax_error),
        Trial::test("cli::traceback", traceback),
        Trial::test("cli::unknown_entry", unknown_entry),
        Trial::test("cli::worker_that_raises", worker_that_raises),
        Trial::test("cli::worker_that_waits_for_itself", worker_that_waits_for_itself),
        Trial::test("cli::check_reports_every_file", check_reports_every_file),
        Trial::test("cli::dis_lists_bytecode", dis_lists_bytecode),
    ]
}

/// Runs a script of this text, alone in a folder of its own. `name` must differ between tests.
fn run_script(name: &str, text: impl AsRef<[u8]>) -> Result<Outcome, Failed> {
    let folder = Folder::new(&format!("cli-{name}"))?;
    folder.write("script.lua", text)?;
    Program::moonlet(folder.path()).arg("run").arg("script.lua").run()
}

fn version_and_help() -> Result<(), Failed> {
    let version = concat!("moonlet ", env!("CARGO_PKG_VERSION"), "\n");
    Program::moonlet(&root()).arg("--version").run()?.expect_status(0)?.expect_stdout(version)?.expect_no_errors()?;
    let help = Program::moonlet(&root()).arg("--help").run()?.expect_status(0)?.expect_no_errors()?;
    for command in ["run", "test", "init", "check", "dis"] {
        if !help.stdout().contains(&format!("moonlet {command} ")) {
            return Err(help.failure(&format!("expected the command {command} in the help")));
        }
    }
    Ok(())
}

fn wrong_usage() -> Result<(), Failed> {
    for arguments in [&["run"][..], &["dis"], &["--no-such-option"], &["run", "--no-such-option", "a.lua"]] {
        let program = arguments.iter().fold(Program::moonlet(&root()), Program::arg);
        program.run()?.expect_status(2)?.expect_stdout("")?.expect_once_in_stderr("moonlet: ")?;
    }
    Ok(())
}

fn script_arguments() -> Result<(), Failed> {
    let folder = Folder::new("cli-arguments")?;
    folder.write("script.lua", "print(arg[0], #arg, arg[1], arg[2], ...)")?;
    let program = Program::moonlet(folder.path()).arg("run").arg("script.lua").arg("--help").arg("two words");
    let printed = "script.lua\t2\t--help\ttwo words\t--help\ttwo words\n";
    program.run()?.expect_status(0)?.expect_stdout(printed)?.expect_no_errors()?;
    Ok(())
}

fn run_is_the_default() -> Result<(), Failed> {
    let folder = Folder::new("cli-default")?;
    folder.write("script.lua", "print(arg[0], ...)")?;
    let program = Program::moonlet(folder.path()).arg("./script.lua").arg("x");
    program.run()?.expect_status(0)?.expect_stdout("./script.lua\tx\n")?;
    Ok(())
}

fn exit_status_of_the_script() -> Result<(), Failed> {
    run_script("exit-7", "io.write('before') os.exit(7)")?.expect_status(7)?.expect_stdout("before")?;
    run_script("exit-true", "os.exit(true)")?.expect_status(0)?;
    run_script("exit-false", "os.exit(false)")?.expect_status(1)?.expect_no_errors()?;
    run_script("exit-value", "return 42")?.expect_status(0)?.expect_stdout("")?;
    run_script("exit-error", "return nil, 'not today'")?
        .expect_status(1)?
        .expect_once_in_stderr("moonlet: not today")?;
    Ok(())
}

fn missing_file() -> Result<(), Failed> {
    for command in ["run", "check", "dis"] {
        let program = Program::moonlet(&root()).arg(command).arg("no/such/file.lua");
        program.run()?.expect_status(1)?.expect_stdout("")?.expect_once_in_stderr("no/such/file.lua")?;
    }
    Ok(())
}

fn folder_as_file() -> Result<(), Failed> {
    let program = Program::moonlet(&root()).arg("benches");
    let outcome = program.run()?.expect_status(1)?.expect_stdout("")?;
    outcome.expect_once_in_stderr("moonlet: cannot read benches: ")?;
    let program = Program::moonlet(&root()).arg("run").arg("benches");
    let outcome = program.run()?.expect_status(1)?.expect_stdout("")?;
    outcome.expect_once_in_stderr("benches: no entries: ")?;
    Ok(())
}

fn names_that_are_not_utf8() -> Result<(), Failed> {
    let missing = Program::moonlet(&root()).arg("run").arg(OsStr::from_bytes(b"miss\xffing.lua"));
    missing.run()?.expect_status(1)?.expect_once_in_stderr("miss")?;

    let folder = Folder::new("cli-bytes")?;
    let name = OsStr::from_bytes(b"caf\xe9.lua");
    folder.write(name, "print(#arg[0], #arg[1], arg[1] == '\\xFF', arg[0] == 'caf\\xE9.lua')")?;
    let program = Program::moonlet(folder.path()).arg("run").arg(name).arg(OsStr::from_bytes(b"\xff"));
    program.run()?.expect_status(0)?.expect_stdout("8\t1\ttrue\ttrue\n")?;
    Ok(())
}

fn binary_file() -> Result<(), Failed> {
    let every_byte: Vec<u8> = (0..=255).rev().cycle().take(4096).collect();
    run_script("binary", every_byte)?
        .expect_status(1)?
        .expect_stdout("")?
        .expect_once_in_stderr("moonlet: script.lua:1: ")?;
    run_script("chunk", b"\x1bLua\x53\x00\x19\x93\r\n\x1a\n\x00")?
        .expect_status(1)?
        .expect_once_in_stderr("moonlet: script.lua: int size mismatch in precompiled chunk")?;
    let proto = compile_source(b"print('from a chunk', ...)", b"@source.lua").expect("a correct program");
    let chunk = [b"#!/usr/bin/env moonlet\n", &*dump(&proto, true)].concat();
    run_script("compiled", chunk)?.expect_status(0)?.expect_stdout("from a chunk\n")?;
    Ok(())
}

fn syntax_error() -> Result<(), Failed> {
    let outcome = run_script("syntax", "local x = 1\nlocal y = = 2\nprint('never')\n")?.expect_status(1)?;
    let message = "moonlet: script.lua:2: unexpected symbol near '='";
    outcome.expect_stdout("")?.expect_once_in_stderr(message)?;
    Ok(())
}

fn traceback() -> Result<(), Failed> {
    let script = "local function inner() error('deep') end\nlocal function outer() inner() end\nouter()\n";
    let outcome = run_script("traceback", script)?.expect_status(1)?.expect_stdout("")?;
    let outcome = outcome.expect_once_in_stderr("moonlet: script.lua:1: deep\nstack traceback:\n")?;
    for line in ["script.lua:1: in ", "script.lua:2: in ", "script.lua:3: in main chunk"] {
        if !outcome.stderr().contains(line) {
            return Err(outcome.failure(&format!("expected {line:?} in the traceback")));
        }
    }
    Ok(())
}

fn unknown_entry() -> Result<(), Failed> {
    let spawn = "return nil, select(2, process.spawn('app.nowhere:main', 'app:processes'))";
    run_script("unknown-entry", spawn)?.expect_status(1)?.expect_once_in_stderr("moonlet: ")?;
    let continues = "local pid, err = process.spawn('app.nowhere:main', 'app:processes')\n\
                     print(pid, errors.is(err, errors.NOT_FOUND))";
    run_script("unknown-entry-kind", continues)?.expect_status(0)?.expect_stdout("nil\ttrue\n")?;
    Ok(())
}

/// One process fails, its sibling and the script go on, and the failure is told once at most.
fn worker_that_raises() -> Result<(), Failed> {
    let script = r#"
        local answers = channel.new()
        local function worker(out, n)
            if n == 1 then error("worker " .. n .. " is broken") end
            out:send(n)
        end
        local broken = process.spawn_monitored(worker, "app:processes", answers, 1)
        local event = process.events():receive()
        print(event.from == broken, event.result.error:message():match("worker 1 is broken"))
        assert(process.spawn(worker, "app:processes", answers, 2))
        print((answers:receive()))
    "#;
    let outcome = run_script("worker", script)?.expect_status(0)?;
    let outcome = outcome.expect_stdout("true\tworker 1 is broken\n2\n")?;
    if outcome.stderr().matches("is broken").count() > 1 {
        return Err(outcome.failure("told more than once"));
    }
    Ok(())
}

/// A process in which nothing can run any more is told of once, and stays; it may be terminated, or hear of others.
fn worker_that_waits_for_itself() -> Result<(), Failed> {
    let script = r#"
        local pid = process.spawn_monitored(function()
            local out = channel.new()
            coroutine.spawn(function() out:receive() end)
            channel.new():receive()
        end, "app:processes")
        require("time").sleep("20ms")
        process.send(pid, "unheard")
        require("time").sleep("5ms")
        assert(process.terminate(pid))
        print(process.events():receive().result.error)
    "#;
    let outcome = run_script("waits", script)?.expect_status(0)?.expect_stdout("process terminated\n")?;
    outcome.expect_once_in_stderr("deadlock: all coroutines blocked (2)\n")?;
    Ok(())
}

fn check_reports_every_file() -> Result<(), Failed> {
    let folder = Folder::new("cli-check")?;
    folder.write("good.lua", "return 1")?;
    folder.write("bad.lua", "x = = 1\nlocal y = )\n")?;
    folder.write("worse.lua", "end")?;
    Program::moonlet(folder.path()).arg("check").arg("good.lua").run()?.expect_status(0)?.expect_no_errors()?;
    let program = Program::moonlet(folder.path()).arg("check").arg("bad.lua").arg("good.lua").arg("worse.lua");
    let outcome = program.run()?.expect_status(1)?;
    for place in ["bad.lua:1", "bad.lua:2", "worse.lua:1"] {
        if !outcome.stderr().contains(place) {
            return Err(outcome.failure(&format!("expected an error at {place}")));
        }
    }
    folder.write("chunk.luac", "\x1bLua")?;
    let outcome = Program::moonlet(folder.path()).arg("check").arg("chunk.luac").run()?.expect_status(1)?;
    outcome.expect_once_in_stderr("moonlet: chunk.luac: a binary chunk; only source text can be checked\n")?;
    Ok(())
}

fn dis_lists_bytecode() -> Result<(), Failed> {
    let folder = Folder::new("cli-dis")?;
    folder.write("script.lua", "local function f(a) return a + 1 end\nreturn f(41)")?;
    let outcome = Program::moonlet(folder.path()).arg("dis").arg("script.lua").run()?.expect_status(0)?;
    let outcome = outcome.expect_no_errors()?;
    if !outcome.stdout().to_lowercase().contains("return") {
        return Err(outcome.failure("expected a listing"));
    }
    Ok(())
}
