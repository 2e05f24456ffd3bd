//! The type checker on any bytes, in every mode, and the questions of an editor about them.
//!
//! What must hold: nothing panics, overflows the stack or takes long; every place lies inside the text; the same text
//! gets the same findings in the same order; findings are in order of their places.
//!
//! Run with `cargo +nightly fuzz run check -- -max_total_time=600 -timeout=5`, so that an input that takes long counts as
//! found. `-dict=fuzz/lua.dict` helps it find the words, and Lua files in `fuzz/corpus/check/` give it something to start
//! from. Fix what it finds with a failing program in `lua-tests/types/` first.

#![no_main]

use std::cell::RefCell;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use moonlet::stdlib;
use moonlet::types::{Diagnostic, Mode, Options, Project};

/// A run is used for so many texts before its memory is given back.
const TEXTS: u32 = 100;
const MAX_TEXT: usize = 4096;

const MODES: [Mode; 3] = [Mode::Nocheck, Mode::Nonstrict, Mode::Strict];

struct Run {
    projects: Vec<Project>,
    texts: u32,
}

impl Run {
    fn new() -> Run {
        let projects = MODES.map(|mode| {
            let options = Options { mode, rules: true, queries: true, require_annotations: mode == Mode::Strict };
            Project::new(stdlib::MANIFESTS, Box::new(()), options).expect("the manifests are well-formed")
        });
        Run { projects: projects.into(), texts: 0 }
    }
}

thread_local! {
    static RUN: RefCell<Run> = RefCell::new(Run::new());
}

fn check_places(found: &[Diagnostic], source: &[u8]) {
    for one in found {
        let spans = one.notes.iter().filter_map(|note| note.span).chain([one.span]);
        for span in spans {
            assert!(span.start <= span.end && span.end as usize <= source.len(), "{one:?}");
        }
        assert!(!one.message.is_empty(), "{one:?}");
    }
    assert!(found.is_sorted_by_key(|one| one.span.start), "{found:?}");
}

fn check(project: &mut Project, source: &[u8]) {
    let path = Path::new("fuzz.lua");
    project.forget(path);
    project.check(path, source.to_vec());
    let checked = project.take(path).expect("it has just been checked");
    check_places(&checked.diagnostics, source);
    // One of many places; the text itself decides which.
    let at = source.iter().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
    let at = at % (source.len() as u32 + 1);
    let mut query = project.query(&checked).expect("queries are wanted");
    query.hover(at);
    query.definition(at);
    query.signatures(at);
    for reference in query.references(at) {
        assert!(reference.span.end as usize <= source.len());
    }
    query.symbols();
    if at % 4 == 0 {
        project.complete(path, source, at);
    }
    project.forget(path);
    project.check(path, source.to_vec());
    let again = project.take(path).expect("it has just been checked");
    assert_eq!(checked.diagnostics, again.diagnostics);
}

fuzz_target!(|source: &[u8]| {
    // Large texts find nothing that small ones do not, only later.
    if source.len() > MAX_TEXT {
        return;
    }
    RUN.with_borrow_mut(|run| {
        run.texts += 1;
        if run.texts > TEXTS {
            *run = Run::new();
        }
        run.projects.iter_mut().for_each(|project| check(project, source));
    });
});
