//! Questions about small programs. The last `|` marks the place that is asked about.

use std::path::{Path, PathBuf};

use super::*;
use crate::types::{GLOBALS, Manifest, Options, Project, Sources};

const BASE: &str = "return nil :: {print: (...any) -> (), require: (name: string) -> any, \
                    setmetatable: (t: table, metatable: table?) -> table, string: any}";
const STRING: &str =
    "return nil :: {rep: (s: string, n: integer, separator?: string) -> string, upper: (s: string) -> string}";

/// One module beside the program.
struct Beside;

impl Sources for Beside {
    fn find(&self, module: &str, _: &Path) -> Option<PathBuf> {
        (module == "shapes").then(|| PathBuf::from("shapes.lua"))
    }

    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let text = "export type Shape = {side: number}\n-- The area\n-- of a shape.\nlocal M = {}\n\
                    --- Makes a shape.\nfunction M.new(side: number): Shape return {side = side} end\nreturn M";
        (path == Path::new("shapes.lua")).then(|| text.as_bytes().to_vec())
    }
}

fn project() -> Project {
    let manifests = [
        Manifest { name: GLOBALS, global: false, text: BASE },
        Manifest { name: "string", global: true, text: STRING },
    ];
    let options = Options { queries: true, ..Options::default() };
    Project::new(&manifests, Box::new(Beside), options).expect("the manifests are well-formed")
}

/// The program without its mark, and the place of the mark.
fn marked(program: &str) -> (Vec<u8>, u32) {
    let at = program.rfind('|').expect("a place is marked");
    let text = [&program[..at], &program[at + 1..]].concat();
    (text.into_bytes(), at as u32)
}

