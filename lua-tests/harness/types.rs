//! The checker: programs that say in comments what is wrong with them, and the declarations of libraries.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};

use moonlet::modules::all_manifests;
use moonlet::stdlib::load::strip_first_line;
use moonlet::syntax::ast::{Ast, Expr, ReturnType, StatKind, Type, TypeConst, TypeField, TypeId};
use moonlet::syntax::{parse, print};
use moonlet::types::GLOBALS;

use crate::corpus::{LUA53_FOLDERS, case_name, lua_files};
use crate::folder::Folder;
use crate::program::{Program, root};

/// Programs that run. What is found in them is wrong, but for lines that fail on purpose.
const PROGRAMS: [&str; 6] = [
    "examples",
    "lua-tests/language",
    "lua-tests/stdlib",
    "lua-tests/runtime",
    "lua-tests/modules",
    "lua-tests/harness",
];

/// Applications in which something is wrong on purpose.
const WRONG_APPLICATIONS: [&str; 4] = ["checked", "checked_on_load", "security_wrong", "wrong"];

/// What is on lines that fail on purpose.
const ON_PURPOSE: [&str; 16] = [
    "fails(",
    "refused(",
    "function( end",
    "local t; return t.x",
    "local x = nil; x()",
    "local x = nil + 1",
    "string.rep()",
    "process.send(me)",
    "process.spawn()",
    "retryable = \"yes\"",
    "errors.is(e)",
    "f(1.5)",
    "(number | string) @min(3)",
    "[1] = \"left out\"",
    "funcs.call()",
    "json.encode = nil",
];

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for file in lua_files(&root().join("lua-tests/types")) {
        trials.push(Trial::test(case_name("types", &file), move || finds_what_comments_say(&file)));
    }
    trials.push(Trial::test("types::manifests_have_what_libraries_have", manifests_have_what_libraries_have));
    trials.push(Trial::test("types::nothing_wrong_in_programs_that_run", nothing_wrong_in_programs_that_run));
    trials.push(Trial::test("types::findings_are_the_same_every_time", findings_are_the_same_every_time));
    let luac = listing(b"").is_some();
    if !luac {
        eprintln!("{LUAC} is not installed: trees are NOT compared with those of Lua 5.3");
    }
    let trees = Trial::test("types::trees_are_those_of_lua53", trees_are_those_of_lua53);
    trials.push(trees.with_ignored_flag(!luac));
    trials
}

/// The compiler of the reference implementation.
const LUAC: &str = "luac5.3";

/// More folders of Lua 5.3 programs whose trees are compared, separated by colons.
const FOLDERS: &str = "MOONLET_LUA_FOLDERS";

/// A comment `--> E0001 E0003` at the end of a line names the codes that are reported there, and there only. The messages
/// are in `NAME.expected`. A first line `-- moonlet check ARGUMENTS` tells how to check.
fn finds_what_comments_say(file: &Path) -> Result<(), Failed> {
    let mut expected: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let text = fs::read_to_string(file)?;
    for (at, line) in text.lines().enumerate() {
        if let Some((_, codes)) = line.split_once("--> ") {
            let mut codes: Vec<String> = codes.split_whitespace().map(str::to_owned).collect();
            codes.sort();
            expected.insert(at + 1, codes);
        }
    }
    let folder = file.parent().expect("a file is in a folder");
    let name = file.file_name().expect("a Lua file has a name");
    let arguments = text.lines().next().and_then(|line| line.strip_prefix("-- moonlet check "));
    let arguments = arguments.unwrap_or_default().split_whitespace();
    let program = arguments.fold(Program::moonlet(folder).arg("check").arg("--short"), Program::arg);
    let outcome = program.arg(name).run()?;
    let mut found: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for line in outcome.stdout().lines() {
        let at = line.split(':').nth(1).and_then(|number| number.parse().ok());
        let code = line.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(code, _)| code);
        let (Some(at), Some(code)) = (at, code) else {
            return Err(outcome.failure(&format!("not a finding: {line:?}")));
        };
        found.entry(at).or_default().push(code.to_owned());
    }
    found.values_mut().for_each(|codes| codes.sort());
    for at in expected.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
        if expected.get(at) != found.get(at) {
            let (wanted, got) = (expected.get(at), found.get(at));
            return Err(outcome.failure(&format!("line {at}: expected {wanted:?}, found {got:?}")));
        }
    }
    let messages = fs::read_to_string(file.with_extension("expected"))?;
    outcome.expect_stdout(&messages)?;
    Ok(())
}

