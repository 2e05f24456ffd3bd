//! The options and environment variables of the `lua` command (manual §7).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use libtest_mimic::{Failed, Trial};

use crate::folder::Folder;
use crate::program::{Program, root};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("options::execute_and_require_in_order", execute_and_require_in_order),
        Trial::test("options::version", version),
        Trial::test("options::standard_input", standard_input),
        Trial::test("options::arguments", arguments),
        Trial::test("options::changed_arguments", changed_arguments),
        Trial::test("options::initial_chunk", initial_chunk),
        Trial::test("options::search_paths", search_paths),
        Trial::test("options::ignored_environment", ignored_environment),
        Trial::test("options::error_objects", error_objects),
        Trial::test("options::first_failure_ends_it", first_failure_ends_it),
        Trial::test("options::bytes_that_are_not_text", bytes_that_are_not_text),
        Trial::test("options::exit_closes_the_state", exit_closes_the_state),
        Trial::test("options::pieces_may_wait", pieces_may_wait),
    ]
}

fn moonlet(arguments: &[&str]) -> Program {
    Program::moonlet(&root()).args(arguments)
}

fn execute_and_require_in_order() -> Result<(), Failed> {
    let folder = Folder::new("options-order")?;
    folder.write("one.lua", "print('one', x) x = 2 return {name = ...}")?;
    folder.write("script.lua", "print('script', one.name, utf8 == require 'utf8', ...)")?;
    let program =
        Program::moonlet(folder.path()).args(&["-ex = 1", "-lone", "-e", "print(x)", "-l", "utf8", "script.lua", "-e"]);
    program.run()?.expect_stdout("one\t1\n2\nscript\tone\ttrue\t-e\n")?.expect_no_errors()?.expect_status(0)?;
    moonlet(&["-e", "print(1)"]).input("print(2)").run()?.expect_stdout("1\n")?.expect_status(0)?;
    moonlet(&["-l", "string"]).input("print(2)").run()?.expect_stdout("2\n")?.expect_status(0)?;
    Ok(())
}

fn version() -> Result<(), Failed> {
    let outcome = moonlet(&["-v", "-e", "print'hello'"]).run()?.expect_status(0)?.expect_no_errors()?;
    let first = concat!("moonlet ", env!("CARGO_PKG_VERSION"));
    if !outcome.stdout().starts_with(first) || !outcome.stdout().ends_with("PUC-Rio\nhello\n") {
        return Err(outcome.failure("expected the version before the output"));
    }
    let alone = moonlet(&["-v"]).input("error('not to be run')").run()?.expect_status(0)?;
    if alone.stdout().lines().count() != 1 {
        return Err(alone.failure("expected nothing but the version"));
    }
    Ok(())
}

fn standard_input() -> Result<(), Failed> {
    moonlet(&[]).input("#!skipped\nprint(10)\nprint(...)").run()?.expect_stdout("10\n\n")?.expect_status(0)?;
    moonlet(&["-", "-h"]).input("print(arg[0], arg[1], ...)").run()?.expect_stdout("-\t-h\t-h\n")?;
    let outcome = moonlet(&["-"]).input("error('x')").run()?.expect_status(1)?;
    outcome.expect_once_in_stderr("moonlet: stdin:1: x\nstack traceback:\n")?;
    Ok(())
}

fn arguments() -> Result<(), Failed> {
    let folder = Folder::new("options-arguments")?;
    let shows = "for i = -9, 9 do if arg[i] then io.write(i, '=', arg[i]:match('[^/]*$'), ' ') end end print(...)";
    folder.write("-s", shows)?;
    let program = Program::moonlet(folder.path()).args(&["-e ", "--", "-s", "a", "b"]);
    program.run()?.expect_stdout("-3=moonlet -2=-e  -1=-- 0=-s 1=a 2=b a\tb\n")?;
    let program = Program::moonlet(folder.path()).args(&["run", "./-s", "-v"]);
    program.run()?.expect_stdout("-2=moonlet -1=run 0=-s 1=-v -v\n")?;
    moonlet(&["-e", shows])
        .run()?
        .expect_stdout(&format!("0=moonlet 1=-e 2={} \n", "]*$'), ' ') end end print(...)"))?;
    Ok(())
}

fn changed_arguments() -> Result<(), Failed> {
    moonlet(&["-e", "arg[1] = 100", "-"]).input("print(...)").run()?.expect_stdout("100\n")?;
    let outcome = moonlet(&["-e", "arg = 1", "-"]).run()?.expect_status(1)?;
    outcome.expect_once_in_stderr("moonlet: 'arg' is not a table\n")?;
    Ok(())
}

fn initial_chunk() -> Result<(), Failed> {
    let folder = Folder::new("options-init")?;
    folder.write("init.lua", "x = (x or 10) + 1 print('init', ...)")?;
    let program = || Program::moonlet(folder.path()).args(&["-e", "print(x)", "script.lua", "a"]);
    folder.write("script.lua", "")?;
    program().env("LUA_INIT", "@init.lua").run()?.expect_stdout("init\n11\n")?;
    program().env("LUA_INIT", "x = arg[1]").run()?.expect_stdout("a\n")?;
    program().env("LUA_INIT", "x = 1").env("LUA_INIT_5_3", "x = 2").run()?.expect_stdout("2\n")?;
    let outcome = program().env("LUA_INIT", "error('msg')").run()?.expect_status(1)?.expect_stdout("")?;
    outcome.expect_once_in_stderr("moonlet: LUA_INIT:1: msg\n")?;
    Ok(())
}

