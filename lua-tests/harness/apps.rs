//! Applications: every folder of `lua-tests/apps` has a `transcript` of commands with what they print and how they end.
//!
//! In a transcript, `$ moonlet …` begins a command, which runs in the folder, `$ NAME=VALUE moonlet …` one with a variable of
//! the environment. Then come the lines of its standard output, `! TEXT` for text that must be on the standard error,
//! `< TEXT` for a line of standard input, and `= N` for the exit status. The variable `FREE_PORT` is a port to listen at. A
//! line `...` stands for any lines; `(… s)` for any duration, and `|…}` for the number in a PID.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};
use rustix::process::{Pid, Signal, kill_process};

use crate::folder::Folder;
use crate::program::{Program, root, wait};

pub fn trials() -> Vec<Trial> {
    let mut folders: Vec<PathBuf> = fs::read_dir(root().join("lua-tests/apps"))
        .expect("the folder of the applications can be read")
        .map(|entry| entry.expect("the entries of a folder can be listed").path())
        .collect();
    folders.sort();
    let named = |folder: PathBuf| {
        let name = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        Trial::test(format!("apps::{name}"), move || follows_transcript(&folder))
    };
    let mut trials: Vec<Trial> = folders.into_iter().map(named).collect();
    trials.push(Trial::test("apps::init_makes_what_works", init_makes_what_works));
    trials.push(Trial::test("apps::links_do_not_lead_out_of_volumes", links_do_not_lead_out_of_volumes));
    trials.push(Trial::test("apps::links_that_cannot_be_packed", links_that_cannot_be_packed));
    trials.push(Trial::test("apps::variables_are_kept_in_files", variables_are_kept_in_files));
    trials.push(Trial::test("apps::signals_stop_services", || signals_stop("polite", 1)));
    trials.push(Trial::test("apps::a_second_signal_does_not_wait", || signals_stop("stubborn", 2)));
    trials
}

/// A command of a transcript with what is expected of it.
#[derive(Default)]
struct Step {
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
    input: String,
    output: Vec<String>,
    errors: Vec<String>,
    status: i32,
}

fn follows_transcript(folder: &Path) -> Result<(), Failed> {
    let mut steps: Vec<Step> = Vec::new();
    for line in fs::read_to_string(folder.join("transcript"))?.lines() {
        if let Some((variables, command)) = line.strip_prefix("$ ").and_then(|line| line.split_once("moonlet ")) {
            let variables = variables.split_whitespace().filter_map(|variable| variable.split_once('='));
            let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let arguments = command.split_whitespace().map(str::to_owned).collect();
            steps.push(Step { variables, arguments, ..Step::default() });
            continue;
        }
        let step = steps.last_mut().ok_or("a transcript begins with a command")?;
        if let Some(text) = line.strip_prefix("! ") {
            step.errors.push(text.to_owned());
        } else if let Some(text) = line.strip_prefix("< ") {
            step.input += text;
            step.input.push('\n');
        } else if let Some(status) = line.strip_prefix("= ") {
            step.status = status.parse()?;
        } else {
            step.output.push(line.to_owned());
        }
    }
    if steps.is_empty() {
        return Err("the transcript is empty".into());
    }
    steps.iter().try_for_each(|step| follows(folder, step))
}

fn follows(folder: &Path, step: &Step) -> Result<(), Failed> {
    let program = step.arguments.iter().fold(Program::moonlet(folder), Program::arg);
    let program = step.variables.iter().fold(program, |program, (name, value)| program.env(name, value));
    let outcome =
        program.env("FREE_PORT", free_port()?.to_string()).input(&step.input).run()?.expect_status(step.status)?;
    let printed = without_numbers(&without_durations(&outcome.stdout()));
    let printed: Vec<&str> = printed.lines().collect();
    if !matches(&printed, &step.output) {
        return Err(outcome.failure(&format!("expected standard output:\n{}", step.output.join("\n"))));
    }
    let errors = outcome.stderr();
    if let Some(missing) = step.errors.iter().find(|text| !errors.contains(text.as_str())) {
        return Err(outcome.failure(&format!("expected on the standard error: {missing}")));
    }
    if step.errors.is_empty() && !errors.is_empty() {
        return Err(outcome.failure("expected no message"));
    }
    Ok(())
}

/// A port that nobody listens at.
pub fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Whether lines are as expected, where `...` stands for any number of them.
fn matches(lines: &[&str], expected: &[String]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "..." => (0..=lines.len()).any(|skipped| matches(&lines[skipped..], rest)),
        Some((first, rest)) => lines.split_first().is_some_and(|(line, more)| line == first && matches(more, rest)),
    }
}

/// The text with `(… s)` for all that looks like `(0.123 s)`.
fn without_durations(text: &str) -> String {
    let mut parts = text.split(" s)").peekable();
    let mut result = String::new();
    while let Some(part) = parts.next() {
        let (before, number) = part.rsplit_once('(').unwrap_or((part, ""));
        let is_duration = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
        if parts.peek().is_none() {
            result += part;
        } else if is_duration {
            result += before;
            result += "(… s)";
        } else {
            result += part;
            result += " s)";
        }
    }
    result
}