fn nothing_wrong_in_programs_that_run() -> Result<(), Failed> {
    let program = Program::moonlet(&root()).arg("check").arg("--short").arg("--level").arg("error");
    let mut applications = Vec::new();
    for entry in fs::read_dir(root().join("lua-tests/apps"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !WRONG_APPLICATIONS.contains(&&*name) {
            applications.push(format!("lua-tests/apps/{name}"));
        }
    }
    let outcome = PROGRAMS.iter().fold(program, Program::arg);
    let outcome = applications.iter().fold(outcome, Program::arg).run()?;
    for finding in outcome.stdout().lines() {
        let mut parts = finding.split(':');
        let (Some(file), Some(line)) = (parts.next(), parts.next()) else {
            return Err(outcome.failure(&format!("not a finding: {finding:?}")));
        };
        let text = fs::read_to_string(root().join(file))?;
        let line = text.lines().nth(line.parse::<usize>()? - 1).unwrap_or_default();
        if !ON_PURPOSE.iter().any(|purpose| line.contains(purpose)) {
            return Err(format!("{finding}\n{line}").into());
        }
    }
    Ok(())
}

/// Classes of objects that no plain program has; unit tests compare them.
const OUT_OF_REACH: [&str; 13] = [
    "funcs.Future:",
    "http.File:",
    "http.Request:",
    "http.Response:",
    "pg.Instance:",
    "queue.Message:",
    "security.Policy:",
    "security.TokenStore:",
    "stream.Scanner:",
    "stream.Stream:",
    "template.Set:",
    "type:",
    "websocket.Client:",
];

/// What a running program finds in libraries and classes is what the manifests declare.
fn manifests_have_what_libraries_have() -> Result<(), Failed> {
    let mut declared = BTreeSet::new();
    let mut arities = "return {\n".to_owned();
    for manifest in all_manifests() {
        if manifest.text.is_empty() {
            return Err(format!("module '{}' has no manifest", manifest.name).into());
        }
        let ast = parse(manifest.text.as_bytes()).map_err(|error| error.lua_message(manifest.name))?;
        declare(&ast, manifest.name, &mut Declared { names: &mut declared, arities: &mut arities });
    }
    let folder = Folder::new("manifests")?;
    let arities = folder.write("arities.lua", arities + "}\n")?;
    let script = root().join("lua-tests/harness/inventory.lua");
    let outcome = Program::moonlet(&root()).arg("run").arg(script).arg(arities).run()?.expect_status(0)?;
    let stdout = outcome.stdout();
    let (mut lenient, present): (Vec<&str>, Vec<&str>) = stdout.lines().partition(|line| line.starts_with(CONTENT));
    lenient.retain(|line| {
        !NIL_WILL_DO.iter().any(|name| line.strip_prefix(CONTENT).is_some_and(|at| at.starts_with(name)))
    });
    if !lenient.is_empty() {
        return Err(outcome.failure(&format!("the manifest asks for more arguments: {lenient:#?}")));
    }
    let present: BTreeSet<String> = present.into_iter().map(str::to_owned).collect();
    let missing: Vec<_> = present.difference(&declared).collect();
    let is_out_of_reach = |name: &str| OUT_OF_REACH.iter().any(|class| name.starts_with(class));
    let invented: Vec<_> = declared.difference(&present).filter(|name| !is_out_of_reach(name)).collect();
    if missing.is_empty() && invented.is_empty() {
        return Ok(());
    }
    Err(outcome.failure(&format!("not in a manifest: {missing:?}; only in a manifest: {invented:?}")))
}

/// How the inventory begins lines about functions that are content with fewer arguments than declared.
const CONTENT: &str = "content: ";

/// Functions to which nil is a value like any other. Who leaves it out has forgotten it, so the manifests ask for it.
const NIL_WILL_DO: [&str; 6] =
    ["debug.getuservalue ", "errors.is ", "sql.UpdateBuilder:set ", "sql.as.", "store.Store:put ", "store.Store:set "];

/// What manifests declare.
struct Declared<'a> {
    names: &'a mut BTreeSet<String>,
    /// Items of a Lua table: the functions that need arguments, with a word for the type of each that they need.
    arities: &'a mut String,
}

