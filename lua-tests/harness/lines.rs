//! Sessions at the keyboard: lines over a pipe, lines at a pseudo-terminal, and what SIGINT does.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::folder::Folder;
use crate::program::{Program, limit, root, wait};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("lines::expressions_and_statements", expressions_and_statements),
        Trial::test("lines::incomplete_chunks", incomplete_chunks),
        Trial::test("lines::prompts", prompts),
        Trial::test("lines::errors_do_not_end_it", errors_do_not_end_it),
        Trial::test("lines::after_a_script", after_a_script),
        Trial::test("lines::programs_read_the_same_input", programs_read_the_same_input),
        Trial::test("lines::terminal", terminal),
        Trial::test("lines::terminal_goes_on_meanwhile", terminal_goes_on_meanwhile),
        Trial::test("lines::terminal_is_left_as_it_was", terminal_is_left_as_it_was),
        Trial::test("lines::raw_mode_ends_with_its_process", raw_mode_ends_with_its_process),
        Trial::test("lines::signal_can_be_caught", signal_can_be_caught),
        Trial::test("lines::signal_ends_a_wait", signal_ends_a_wait),
        Trial::test("lines::signal_cancels_in_order", signal_cancels_in_order),
        Trial::test("lines::second_signal_ends_the_program", second_signal_ends_the_program),
    ]
}

/// Runs lines without prompts and version; what they print must be `expected`.
fn session(lines: &str, expected: &str) -> Result<crate::program::Outcome, Failed> {
    let quiet = "_PROMPT, _PROMPT2 = '', ''";
    let outcome = Program::moonlet(&root()).args(&["-i", "-e", quiet]).input(lines).run()?.expect_status(0)?;
    let stdout = outcome.stdout();
    let printed = stdout.split_once('\n').map_or("", |(_, rest)| rest);
    if printed == format!("{expected}\n") {
        Ok(outcome)
    } else {
        Err(outcome.failure(&format!("expected {expected:?}")))
    }
}

fn expressions_and_statements() -> Result<(), Failed> {
    session("1 + 1\nlocal x = 5\nx\n=2, nil, 'three'\nreturn 4\nf = print f(5)\n", "2\nnil\n2\tnil\tthree\n4\n5\n")?
        .expect_no_errors()?;
    session("(6*2-6) -- ===\na =\n10\nprint(a)\na", "6\n10\n10\n")?.expect_no_errors()?;
    session("t = {1}\nt == t, #t\n", "true\t1\n")?.expect_no_errors()?;
    Ok(())
}

fn incomplete_chunks() -> Result<(), Failed> {
    session("a = [[b\n\nc]]\n=a\nfor i = 1, 2 do\nprint(i)\nend\n", "b\n\nc\n1\n2\n")?.expect_no_errors()?;
    session("=(\n1)\n", "1\n")?.expect_no_errors()?;
    session("x = {\n", "")?.expect_once_in_stderr("stdin:1: unexpected symbol near <eof>\n")?;
    Ok(())
}

fn prompts() -> Result<(), Failed> {
    let lines = "_PROMPT, _PROMPT2 = 'one>', 2\nif true then\nend\n_PROMPT = {}\n";
    let outcome = Program::moonlet(&root()).arg("-i").input(lines).run()?.expect_status(0)?.expect_no_errors()?;
    if !outcome.stdout().ends_with("PUC-Rio\n> one>2one>> \n") {
        return Err(outcome.failure("expected other prompts"));
    }
    Ok(())
}

fn errors_do_not_end_it() -> Result<(), Failed> {
    let outcome = session("error('one')\nx y\nerror({})\nprint = nil\n1\nlocal _ = io.write('end')\n", "end")?;
    if outcome.stderr().contains("moonlet:") {
        return Err(outcome.failure("expected messages without the name of the program"));
    }
    let outcome = outcome.expect_once_in_stderr("stdin:1: one\nstack traceback:\n\t[C]: in function 'error'\n")?;
    let outcome = outcome.expect_once_in_stderr("stdin:1: syntax error near 'y'\n")?;
    let outcome = outcome.expect_once_in_stderr("(error object is a table value)\n")?;
    outcome.expect_once_in_stderr("error calling 'print' (attempt to call a nil value)\n")?;
    Ok(())
}