/// The text with `|…}` for the ends of PIDs.
fn without_numbers(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("|0x") {
        result += before;
        rest = match after.split_once('}') {
            Some((number, behind)) if number.chars().all(|c| c.is_ascii_hexdigit()) => {
                result += "|…}";
                behind
            }
            _ => {
                result += "|0x";
                after
            }
        };
    }
    result + rest
}

fn init_makes_what_works() -> Result<(), Failed> {
    let folder = Folder::new("apps-init")?;
    let run = |arguments: &[&str]| Program::moonlet(folder.path()).args(arguments).run();
    run(&["init", "demo"])?.expect_status(0)?.expect_no_errors()?;
    run(&["init", "demo"])?.expect_status(1)?.expect_once_in_stderr("demo is not empty")?;
    run(&["init", "de mo"])?.expect_status(1)?.expect_once_in_stderr("moonlet: ")?;
    run(&["run", "demo", "list"])?.expect_status(0)?.expect_stdout("hello  Greets whoever is named\n")?;
    let hello = run(&["run", "demo", "hello", "you"])?.expect_status(0)?.expect_no_errors()?;
    if !hello.stdout().lines().any(|line| line == "Hello, you!") {
        return Err(hello.failure("expected a greeting"));
    }
    let tests = run(&["test", "demo"])?.expect_status(0)?.expect_no_errors()?;
    if !tests.stdout().contains("1 passed, 0 failed") {
        return Err(tests.failure("expected that the test passes"));
    }
    Ok(())
}

fn links_do_not_lead_out_of_volumes() -> Result<(), Failed> {
    let folder = Folder::new("apps-links")?;
    folder.write(
        "_index.yaml",
        "namespace: app\nentries:\n\
         - {name: files, kind: fs.directory, directory: files}\n\
         - {name: it, kind: process.lua, source: 'file://it.lua', modules: [fs], meta: {command: {name: it}}}\n",
    )?;
    folder.write(
        "it.lua",
        "return { main = function()\n\
         local files = assert(require('fs').get('app:files'))\n\
         assert(files:readfile('near') == 'inside')\n\
         local function refused(value, err)\n\
         assert(not value and errors.is(err, errors.PERMISSION_DENIED), tostring(err))\n\
         end\n\
         for _, method in ipairs { 'readfile', 'read_file', 'exists', 'isdir', 'stat', 'mkdir', 'remove', 'readdir', 'chdir' } do\n\
         refused(files[method](files, 'out/it.lua'))\n\
         end\n\
         for _, mode in ipairs { 'w', 'wx', 'a' } do\n\
         for _, path in ipairs { 'out/new.txt', 'dangling' } do\n\
         refused(files:writefile(path, 'x', mode))\n\
         refused(files:write_file(path, 'x', mode))\n\
         refused(files:open(path, mode))\n\
         end\n\
         end\n\
         refused(files:open('out/it.lua', 'r'))\n\
         refused(files:readdir('out'))\n\
         refused(files:chdir('out'))\n\
         assert(files:pwd() == '/')\n\
         return 'refused'\n\
         end }",
    )?;
    folder.write("files/a.txt", "inside")?;
    for (target, name) in [("..", "out"), ("../nowhere", "dangling"), ("a.txt", "near")] {
        std::os::unix::fs::symlink(target, folder.path().join("files").join(name))?;
    }
    Program::moonlet(folder.path()).args(&["run", ".", "it"]).run()?.expect_status(0)?.expect_stdout("refused\n")?;
    Ok(())
}

fn links_that_cannot_be_packed() -> Result<(), Failed> {
    let folder = Folder::new("apps-packed")?;
    folder.write(
        "_index.yaml",
        "namespace: app\nentries:\n\
         - {name: good, kind: fs.embed, directory: good}\n\
         - {name: out, kind: fs.embed, directory: out}\n\
         - {name: back, kind: fs.embed, directory: back}\n\
         - {name: it, kind: process.lua, source: 'file://it.lua', modules: [fs], meta: {command: {name: it}}}\n",
    )?;
    folder.write(
        "it.lua",
        "return { main = function() return require('fs').get('app:good'):readfile('b/near/c.txt') end }",
    )?;
    for file in ["good/a/c.txt", "good/b/d.txt", "out/a.txt", "back/a/a.txt"] {
        folder.write(file, "inside")?;
    }
    for (target, link) in [("../a", "good/b/near"), ("../good", "out/far"), ("../../back", "back/a/top")] {
        std::os::unix::fs::symlink(target, folder.path().join(link))?;
    }
    let run = || Program::moonlet(folder.path()).args(&["run", ".", "it"]).run();
    run()?
        .expect_status(1)?
        .expect_once_in_stderr("app:out: ./out: /far: leads out of the folder")?
        .expect_once_in_stderr("app:back: ./back: /a/top: leads back to a folder it is in")?;
    for link in ["out/far", "back/a/top"] {
        fs::remove_file(folder.path().join(link))?;
    }
    run()?.expect_status(0)?.expect_stdout("inside\n")?;
    Ok(())
}