/// Adds `library.name function` for each function, `library.name value` for other fields.
fn declare(ast: &Ast, module: &str, into: &mut Declared<'_>) {
    let prefix = if module == GLOBALS { String::new() } else { format!("{module}.") };
    for stat in &ast.block.stats {
        match &stat.kind {
            StatKind::Return(values) => {
                if let Expr::Cast(_, ty) = ast.expr(values[0]) {
                    fields(ast, *ty, &prefix, into);
                }
            }
            StatKind::Alias(alias) => {
                if let Some(name) = ast.text(alias.name.name).strip_suffix("Methods") {
                    fields(ast, alias.ty, &format!("{}:", name.to_lowercase()), into);
                } else if let Type::Intersection(parts) = ast.ty(alias.ty)
                    && let Type::Validated { args, .. } = ast.ty(parts[0])
                    && let [TypeConst::String(class)] = &args[..]
                {
                    fields(ast, parts[1], &format!("{}:", String::from_utf8_lossy(class)), into);
                }
            }
            _ => {}
        }
    }
}

fn fields(ast: &Ast, ty: TypeId, prefix: &str, into: &mut Declared<'_>) {
    let Type::Table(fields_of) = ast.ty(ty) else { return };
    for field in fields_of {
        let TypeField::Field { key, ty, .. } = field else { continue };
        let name = format!("{prefix}{}", String::from_utf8_lossy(key));
        match ast.ty(*ty) {
            Type::FunctionType {
                ret: ReturnType::Single(_) | ReturnType::Pack { .. } | ReturnType::Vararg(_), ..
            }
            | Type::Intersection(_) => {
                into.names.insert(format!("{name} function"));
                let needed = needed(ast, *ty);
                if !needed.is_empty() {
                    let words: Vec<String> = needed.iter().map(|word| format!("{word:?}")).collect();
                    into.arities.push_str(&format!("{{ {name:?}, {} }},\n", words.join(", ")));
                }
            }
            Type::Table(inner) if inner.iter().all(|field| matches!(field, TypeField::Field { .. })) => {
                fields(ast, *ty, &format!("{name}."), into);
            }
            _ => _ = into.names.insert(format!("{name} value")),
        }
    }
}

/// Words for the types of the arguments that a function needs; of one with several signatures, those of the one that needs
/// the fewest.
fn needed(ast: &Ast, ty: TypeId) -> Vec<&str> {
    match ast.ty(ty) {
        Type::Group(ty) => needed(ast, *ty),
        Type::Intersection(parts) => {
            parts.iter().map(|part| needed(ast, *part)).min_by_key(Vec::len).unwrap_or_default()
        }
        Type::FunctionType { params, .. } => {
            let words: Vec<_> =
                params.iter().map(|param| if param.optional { None } else { word(ast, param.ty) }).collect();
            let count = words.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
            words[..count].iter().map(|word| word.unwrap_or("nil")).collect()
        }
        _ => Vec::new(),
    }
}

