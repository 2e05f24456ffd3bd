use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{BinaryError, MAX_NESTING, dump, undump};
use crate::bytecode::disasm::disassemble;
use crate::bytecode::proto::{Constant, Proto};
use crate::bytecode::types::TypeNode;
use crate::compile::compile_source;

/// Bytes before the main function.
const HEAD: usize = 33;

fn compiled(source: &str) -> Arc<Proto> {
    compile_source(source.as_bytes(), b"@test.lua").expect("a correct program")
}

/// The Lua files of a folder of this crate and its subfolders.
fn lua_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("its entries can be listed").path();
        if path.is_dir() {
            lua_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "lua") {
            files.push(path);
        }
    }
}

/// What the corpus of Lua tests and the examples compile to; some of the files are not meant to.
fn corpus() -> Vec<Arc<Proto>> {
    let mut files = Vec::new();
    for folder in ["lua-tests", "examples"] {
        lua_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    let sources = files.iter().map(|file| fs::read(file).expect("a readable file"));
    let corpus: Vec<_> = sources.filter_map(|source| compile_source(&source, b"@corpus").ok()).collect();
    assert!(corpus.len() > 30, "most of the corpus compiles");
    corpus
}

#[test]
fn what_is_dumped_comes_back() {
    for proto in corpus() {
        let again = undump(&dump(&proto, false)).expect("compiled code passes the verifier");
        assert_eq!(*again, *proto);
        assert_eq!(disassemble(&again), disassemble(&proto));
    }
}

#[test]
fn stripping_keeps_the_code() {
    for proto in corpus() {
        let chunk = dump(&proto, true);
        let stripped = undump(&chunk).expect("compiled code passes the verifier");
        assert!(chunk.len() < dump(&proto, false).len());
        assert_eq!(dump(&stripped, true), chunk);
        same_code(&proto, &stripped);
    }
}

fn same_code(proto: &Proto, stripped: &Proto) {
    assert_eq!((&stripped.code, &stripped.constants), (&proto.code, &proto.constants));
    assert_eq!((stripped.line_defined, stripped.last_line), (proto.line_defined, proto.last_line));
    assert_eq!(&*stripped.source, b"=?");
    assert!(stripped.lines.is_empty() && stripped.locals.is_empty());
    assert_eq!(stripped.captures.len(), proto.captures.len());
    assert!(stripped.captures.iter().all(|capture| capture.name.is_empty()));
    for (nested, stripped) in proto.protos.iter().zip(&stripped.protos) {
        same_code(nested, stripped);
    }
}

#[test]
fn every_kind_of_constant_comes_back() {
    let mut proto = (*compiled("return 1")).clone();
    proto.constants = [
        vec![Constant::Nil, Constant::Boolean(false), Constant::Boolean(true)],
        vec![0.0, -0.0, 1.5, f64::INFINITY, f64::NAN].into_iter().map(Constant::Float).collect(),
        vec![0, -1, 1, 63, 64, -64, -65, i64::MAX, i64::MIN].into_iter().map(Constant::Integer).collect(),
        vec![vec![], b"a\0b\xff".to_vec(), vec![b'x'; 300]].into_iter().map(|s| Constant::String(s.into())).collect(),
    ]
    .concat()
    .into();
    assert_eq!(undump(&dump(&proto, false)).expect("constants are free").constants, proto.constants);
}

/// A chunk with every kind of type, validator and literal.
const TYPES: &str = r#"
    type Shape = {kind: "sq", ["odd key"]?: number, readonly r: 1 | -2.5 | true | false} | {[string]: Shape}
    type Box<T: number = integer, U = T> = {value: T, more: {U}?}
    type F = <T>(a: T, b?: string, ...any) -> (boolean, ...integer)
    type G = ((unknown) -> ...error) & function
    type V = readonly {number @min(1) @max(2.5) @integer} @min_len(1) @max_len(9)
    type P = string @pattern("^a+$")
    type O = userdata @opaque("file") | {x: thread} @closed
    return Shape, Box, F, G, V, P, O, function() return Shape end
"#;

#[test]
fn types_come_back() {
    let proto = compiled(TYPES);
    let types = proto.types.as_ref().expect("the chunk uses its types");
    assert!(types.aliases.len() == 7 && types.is_sound());
    for strip in [false, true] {
        let again = undump(&dump(&proto, strip)).expect("what was dumped can be read");
        assert_eq!(again.types, proto.types);
        assert!(Arc::ptr_eq(
            again.types.as_ref().expect("as above"),
            again.protos[0].types.as_ref().expect("as above")
        ));
        assert_eq!(again.constants, proto.constants);
    }
    let nested = undump(&dump(&proto.protos[0], false)).expect("a nested function takes its types along");
    assert_eq!(nested.types, proto.types);
}

#[test]
fn types_that_lead_nowhere_are_refused() {
    let proto = compiled("type T = {T} return T");
    let mut types = proto.types.as_deref().expect("the chunk uses its types").clone();
    for node in [TypeNode::Array(9), TypeNode::Array(0), TypeNode::Alias { alias: 1, args: Box::default() }] {
        types.nodes[0] = node;
        let changed = Proto { types: Some(Arc::new(types.clone())), ..(*proto).clone() };
        assert_eq!(undump(&dump(&changed, false)), Err(BinaryError::Corrupted));
    }
    let constants = [Constant::Type(7)].into();
    let rejected = undump(&dump(&Proto { constants, ..(*proto).clone() }, false)).expect_err("there is no such type");
    assert!(rejected.to_string().contains("type out of range"), "{rejected}");
}

#[test]
fn a_chunk_cut_anywhere_is_truncated() {
    let source = "local a, b = 1, 'two' local function f(...) a = a + 2.5 return b, function() return a, ... end end
        for i = 1, 10 do f(i) end return f";
    let sources = [source.replace("a, ... end", "a end"), TYPES.to_owned()];
    for (source, strip) in sources.iter().flat_map(|source| [(source, false), (source, true)]) {
        let chunk = dump(&compiled(source), strip);
        for len in 0..chunk.len() {
            assert_eq!(undump(&chunk[..len]), Err(BinaryError::Truncated), "{len} of {} bytes", chunk.len());
        }
        assert!(undump(&[&chunk[..], b"whatever follows"].concat()).is_ok());
    }
}

#[test]
fn every_byte_of_the_head_counts() {
    use BinaryError::{Corrupted, Mismatch, Signature};
    let chunk = dump(&compiled("return 1"), false);
    let expected = [
        (0..4, Signature),
        (4..5, Mismatch("version")),
        (5..6, Mismatch("format")),
        (6..12, Corrupted),
        (12..13, Mismatch("int size")),
        (13..14, Mismatch("size_t size")),
        (14..15, Mismatch("Instruction size")),
        (15..17, Mismatch("number size")),
        (17..25, Mismatch("endianness")),
        (25..HEAD, Mismatch("instruction set")),
    ];
    for (place, error) in expected.into_iter().flat_map(|(range, error)| range.map(move |place| (place, error.clone())))
    {
        let mut changed = chunk.clone();
        changed[place] ^= 1;
        assert_eq!(undump(&changed), Err(error), "byte {place}");
    }
}

#[test]
fn hints_are_not_dumped_but_flags_are() {
    let proto = compiled("local t = {} t.x = 1 + t.y");
    let chunk = dump(&proto, false);
    for i in proto.code.iter().filter(|i| !i.op.has_flag() && !i.op.counts_live()) {
        i.set_x(77);
    }
    assert_eq!(dump(&proto, false), chunk);
    for i in proto.code.iter().filter(|i| i.op.has_flag()) {
        i.set_x(i.x() ^ 1);
    }
    assert_ne!(dump(&proto, false), chunk);
}

#[test]
fn numbers_have_one_form_and_fit() {
    let chunk = dump(&compiled("return 1"), true);
    let with_source = |bytes: &[u8]| [&chunk[..HEAD], bytes, &chunk[HEAD + 1..]].concat();
    assert!(undump(&with_source(&[0])).is_ok());
    // 2^64, which has ten bytes as 2^64 - 1 has.
    let too_large = [&[0x80; 9][..], &[2]].concat();
    assert_eq!(undump(&with_source(&too_large)), Err(BinaryError::Corrupted));
    assert_eq!(undump(&with_source(&[0xff; 11])), Err(BinaryError::Corrupted));
    // A source longer than the chunk, and a line beyond 32 bits.
    let largest = [&[0xff; 9][..], &[1]].concat();
    assert_eq!(undump(&with_source(&largest)), Err(BinaryError::Truncated));
    assert_eq!(undump(&with_source(&[0, 0xff, 0xff, 0xff, 0xff, 0x10])), Err(BinaryError::Corrupted));
}

#[test]
fn functions_nest_only_so_deep() {
    let nested = |levels: usize| {
        let leaf = compiled("return 1");
        (0..levels).fold(leaf.clone(), |inner, _| Arc::new(Proto { protos: Box::from([inner]), ..(*leaf).clone() }))
    };
    assert!(undump(&dump(&nested(MAX_NESTING), true)).is_ok());
    assert_eq!(undump(&dump(&nested(MAX_NESTING + 1), true)), Err(BinaryError::Corrupted));
}

#[test]
fn messages_name_the_chunk() {
    let message = |name: &[u8]| String::from_utf8(BinaryError::Truncated.message(name)).expect("ASCII");
    assert_eq!(message(b"=name"), "name: truncated precompiled chunk");
    assert_eq!(message(b"@file"), "file: truncated precompiled chunk");
    assert_eq!(message(b"plain"), "plain: truncated precompiled chunk");
    assert_eq!(message(b"\x1bLua"), "binary string: truncated precompiled chunk");
}