fn variables_are_kept_in_files() -> Result<(), Failed> {
    let folder = Folder::new("apps-variables")?;
    folder.write(
        "_index.yaml",
        "namespace: app\nentries:\n\
         - {name: kept, kind: env.storage.file, file_path: kept.env}\n\
         - {name: made, kind: env.storage.file, file_path: new/folder/made.env, auto_create: true, file_mode: '0600'}\n\
         - {name: one, kind: env.variable, variable: ONE, storage: kept}\n\
         - {name: two, kind: env.variable, variable: TWO, storage: kept, default: none}\n\
         - {name: three, kind: env.variable, variable: THREE, storage: made, default: none}\n\
         - {name: lost, kind: env.storage.file, file_path: lost.env, auto_create: true}\n\
         - {name: four, kind: env.variable, variable: FOUR, storage: lost}\n\
         - {name: here, kind: fs.directory, directory: .}\n\
         - {name: it, kind: process.lua, source: 'file://it.lua', modules: [env, fs], meta: {command: {name: it}}}\n",
    )?;
    folder.write(
        "it.lua",
        "return { main = function(one, two, three)\n\
         local before = table.concat({env.get('ONE'), env.get('TWO'), env.get('THREE')}, ' ')\n\
         assert(env.set('ONE', one) == true and env.set('TWO', two) and env.set('app:three', three))\n\
         assert(env.get('ONE') == one and env.get('TWO') == two and env.get('THREE') == three)\n\
         for _, value in ipairs { 'a\\nb', ' a', 'a ' } do\n\
         local nothing, err = env.set('ONE', value)\n\
         assert(nothing == nil and errors.is(err, errors.INVALID))\n\
         end\n\
         assert(fs.get('app:here'):remove('lost.env'))\n\
         local nothing, err = env.set('FOUR', '4')\n\
         assert(nothing == nil and errors.is(err, errors.INTERNAL))\n\
         return before\n\
         end }",
    )?;
    let run = |values: [&str; 3]| Program::moonlet(folder.path()).args(&["run", ".", "it"]).args(&values).run();
    run(["1", "2", "3"])?.expect_status(1)?.expect_once_in_stderr("app:kept")?;
    folder.write("kept.env", "# kept\n\n ONE = first \n#TWO=no\nOTHER=x=y\n")?;
    run(["1", "2", "3"])?.expect_status(0)?.expect_stdout("first none none\n")?;
    run(["", "2=b", "c # d"])?.expect_status(0)?.expect_stdout("1 2 3\n")?;
    run(["x", "y", "z"])?.expect_status(0)?.expect_stdout(" 2=b c # d\n")?;
    let kept = fs::read_to_string(folder.path().join("kept.env"))?;
    if kept != "# kept\n\nONE=x\n#TWO=no\nOTHER=x=y\nTWO=y\n" {
        return Err(format!("the file has become {kept:?}").into());
    }
    let made = fs::metadata(folder.path().join("new/folder/made.env"))?;
    if made.permissions().mode() & 0o777 != 0o600 {
        return Err(format!("the new file may be used for {:o}", made.permissions().mode()).into());
    }
    Ok(())
}

/// A service runs until so many signals come.
fn signals_stop(service: &str, signals: usize) -> Result<(), Failed> {
    let folder = Folder::new(&format!("apps-signals-{service}"))?;
    folder.write(
        "_index.yaml",
        format!(
            "namespace: app\nentries:\n\
             - {{name: host, kind: process.host}}\n\
             - {{name: it, kind: process.lua, source: 'file://{service}.lua'}}\n\
             - {{name: service, kind: process.service, process: it, host: app:host, lifecycle: {{auto_start: true}}}}\n"
        ),
    )?;
    folder.write(
        "polite.lua",
        "return { main = function()\n\
         local events = process.events()\n\
         print('ready')\n\
         print(events:receive().reason)\n\
         end }",
    )?;
    folder.write(
        "stubborn.lua",
        "return { main = function() print('ready') while true do process.inbox():receive() end end }",
    )?;
    let mut command: Command = Program::moonlet(folder.path()).arg("run").arg(".").into_command();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut output = BufReader::new(child.stdout.take().expect("standard output is piped"));
    let mut line = String::new();
    output.read_line(&mut line)?;
    if !line.ends_with("ready\n") {
        return Err(format!("expected that the service runs, not {line:?}").into());
    }
    let pid = Pid::from_child(&child);
    for signal in [Signal::INT, Signal::TERM].into_iter().take(signals) {
        kill_process(pid, signal)?;
        // The second of two equal signals could be lost, so they differ.
    }
    let status = wait(&mut child)?;
    line.clear();
    output.read_line(&mut line)?;
    let expected = if service == "polite" { (Some(0), "service stopping") } else { (Some(1), "") };
    // A record says first which process has printed it, and where.
    let said = line.rsplit(": ").next().unwrap_or_default().trim_end();
    if (status, said) != expected {
        return Err(format!("expected {expected:?}, not {:?}", (status, line)).into());
    }
    Ok(())
}
