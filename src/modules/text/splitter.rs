//! Splitters as programs see them.

use std::sync::Arc;

use super::charge;
use super::markdown::{Style, markdown_pieces};
use super::pieces::{Cut, pieces};
use crate::modules::fields::{self, Fields, invalid};
use crate::modules::succeed;
use crate::runtime::data::Data;
use crate::runtime::errors::ErrorData;
use crate::runtime::module::object::{Object, check, new_object};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

pub(super) static LIBRARY: Library = Library {
    name: "text.splitter",
    global: false,
    natives: &[
        Native::new("recursive", |vm, args| new(vm, args, recursive)),
        Native::new("markdown", |vm, args| new(vm, args, markdown)),
    ],
    constants: &[],
};

static SPLITTER: Class = Class {
    name: "text.Splitter",
    methods: &[Native::new("split_text", split_text), Native::new("split_batch", split_batch)],
    metamethods: &[],
};

const SIZE: i64 = 512;
const OVERLAP: i64 = 100;
const SEPARATORS: [&str; 4] = ["\n\n", "\n", " ", ""];

struct Splitter {
    cut: Cut,
    /// For Markdown.
    style: Option<Style>,
}

impl Object for Splitter {
    const IS_PLAIN: bool = true;

    fn class() -> &'static Class {
        &SPLITTER
    }
}

impl Splitter {
    fn split(&self, text: &str) -> Vec<String> {
        match self.style {
            Some(style) => markdown_pieces(text, &self.cut, style),
            None => pieces(text, &self.cut),
        }
    }
}

fn new(vm: &mut Vm, args: Args, make: fn(&mut Vm, Fields) -> Result<Splitter, ErrorData>) -> NativeResult {
    match Fields::of(args.get(vm, 0), "options").and_then(|fields| make(vm, fields)) {
        Ok(splitter) => {
            let splitter = new_object(vm, Arc::new(splitter));
            succeed(vm, splitter)
        }
        Err(error) => fields::fail(vm, error),
    }
}

/// What all splitters are told.
fn cut(vm: &mut Vm, fields: Fields) -> Result<Cut, ErrorData> {
    let size = fields.integer(vm, "chunk_size")?.unwrap_or(SIZE);
    if size < 1 {
        return Err(invalid("chunk_size: must be positive"));
    }
    let default = if size <= OVERLAP { size / 5 } else { OVERLAP };
    let overlap = fields.integer(vm, "chunk_overlap")?.unwrap_or(default);
    if !(0..size).contains(&overlap) {
        return Err(invalid("chunk_overlap: must be smaller than chunk_size, and not negative"));
    }
    let separators = SEPARATORS.map(str::to_owned).to_vec();
    Ok(Cut { size: size as usize, overlap: overlap as usize, separators, keep_separator: false })
}

/// `text.splitter.recursive(options?)`
fn recursive(vm: &mut Vm, fields: Fields) -> Result<Splitter, ErrorData> {
    let mut cut = cut(vm, fields)?;
    cut.keep_separator = fields.boolean(vm, "keep_separator")?;
    if let Some(separators) = fields.list(vm, "separators")? {
        let text = |value: &Value| match std::str::from_utf8(string_bytes(*value)) {
            Ok(text) => Some(text.to_owned()),
            Err(_) => None,
        };
        let separators = separators.iter().map(|value| Some(value).filter(|value| value.is_string()).and_then(text));
        cut.separators =
            separators.collect::<Option<_>>().ok_or_else(|| invalid("separators: must be strings of UTF-8"))?;
    }
    Ok(Splitter { cut, style: None })
}

/// `text.splitter.markdown(options?)`
fn markdown(vm: &mut Vm, fields: Fields) -> Result<Splitter, ErrorData> {
    let style = Style {
        code_blocks: fields.boolean(vm, "code_blocks")?,
        reference_links: fields.boolean(vm, "reference_links")?,
        heading_hierarchy: fields.boolean(vm, "heading_hierarchy")?,
        join_table_rows: fields.boolean(vm, "join_table_rows")?,
    };
    Ok(Splitter { cut: cut(vm, fields)?, style: Some(style) })
}

const NOT_UTF8: &str = "the text must be UTF-8";

/// `splitter:split_text(s)`
fn split_text(vm: &mut Vm, args: Args) -> NativeResult {
    let splitter = check::<Splitter>(vm, args, 0)?;
    let text = args.check_bytes(vm, 1)?;
    charge(vm, text.len());
    let Ok(text) = std::str::from_utf8(text) else { return fields::fail(vm, invalid(NOT_UTF8)) };
    let pieces = Data::from(splitter.split(text)).to_value(vm)?;
    succeed(vm, pieces)
}

/// `splitter:split_batch{{content = …, metadata = …}, …}`
fn split_batch(vm: &mut Vm, args: Args) -> NativeResult {
    let splitter = check::<Splitter>(vm, args, 0)?;
    let batch = args.check_table(vm, 1)?;
    let mut found = Vec::new();
    for i in 1..=vm.raw_len(batch) {
        let item = vm.raw_get_int(batch, i);
        if !item.is_table() {
            return fields::fail(vm, invalid(format!("the document at {i} is no table")));
        }
        let content = Fields::of(item, "document").and_then(|fields| fields.text(vm, "content"));
        let Ok(Some(content)) = content else {
            return fields::fail(vm, invalid(format!("the document at {i} has no content that is UTF-8")));
        };
        charge(vm, content.len());
        let metadata = vm.raw_get_name(item.as_table(), "metadata")?;
        let metadata = Data::of(vm, metadata);
        let pieces = splitter.split(&content).into_iter();
        found.extend(pieces.map(|piece| Data::from([("content", piece.into()), ("metadata", metadata.clone())])));
    }
    let found = Data::List(found).to_value(vm)?;
    succeed(vm, found)
}
