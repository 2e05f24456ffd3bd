//! The checker: programs that say in comments what is wrong with them, and the declarations of libraries.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use libtest_mimic::{Failed, Trial};

use moonlet::modules::all_manifests;
use moonlet::syntax::ast::{Ast, Expr, ReturnType, StatKind, Type, TypeConst, TypeField, TypeId};
use moonlet::syntax::parse;
use moonlet::types::GLOBALS;

use crate::corpus::{case_name, lua_files};
use crate::program::{Program, root};

/// Programs that run. What is found in them is wrong, but for lines that fail on purpose.
const PROGRAMS: [&str; 5] =
    ["examples", "lua-tests/language", "lua-tests/stdlib", "lua-tests/runtime", "lua-tests/harness"];

/// What is on lines that fail on purpose.
const ON_PURPOSE: [&str; 8] = [
    "fails(",
    "function( end",
    "local t; return t.x",
    "local x = nil; x()",
    "local x = nil + 1",
    "string.rep()",
    "process.send(me)",
    "process.spawn()",
];

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for file in lua_files(&root().join("lua-tests/types")) {
        trials.push(Trial::test(case_name("types", &file), move || finds_what_comments_say(&file)));
    }
    trials.push(Trial::test("types::manifests_have_what_libraries_have", manifests_have_what_libraries_have));
    trials.push(Trial::test("types::nothing_wrong_in_programs_that_run", nothing_wrong_in_programs_that_run));
    trials
}

/// A comment `--> E0001 E0003` at the end of a line names the codes that are reported there, and there only. The messages
/// are in `NAME.expected`.
fn finds_what_comments_say(file: &Path) -> Result<(), Failed> {
    let mut expected: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (at, line) in fs::read_to_string(file)?.lines().enumerate() {
        if let Some((_, codes)) = line.split_once("--> ") {
            let mut codes: Vec<String> = codes.split_whitespace().map(str::to_owned).collect();
            codes.sort();
            expected.insert(at + 1, codes);
        }
    }
    let folder = file.parent().expect("a file is in a folder");
    let name = file.file_name().expect("a Lua file has a name");
    let outcome = Program::moonlet(folder).arg("check").arg("--short").arg(name).run()?;
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
    let outcome = PROGRAMS.iter().fold(program, Program::arg).run()?;
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

/// What a running program finds in libraries and classes is what the manifests declare.
fn manifests_have_what_libraries_have() -> Result<(), Failed> {
    let mut declared = BTreeSet::new();
    for manifest in all_manifests() {
        let ast = parse(manifest.text.as_bytes()).map_err(|error| error.lua_message(manifest.name))?;
        declare(&ast, manifest.name, &mut declared);
    }
    let script = root().join("lua-tests/harness/inventory.lua");
    let outcome = Program::moonlet(&root()).arg("run").arg(script).run()?.expect_status(0)?;
    let present: BTreeSet<String> = outcome.stdout().lines().map(str::to_owned).collect();
    let missing: Vec<_> = present.difference(&declared).collect();
    let invented: Vec<_> = declared.difference(&present).collect();
    if missing.is_empty() && invented.is_empty() {
        return Ok(());
    }
    Err(outcome.failure(&format!("not in a manifest: {missing:?}; only in a manifest: {invented:?}")))
}

/// Adds `library.name function` for each function, `library.name value` for other fields.
fn declare(ast: &Ast, module: &str, into: &mut BTreeSet<String>) {
    let prefix = if module == GLOBALS { String::new() } else { format!("{module}.") };
    for stat in &ast.block.stats {
        match &stat.kind {
            StatKind::Return(values) => {
                if let Expr::Cast(_, ty) = ast.expr(values[0]) {
                    fields(ast, *ty, &prefix, into);
                }
            }
            StatKind::Alias(alias) => {
                if let Type::Intersection(parts) = ast.ty(alias.ty)
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

fn fields(ast: &Ast, ty: TypeId, prefix: &str, into: &mut BTreeSet<String>) {
    let Type::Table(fields_of) = ast.ty(ty) else { return };
    for field in fields_of {
        let TypeField::Field { key, ty, .. } = field else { continue };
        let name = format!("{prefix}{}", String::from_utf8_lossy(key));
        match ast.ty(*ty) {
            Type::FunctionType {
                ret: ReturnType::Single(_) | ReturnType::Pack { .. } | ReturnType::Vararg(_), ..
            }
            | Type::Intersection(_) => _ = into.insert(format!("{name} function")),
            Type::Table(inner) if inner.iter().all(|field| matches!(field, TypeField::Field { .. })) => {
                fields(ast, *ty, &format!("{name}."), into);
            }
            _ => _ = into.insert(format!("{name} value")),
        }
    }
}