fn after_a_script() -> Result<(), Failed> {
    let folder = Folder::new("lines-script")?;
    folder.write("script.lua", "x = ... _PROMPT = '' return 'unseen'")?;
    let program = || Program::moonlet(folder.path()).args(&["-i", "script.lua", "a"]);
    let outcome = program().input("x\n").run()?.expect_status(0)?;
    if !outcome.stdout().ends_with("PUC-Rio\na\n\n") {
        return Err(outcome.failure("expected the script's variable"));
    }
    folder.write("script.lua", "error('x')")?;
    let outcome = program().input("print('never')\n").run()?.expect_status(1)?;
    if outcome.stdout().contains("never") { Err(outcome.failure("expected the end after the script")) } else { Ok(()) }
}

fn programs_read_the_same_input() -> Result<(), Failed> {
    session("l = io.read()\nthis line\nl .. '!'\n", "this line!\n")?.expect_no_errors()?;
    Ok(())
}

// ---- at a terminal

/// A program at a pseudo-terminal.
struct Keyboard {
    child: Child,
    master: File,
    screen: Arc<Mutex<Vec<u8>>>,
    /// Up to where [`Keyboard::expect`] has seen the screen.
    seen: usize,
}

impl Keyboard {
    fn start(mut command: Command) -> Result<Keyboard, Failed> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let terminal: File = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?.into();
        command.stdin(terminal.try_clone()?).stdout(terminal.try_clone()?).stderr(terminal).env("TERM", "xterm");
        let child = command.spawn()?;
        let master = File::from(master);
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut reader, shared) = (master.try_clone()?, Arc::clone(&screen));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                shared.lock().expect("nobody panics with it").extend_from_slice(&bytes[..n]);
            }
        });
        Ok(Keyboard { child, master, screen, seen: 0 })
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().expect("nobody panics with it")[self.seen..]).into_owned()
    }

    /// Waits until `text` appears behind what was expected before.
    fn expect(&mut self, text: &str) -> Result<&mut Self, Failed> {
        let started = Instant::now();
        loop {
            let screen = self.screen();
            if let Some(at) = screen.find(text) {
                self.seen += at + text.len();
                return Ok(self);
            }
            if started.elapsed() > limit() {
                self.child.kill()?;
                return Err(format!("expected {text:?} on the screen, after what was seen before:\n{screen:?}").into());
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether the program gets keys, not lines.
    fn is_raw(&self) -> Result<bool, Failed> {
        Ok(!tcgetattr(&self.master)?.local_modes.contains(LocalModes::ICANON))
    }

    fn press(&mut self, keys: &str) -> Result<&mut Self, Failed> {
        self.master.write_all(keys.as_bytes())?;
        Ok(self)
    }
}

/// How the editor draws its prompt.
const PROMPT: &str = "> \r\u{1b}[2C";

fn terminal() -> Result<(), Failed> {
    let folder = Folder::new("lines-terminal")?;
    let history = folder.path().join("state/history");
    let start = || Keyboard::start(Program::moonlet(folder.path()).env("MOONLET_HISTORY", &history).into_command());
    let mut keyboard = start()?;
    keyboard.expect("PUC-Rio\r\n")?.expect(PROMPT)?;
    keyboard.press("string.fo\t('%d', 3)\r")?.expect("string.format")?.expect("\r\n3\r\n")?.expect(PROMPT)?;
    keyboard.press("{1, {}, a = {b = 'x\\n'}}\r")?.expect("\r\n{ 1, {}, a = { b = \"x\\n\" } }\r\n")?.expect(PROMPT)?;
    keyboard.press("'plain', 1.5\r")?.expect("\r\nplain\t1.5\r\n")?.expect(PROMPT)?;
    keyboard.press("nonsense(\x03")?.expect(PROMPT)?;
    keyboard.press("for i = 7, 7 do\r")?.expect(">> ")?.press("print(i) end\r")?.expect("\r\n7\r\n")?.expect(PROMPT)?;
    keyboard.press("while true do end\r")?.expect("\r\n")?;
    interrupt(&keyboard.child)?;
    keyboard.expect("interrupted!\r\nstack traceback:")?.expect(PROMPT)?;
    keyboard.press("channel.new():receive()\r")?.expect("deadlock")?;
    interrupt(&keyboard.child)?;
    keyboard.expect("interrupted!\r\nstack traceback:")?.expect(PROMPT)?.press("\x04")?;
    expect_status(&mut keyboard.child, Some(0))?;
    let mut again = start()?;
    again
        .expect(PROMPT)?
        .press("\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A\r")?
        .expect("plain\t1.5")?
        .expect(PROMPT)?
        .press("\x04")?;
    expect_status(&mut again.child, Some(0))
}

fn terminal_goes_on_meanwhile() -> Result<(), Failed> {
    let mut keyboard = Keyboard::start(Program::moonlet(&root()).env("MOONLET_HISTORY", "").into_command())?;
    let spawn =
        "process.spawn(function() require('time').sleep('20ms') print('from ' .. 'afar') end, 'app:processes')\r";
    keyboard.expect(PROMPT)?.press(spawn)?.expect("from afar")?;
    keyboard.press("os.exit(7)\r")?;
    expect_status(&mut keyboard.child, Some(7))
}

/// Another process ends the program while a line is being edited.
fn terminal_is_left_as_it_was() -> Result<(), Failed> {
    let folder = Folder::new("lines-left")?;
    for end in ["os.exit(7)", "os.exit(7, true)"] {
        let mut keyboard = Keyboard::start(Program::moonlet(folder.path()).env("MOONLET_HISTORY", "").into_command())?;
        let spawn = format!(
            "process.spawn(function() while not io.open('go') do require('time').sleep('2ms') end {end} end, 'app:processes')\r"
        );
        keyboard.expect(PROMPT)?.press(&spawn)?.expect("\r\n")?.expect(PROMPT)?;
        if !keyboard.is_raw()? {
            return Err("expected a line to be edited".into());
        }
        let go = folder.write("go", "")?;
        expect_status(&mut keyboard.child, Some(7))?;
        if keyboard.is_raw()? {
            return Err(format!("the terminal is left raw by {end}").into());
        }
        keyboard.expect("\x1b[?2004l\r\n")?;
        std::fs::remove_file(go)?;
    }
    Ok(())
}

/// A command of an application asks for single keys, and ends without saying that it needs no more.
fn raw_mode_ends_with_its_process() -> Result<(), Failed> {
    let folder = Folder::new("lines-raw")?;
    folder.write(
        "_index.yaml",
        "namespace: app\nentries:\n\
         - {name: it, kind: process.lua, source: 'file://it.lua', modules: [io], meta: {command: {name: it}}}\n",
    )?;
    folder.write(
        "it.lua",
        "return { main = function()\n\
         assert(io.raw() == true and io.raw(true) == true and io.raw(false) == true)\n\
         io.write('key?')\n\
         assert(io.flush())\n\
         io.write('pressed ', assert(io.read(1)):byte())\n\
         end }",
    )?;
    let mut keyboard = Keyboard::start(Program::moonlet(folder.path()).args(&["run", ".", "it"]).into_command())?;
    keyboard.expect("key?")?;
    if !keyboard.is_raw()? {
        return Err("expected raw mode".into());
    }
    keyboard.press("\r")?.expect("pressed 13")?;
    expect_status(&mut keyboard.child, Some(0))?;
    if keyboard.is_raw()? { Err("the terminal is left raw".into()) } else { Ok(()) }
}

// ---- signals

fn interrupt(child: &Child) -> Result<(), Failed> {
    // A moment for the program to get from what it has printed into what is to be interrupted.
    thread::sleep(Duration::from_millis(20));
    Ok(kill_process(Pid::from_child(child), Signal::INT)?)
}

fn expect_status(child: &mut Child, expected: Option<i32>) -> Result<(), Failed> {
    let status = wait(child)?;
    if status == expected { Ok(()) } else { Err(format!("expected status {expected:?}, got {status:?}").into()) }
}

/// A chunk that runs and has printed its first line.
fn start(text: &str) -> Result<(Child, BufReader<std::process::ChildStdout>), Failed> {
    let mut command = Program::moonlet(&root()).args(&["-e", text]).into_command();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut output = BufReader::new(child.stdout.take().expect("standard output is piped"));
    output.read_line(&mut String::new())?;
    Ok((child, output))
}

fn signal_can_be_caught() -> Result<(), Failed> {
    let (mut child, mut output) = start("print(pcall(function() print(12) while true do end end))")?;
    interrupt(&child)?;
    let mut rest = String::new();
    output.read_to_string(&mut rest)?;
    expect_status(&mut child, Some(0))?;
    if rest == "false\tinterrupted!\n" { Ok(()) } else { Err(format!("printed {rest:?}").into()) }
}

fn signal_ends_a_wait() -> Result<(), Failed> {
    let waits = [
        "require('time').sleep('1h')",
        "process.inbox():receive()",
        "channel.new():receive()",
        "channel.new():send(1)",
        "local c = channel.new() channel.select { c:case_receive(), require('time').after('1h'):case_receive() }",
        "coroutine.wrap(function() require('time').sleep('1h') end)()",
    ];
    for wait in waits {
        // The second timer keeps those from being a deadlock that nobody else could end.
        let text = format!("local keep = require('time').after('1h') print('waits') {wait}");
        let (mut child, _output) = start(&text)?;
        interrupt(&child)?;
        expect_status(&mut child, Some(1)).map_err(|_| format!("not interrupted: {wait}"))?;
        let mut message = String::new();
        child.stderr.take().expect("standard error is piped").read_to_string(&mut message)?;
        if !message.contains("moonlet: interrupted!\nstack traceback:\n") && !wait.starts_with("coroutine") {
            return Err(format!("{wait} said {message:?}").into());
        }
    }
    Ok(())
}

/// A script that reads its events, and its processes, are asked to end.
fn signal_cancels_in_order() -> Result<(), Failed> {
    let text = "\
        local me, events = process.pid(), process.events()\n\
        process.spawn_monitored(function(me)\n\
            local events = process.events()\n\
            process.send(me, 'ready')\n\
            return events:receive().reason\n\
        end, 'app:processes', me)\n\
        process.inbox():receive() print('ready')\n\
        local cancelled, from, child\n\
        for _ = 1, 2 do\n\
            local event = events:receive()\n\
            if event.kind == process.event.EXIT then child = event.result.value\n\
            else cancelled, from = event.reason, event.from end\n\
        end\n\
        print(cancelled, from, child, select(2, process.spawn(print, 'h')):kind())";
    let (mut child, mut output) = start(text)?;
    interrupt(&child)?;
    let mut rest = String::new();
    output.read_to_string(&mut rest)?;
    expect_status(&mut child, Some(0))?;
    let expected = "scheduler shutdown\t{|}\tscheduler shutdown\tInvalidState\n";
    if rest == expected { Ok(()) } else { Err(format!("printed {rest:?}").into()) }
}

fn second_signal_ends_the_program() -> Result<(), Failed> {
    let (mut child, _output) = start("print(1) while true do pcall(function() while true do end end) end")?;
    interrupt(&child)?;
    interrupt(&child)?;
    expect_status(&mut child, None)
}