/// What a value for a parameter may be; `None` if it may be left out.
fn word(ast: &Ast, ty: TypeId) -> Option<&str> {
    match ast.ty(ty) {
        Type::Nil | Type::Optional(_) => None,
        Type::Group(ty) | Type::Readonly(ty) | Type::Validated { ty, .. } => word(ast, *ty),
        Type::Union(members) => {
            let words: Option<Vec<_>> = members.iter().map(|member| word(ast, *member)).collect();
            words?.first().copied()
        }
        Type::Name { path, .. } => Some(path.first().map_or("any", |name| ast.text(name.name))),
        Type::Table(_) | Type::Array(_) => Some("table"),
        Type::Function | Type::FunctionType { .. } => Some("function"),
        _ => Some("string"),
    }
}

fn findings_are_the_same_every_time() -> Result<(), Failed> {
    let check = || -> Result<String, Failed> {
        let program = Program::moonlet(&root()).arg("check").arg("--json").arg("--rules").arg("--mode").arg("strict");
        let outcome = program.arg("lua-tests/types").arg("lua-tests/language").run()?;
        Ok(outcome.stdout())
    };
    let (first, second) = (check()?, check()?);
    if first.len() < 10_000 {
        return Err("strict rules find much in these programs".into());
    }
    if first == second { Ok(()) } else { Err("two runs differ".into()) }
}

/// The reference implementation makes the same instructions of a program and of its tree as this parser read it, printed.
/// Programs that one of the two does not accept are not accepted by the other.
fn trees_are_those_of_lua53() -> Result<(), Failed> {
    let more = std::env::var(FOLDERS).unwrap_or_default();
    let more = more.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let own = LUA53_FOLDERS.map(|folder| root().join("lua-tests").join(folder));
    for file in own.into_iter().chain(more).flat_map(|folder| lua_files(&folder)) {
        let source = strip_first_line(fs::read(&file)?);
        let expected = listing(&source).unwrap_or_default();
        let found = match parse(&source) {
            Ok(ast) => listing(print(&ast).as_bytes()).unwrap_or_default(),
            Err(_) => String::new(),
        };
        if expected != found {
            let at = expected.lines().zip(found.lines()).position(|(a, b)| a != b);
            return Err(format!("{}: line {at:?} of the listing differs", file.display()).into());
        }
    }
    Ok(())
}

/// What instructions a text has, without lines and addresses; `None` if it is no program, or there is no compiler.
fn listing(source: &[u8]) -> Option<String> {
    let mut command = Command::new(LUAC);
    command.args(["-s", "-l", "-p", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut input = child.stdin.take().expect("it is a pipe");
    let text = source.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&text));
    let output = child.wait_with_output().ok()?;
    // A compiler that stops at an error does not read to the end.
    let _ = writer.join().expect("writing does not panic");
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.lines().map(without_places).collect::<Vec<_>>().join("\n"))
}

/// A line of a listing without `[line]`, `<file:from,to>` and addresses.
fn without_places(line: &str) -> String {
    let mut kept = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['[', '<', '0']) {
        let (before, from) = rest.split_at(at);
        kept.push_str(before);
        let number = |text: &str| text.find(|c: char| !c.is_ascii_digit() && c != '-');
        let skipped = match from.as_bytes()[0] {
            b'[' => number(&from[1..]).filter(|end| *end > 0 && from[1 + end..].starts_with(']')).map(|end| end + 2),
            b'<' if from.starts_with("<stdin:") => from.find('>').map(|end| end + 1),
            b'0' if from.starts_with("0x") => {
                Some(2 + from[2..].find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(from.len() - 2))
            }
            _ => None,
        };
        let skipped = skipped.unwrap_or(1);
        if skipped == 1 {
            kept.push_str(&from[..1]);
        }
        rest = &from[skipped..];
    }
    kept + rest
}