fn ask<T>(program: &str, question: impl FnOnce(&mut Query<'_>, u32) -> T) -> T {
    let (source, at) = marked(program);
    let mut project = project();
    let path = Path::new("main.lua");
    project.check(path, source);
    let checked = project.take(path).expect("it has just been checked");
    question(&mut project.query(&checked).expect("queries are wanted"), at)
}

fn hover(program: &str) -> String {
    ask(program, |query, at| query.hover(at)).map_or_else(|| "nothing".to_owned(), |hover| hover.text)
}

fn definition(program: &str) -> Option<(String, u32)> {
    let place = ask(program, |query, at| query.definition(at))?;
    Some((place.path.display().to_string(), place.span.line))
}

fn completions(program: &str) -> Vec<Completion> {
    let (source, at) = marked(program);
    project().complete(Path::new("main.lua"), &source, at)
}

fn labels(program: &str) -> Vec<String> {
    completions(program).into_iter().map(|completion| completion.label).collect()
}

#[test]
fn a_name_is_shown_as_it_is_declared() {
    assert_eq!(hover("local si|ze: integer = 1"), "local size: integer");
    assert_eq!(hover("local size = 1\nprint(size|)"), "local size: integer");
    assert_eq!(hover("local function f(x: number?) if x then print(|x) end end"), "parameter x: number");
    assert_eq!(hover("local function f(a: number, b) return a end\nf|(1)"), "local f: (a: number, b: any) -> number");
    assert_eq!(hover("local t = {a = {b = 'x'}}\nprint(t.a.b|)"), "b: any");
    assert_eq!(hover("local t: {a: {b: string}} = {a = {b = 'x'}}\nprint(t.a.b|)"), "b: string");
    assert_eq!(hover("local s = ('x'):re|p(2)"), "rep: (s: string, n: integer, separator: string?) -> string");
    assert_eq!(hover("print(str|ing)"), "global string: library string");
    assert_eq!(hover("type Point = {x: number}\nlocal p: Poi|nt"), "type Point = {x: number}");
    assert_eq!(hover("local n: num|ber"), "number");
    assert_eq!(hover("local x = 1 +| 2"), "nothing");
}

#[test]
fn the_comment_above_a_declaration_belongs_to_it() {
    let text = "-- Not this one.\n\n-- Adds\n--- numbers.\nlocal function add(a, b) return a + b end\nadd|(1, 2)";
    let hover = ask(text, |query, at| query.hover(at)).expect("it is a name");
    assert_eq!(hover.comment.as_deref(), Some("Adds\nnumbers."));
    assert_eq!(ask("--!strict\nlocal x| = 1", |query, at| query.hover(at)).expect("it is a name").comment, None);
    let hover = ask("local shapes = require('shapes')\nshapes.new|(1)", |query, at| query.hover(at));
    assert_eq!(hover.expect("it is a name").comment.as_deref(), Some("Makes a shape."));
}

#[test]
fn definitions() {
    let main = |line| Some(("main.lua".to_owned(), line));
    assert_eq!(definition("local x = 1\nlocal x = 2\nprint(|x)"), main(2));
    assert_eq!(definition("local x = 1\ndo local x = 2 end\nprint(x|)"), main(1));
    assert_eq!(definition("function f() end\n\nf|()"), main(1));
    assert_eq!(definition("type T = {\n  a: number}\nlocal t: T|"), main(1));
    assert_eq!(definition("type T = {\n  a: number}\nlocal t: T = {a = 1}\nprint(t.a|)"), main(2));
    assert_eq!(definition("local t = {}\nt.a = {}\nprint(t.a|)"), main(2));
    assert_eq!(definition("local C = {}\nC.__index = C\nfunction C:m() end\nsetmetatable({}, C):m|()"), main(3));
    assert_eq!(definition("local function id<T>(x: T): T|\nreturn x end"), main(1));
    assert_eq!(definition("print|(1)"), None);
    assert_eq!(definition("local s = require('sha|pes')"), Some(("shapes.lua".to_owned(), 1)));
    assert_eq!(definition("local s = require('shapes')\ns.n|ew(1)"), Some(("shapes.lua".to_owned(), 6)));
    assert_eq!(definition("local s = require('shapes')\nlocal x: s.Sh|ape"), Some(("shapes.lua".to_owned(), 1)));
}

#[test]
fn references() {
    let lines = |program: &str| -> Vec<(u32, bool, bool)> {
        let found = ask(program, |query, at| query.references(at));
        found.into_iter().map(|one| (one.span.line, one.write, one.declaration)).collect()
    };
    let text = "local x| = 1\nx = x + 1\nlocal f = function() return x end\nlocal y = {x = 1}";
    assert_eq!(lines(text), [(1, true, true), (2, true, false), (2, false, false), (3, false, false)]);
    let text = "type T = {next: T?}\nlocal t: T| = {}\nlocal b = T:is(t)";
    assert_eq!(lines(text), [(1, true, true), (1, false, false), (2, false, false), (3, false, false)]);
    assert_eq!(lines("function f() end\nlocal g = f|"), [(1, true, false), (2, false, false)]);
    assert_eq!(lines("print({a| = 1})"), []);
}

#[test]
fn what_a_chunk_declares() {
    let program = "|type T = {}\nlocal M = {a = function() end, b = 1}\nfunction M:m() local function inner() end end\n\
                   M.c = function() end\nif M then local x; function g() end end\nreturn {d = function() end}";
    let symbols = ask(program, |query, _| query.symbols());
    let shown: Vec<(&str, SymbolKind, usize)> =
        symbols.iter().map(|symbol| (symbol.name.as_str(), symbol.kind, symbol.children.len())).collect();
    use SymbolKind::*;
    assert_eq!(
        shown,
        [
            ("T", Type, 0),
            ("M", Variable, 1),
            ("M:m", Method, 1),
            ("M.c", Function, 0),
            ("g", Function, 0),
            ("d", Function, 0)
        ]
    );
    assert_eq!(symbols[2].span.line, 3);
    assert_eq!(symbols[2].name_span.line, 3);
}

#[test]
fn fields_that_may_be_written() {
    let point = "type Point = {x: number, y: number, move: (self: Point) -> ()}\nlocal p: Point? = nil\n";
    assert_eq!(labels(&format!("{point}local q = p.|")), ["move", "x", "y"]);
    assert_eq!(labels(&format!("{point}p.|")), ["move", "x", "y"]);
    assert_eq!(labels(&format!("{point}print(p.x|")), ["move", "x", "y"]);
    assert_eq!(labels(&format!("{point}if p.|\nprint(1)")), ["move", "x", "y"]);
    assert_eq!(labels(&format!("{point}p:|\nprint(1)")), ["move"]);
    assert_eq!(labels("local s = 'x'\nprint(s:|)"), ["rep", "upper"]);
    assert_eq!(labels("local s = require('shapes')\ns.|"), ["new"]);
    assert_eq!(labels("local s = require('shapes')\nlocal x: s.|"), ["Shape"]);
    let class = "local C = {}\nC.__index = C\nfunction C:m() end\nlocal o = setmetatable({n = 1}, C)\n";
    assert_eq!(labels(&format!("{class}o:|")), ["m"]);
    assert_eq!(labels(&format!("{class}print(o.|)")), ["__index", "m", "n"]);
    let either = "local function f(x: {a: number, b: number} | {b: number, c: number}) return x.| end";
    assert_eq!(labels(either), ["b"]);
    assert_eq!(labels("local s = 'a.|'"), Vec::<String>::new());
}

#[test]
fn names_that_may_be_written() {
    let program =
        "local before = 1\ndo local gone = 2 end\nlocal function f(parameter)\nlocal x = p|\nend\nlocal after";
    let found = labels(program);
    for name in ["before", "f", "parameter", "print", "string", "while"] {
        assert!(found.iter().any(|label| label == name), "{name} in {found:?}");
    }
    for name in ["gone", "after"] {
        assert!(!found.iter().any(|label| label == name), "no {name} in {found:?}");
    }
    let found = completions("local n: integer = 1\nlocal n: string = ''\nprint(|)");
    let n = found.iter().find(|completion| completion.label == "n").expect("it is visible");
    assert_eq!(n.detail.as_deref(), Some("string"));
    let types = labels("type Point = {}\nlocal function f<T>(x: |) end");
    for name in ["Point", "T", "number", "any"] {
        assert!(types.iter().any(|label| label == name), "{name} in {types:?}");
    }
}

#[test]
fn what_is_being_called() {
    let signature = |program: &str| {
        let found = ask(program, |query, at| query.signatures(at));
        found.into_iter().map(|one| (one.label, one.active)).collect::<Vec<_>>()
    };
    let add = "local function add(a: number, b: number): number return a + b end\n";
    let label = "(a: number, b: number) -> number".to_owned();
    assert_eq!(signature(&format!("{add}add(|1, 2)")), [(label.clone(), 0)]);
    assert_eq!(signature(&format!("{add}add(1, |2)")), [(label.clone(), 1)]);
    assert_eq!(signature(&format!("{add}print(add(1, 2|))")), [(label, 1)]);
    assert_eq!(signature("('x'):rep(1, |'y')"), [("(n: integer, separator: string?) -> string".to_owned(), 1)]);
    assert_eq!(signature(&format!("{add}|add(1, 2)")), []);
}

#[test]
fn globals_that_are_assigned_no_more_are_forgotten() {
    let mut project = project();
    let path = Path::new("main.lua");
    let mut undefined = |source: &[u8]| {
        project.forget(path);
        project.check(path, source.to_vec());
        project.complete(path, b"given = 1 ", 10);
        project.take(path).expect("it was checked").diagnostics.len()
    };
    assert_eq!(undefined(b"given = 1 print(given)"), 0);
    assert_eq!(undefined(b"print(given)"), 1);
    assert_eq!(undefined(b"print(given)"), 1, "what is asked between checks does not count");
}

#[test]
fn what_depends_on_a_changed_file_is_forgotten() {
    let mut project = project();
    let (main, shapes) = (Path::new("main.lua"), Path::new("shapes.lua"));
    project.check(main, b"local s = require('shapes') print(s.new('x'))".to_vec());
    assert_eq!(project.take(main).expect("it was checked").diagnostics.len(), 1);
    assert_eq!(project.forget(shapes), [shapes, main]);
    assert_eq!(project.forget(main), [main]);
}