fn search_paths() -> Result<(), Failed> {
    let show = |variables: &[(&str, &str)]| {
        let program = moonlet(&["-e", "io.write(package.path, ' ', package.cpath)"]);
        variables.iter().fold(program, |program, (name, value)| program.env(name, value)).run()
    };
    let default = show(&[])?.stdout();
    let (path, _) = default.split_once(' ').ok_or("no paths")?;
    show(&[("LUA_PATH", "x"), ("LUA_CPATH", "y")])?.expect_stdout("x y")?;
    show(&[("LUA_PATH", "x"), ("LUA_PATH_5_3", "z"), ("LUA_CPATH", "")])?.expect_stdout("z ")?;
    show(&[("LUA_PATH", ";;;a;;"), ("LUA_CPATH", "")])?.expect_stdout(&format!(";{path};;a;{path}; "))?;

    let folder = Folder::new("options-path")?;
    folder.write("elsewhere/there.lua", "return 'found'")?;
    folder.write(
        "script.lua",
        "print(require 'there')\nlocal results = channel.new()\n\
        process.spawn(function(c) c:send(package == nil and require 'there') end, 'app:processes', results)\n\
        print((results:receive()))",
    )?;
    let program = Program::moonlet(folder.path()).arg("script.lua").env("LUA_PATH", "elsewhere/?.lua");
    program.run()?.expect_stdout("found\nfound\n")?.expect_status(0)?;
    Ok(())
}

fn ignored_environment() -> Result<(), Failed> {
    let program =
        moonlet(&["-E", "-e", "print(package.path:find('xxx'), package.cpath:find('xxx'), os.getenv('LUA_PATH'))"]);
    let program = program.env("LUA_INIT", "error(10)").env("LUA_PATH", "xxx").env("LUA_CPATH", "xxx");
    program.run()?.expect_stdout("nil\tnil\txxx\n")?.expect_no_errors()?.expect_status(0)?;
    Ok(())
}

fn error_objects() -> Result<(), Failed> {
    let raise = |text: &str| moonlet(&["-e", text]).run();
    let outcome = raise("error(setmetatable({}, {__tostring = function() return 'my text' end}))")?.expect_status(1)?;
    if !outcome.stderr().ends_with("moonlet: my text\n") {
        return Err(outcome.failure("expected the text of the object and nothing else"));
    }
    raise("error {}")?.expect_once_in_stderr("moonlet: (error object is a table value)\nstack traceback:\n")?;
    raise("error()")?.expect_once_in_stderr("(error object is a nil value)")?;
    raise("error(setmetatable({}, {__tostring = error}))")?.expect_status(1)?;
    raise("local function f() error('deep') end f()")?.expect_once_in_stderr(
        "moonlet: (command line):1: deep\nstack traceback:\n\t[C]: in function 'error'\n\t(command line):1: in local 'f'\n\t\
         (command line):1: in main chunk\n\t[C]: in ?\n",
    )?;
    raise("error(errors.new('typed'))")?.expect_status(1)?.expect_once_in_stderr("moonlet: typed\n")?;
    raise("coroutine.wrap(function() error('inner') end)()")?.expect_once_in_stderr("inner\nstack traceback:\n")?;
    Ok(())
}

fn first_failure_ends_it() -> Result<(), Failed> {
    let outcome = moonlet(&["-e", "print(1)", "-e", "a b", "-e", "print(2)"]).run()?.expect_status(1)?;
    outcome.expect_stdout("1\n")?.expect_once_in_stderr("moonlet: (command line):1: syntax error near 'b'\n")?;
    let outcome = moonlet(&["-l", "no.such.library", "-e", "print(2)"]).run()?.expect_status(1)?.expect_stdout("")?;
    outcome.expect_once_in_stderr("moonlet: module 'no.such.library' not found:")?;
    Ok(())
}

fn bytes_that_are_not_text() -> Result<(), Failed> {
    let folder = Folder::new("options-bytes")?;
    let name = OsStr::from_bytes(b"fold\xe9r/caf\xe9.lua");
    folder.write(name, "print(require 'beside' == '\\xE9', loadfile(arg[0]) ~= nil) error('x')")?;
    folder.write(OsStr::from_bytes(b"fold\xe9r/beside.lua"), "return '\\xE9'")?;
    let program = Program::moonlet(folder.path()).arg("-e").arg(OsStr::from_bytes(b"print(#'\xff')")).arg(name);
    program
        .run()?
        .expect_stdout("1\ntrue\ttrue\n")?
        .expect_status(1)?
        .expect_once_in_stderr("r/caf\u{fffd}.lua:1: x")?;
    Ok(())
}

fn exit_closes_the_state() -> Result<(), Failed> {
    let object = "X = setmetatable({}, {__gc = function() print('closed') end})";
    moonlet(&["-e", object]).run()?.expect_stdout("closed\n")?;
    moonlet(&["-e", object, "-e", "error('x')"]).run()?.expect_status(1)?.expect_stdout("closed\n")?;
    moonlet(&["-e", object, "-e", "os.exit(3, true)"]).run()?.expect_status(3)?.expect_stdout("closed\n")?;
    moonlet(&["-e", object, "-e", "os.exit(false)"]).run()?.expect_status(1)?.expect_stdout("")?;
    moonlet(&["-e", "os.exit(true, true)"]).run()?.expect_status(0)?;
    Ok(())
}

fn pieces_may_wait() -> Result<(), Failed> {
    let wait = "local time = require 'time' time.sleep('2ms') done = channel.new(1)";
    let send = "coroutine.spawn(function() require('time').sleep('1ms') done:send('sent') end)";
    moonlet(&["-e", wait, "-e", send, "-e", "print(done:receive())"]).run()?.expect_stdout("sent\ttrue\n")?;
    Ok(())
}
