//! Types as text that, parsed again, gives an equal type (types §5.8).

use super::{FunctionShape, Shape, TableShape, TypeRef};
use crate::bytecode::types::{Literal, Rule};

/// Types nested deeper than this are `{...}`, and arguments `<...>`.
const MAX_DEPTH: usize = 8;

/// Bytes after which a text is cut off: types may share parts, so that their text is longer than they are.
const MAX_LEN: usize = 1 << 16;

/// What stands around a type and decides whether it needs parentheses.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Around {
    Nothing,
    Union,
    Intersection,
    /// A suffix: `?` or a validator.
    Suffix,
}

impl TypeRef {
    /// The name, or the text of the structure if it has none.
    pub fn text(self) -> Vec<u8> {
        let mut out = Vec::new();
        write(self, Around::Nothing, 0, &mut out);
        cut(out)
    }

    /// The text of the structure, in which other types appear by name.
    pub fn source(self) -> Vec<u8> {
        let mut out = Vec::new();
        write_shape(self, Around::Nothing, 0, &mut out);
        cut(out)
    }
}

fn cut(mut out: Vec<u8>) -> Vec<u8> {
    if out.len() > MAX_LEN {
        out.truncate(MAX_LEN);
        out.extend_from_slice(b"...");
    }
    out
}

fn write(ty: TypeRef, around: Around, depth: usize, out: &mut Vec<u8>) {
    let Some(name) = &ty.name else { return write_shape(ty, around, depth, out) };
    out.extend_from_slice(name.text.as_bytes());
    if !name.args.is_empty() {
        if depth > MAX_DEPTH {
            return out.extend_from_slice(b"<...>");
        }
        out.push(b'<');
        write_list(&name.args, b", ", Around::Nothing, depth + 1, out);
        out.push(b'>');
    }
}

fn write_list(types: &[TypeRef], separator: &[u8], around: Around, depth: usize, out: &mut Vec<u8>) {
    for (place, ty) in types.iter().enumerate() {
        if place > 0 {
            out.extend_from_slice(separator);
        }
        write(*ty, around, depth, out);
    }
}

fn write_shape(ty: TypeRef, around: Around, depth: usize, out: &mut Vec<u8>) {
    if depth > MAX_DEPTH || out.len() > MAX_LEN {
        return out.extend_from_slice(b"{...}");
    }
    let needs_parentheses = match &ty.shape {
        Shape::Function(_) => around > Around::Nothing,
        Shape::Union(_) => around > Around::Union,
        Shape::Intersection(_) => around > Around::Intersection,
        _ => false,
    };
    if needs_parentheses {
        out.push(b'(');
    }
    match &ty.shape {
        Shape::Basic(basic) => out.extend_from_slice(basic.name().as_bytes()),
        Shape::Literal(literal) => write_literal(literal, out),
        Shape::Array(item, readonly) => {
            out.extend_from_slice(if *readonly { b"readonly {" } else { b"{" });
            write(*item, Around::Nothing, depth + 1, out);
            out.push(b'}');
        }
        Shape::Table(table) => write_table(table, depth, out),
        Shape::Function(function) => write_function(function, depth, out),
        Shape::Optional(inner) => {
            write(*inner, Around::Suffix, depth, out);
            out.push(b'?');
        }
        Shape::Union(members) => write_list(members, b" | ", Around::Union, depth + 1, out),
        Shape::Intersection(parts) => write_list(parts, b" & ", Around::Intersection, depth + 1, out),
        Shape::Validated(inner, rules) => {
            write(*inner, Around::Suffix, depth, out);
            for rule in rules {
                out.push(b' ');
                write_rule(rule, out);
            }
        }
        // Without its name, which only an alias of it can take away, there is no text that would be parsed again.
        Shape::Recursive(declaration, _) | Shape::Generic(declaration) => {
            out.extend_from_slice(declaration.alias().name.as_bytes());
        }
        Shape::Opaque(class) => {
            out.extend_from_slice(b"userdata @opaque(");
            write_string(class.as_bytes(), out);
            out.push(b')');
        }
        Shape::Tuple(types, more) => {
            out.push(b'(');
            write_list(types, b", ", Around::Nothing, depth + 1, out);
            write_more(*more, !types.is_empty(), depth, out);
            out.push(b')');
        }
    }
    if needs_parentheses {
        out.push(b')');
    }
}

fn write_table(table: &TableShape, depth: usize, out: &mut Vec<u8>) {
    // A readonly indexer says so before the whole; the fields of such a table are readonly too.
    let readonly = table.indexer.is_some_and(|(_, _, readonly)| readonly);
    out.extend_from_slice(if readonly { b"readonly {" } else { b"{" });
    for (place, field) in table.fields.iter().enumerate() {
        if place > 0 {
            out.extend_from_slice(b", ");
        }
        if field.readonly && !readonly {
            out.extend_from_slice(b"readonly ");
        }
        if is_name(field.name()) {
            out.extend_from_slice(field.name());
        } else {
            out.push(b'[');
            write_string(field.name(), out);
            out.push(b']');
        }
        out.extend_from_slice(if field.optional { b"?: " } else { b": " });
        write(field.ty, Around::Nothing, depth + 1, out);
    }
    if let Some((key, value, _)) = table.indexer {
        if !table.fields.is_empty() {
            out.extend_from_slice(b", ");
        }
        // A string alone between the brackets would be the name of a field.
        let is_string = key.name.is_none() && matches!(key.shape, Shape::Literal(Literal::String(_)));
        out.extend_from_slice(if is_string { b"[(" } else { b"[" });
        write(key, Around::Nothing, depth + 1, out);
        out.extend_from_slice(if is_string { b")]: " } else { b"]: " });
        write(value, Around::Nothing, depth + 1, out);
    }
    out.push(b'}');
}

fn write_function(function: &FunctionShape, depth: usize, out: &mut Vec<u8>) {
    out.push(b'(');
    for (place, param) in function.params.iter().enumerate() {
        if place > 0 {
            out.extend_from_slice(b", ");
        }
        if let Some(name) = &param.name {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(if param.optional { b"?: " } else { b": " });
        }
        write(param.ty, Around::Nothing, depth + 1, out);
    }
    write_more(function.vararg, !function.params.is_empty(), depth, out);
    out.extend_from_slice(b") -> ");
    match (&*function.returns, function.more) {
        ([only], None) => write(*only, Around::Nothing, depth + 1, out),
        ([], Some(_)) => write_more(function.more, false, depth, out),
        (returns, more) => {
            out.push(b'(');
            write_list(returns, b", ", Around::Nothing, depth + 1, out);
            write_more(more, !returns.is_empty(), depth, out);
            out.push(b')');
        }
    }
}

fn write_more(more: Option<TypeRef>, follows: bool, depth: usize, out: &mut Vec<u8>) {
    if let Some(more) = more {
        out.extend_from_slice(if follows { b", ..." } else { b"..." });
        write(more, Around::Nothing, depth + 1, out);
    }
}

/// Whether a field needs no quotes.
pub(super) fn is_name(bytes: &[u8]) -> bool {
    const RESERVED: [&str; 22] = [
        "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
        "not", "or", "repeat", "return", "then", "true", "until", "while",
    ];
    let letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    bytes.first().is_some_and(letter)
        && bytes.iter().all(|byte| letter(byte) || byte.is_ascii_digit())
        && !RESERVED.iter().any(|word| word.as_bytes() == bytes)
}

/// A string with quotes and Lua's escapes.
pub(super) fn write_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' | '\\' => out.extend_from_slice(&[b'\\', letter as u8]),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                letter if letter.is_ascii_control() => {
                    out.extend_from_slice(format!("\\{:03}", letter as u32).as_bytes());
                }
                letter => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("\\{byte:03}").as_bytes());
        }
    }
    out.push(b'"');
}

/// A literal as a program writes it.
pub(super) fn write_literal(literal: &Literal, out: &mut Vec<u8>) {
    match literal {
        Literal::Boolean(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Literal::Integer(value) => out.extend_from_slice(value.to_string().as_bytes()),
        // The shortest text that gives the same float, and no integer.
        Literal::Float(bits) => out.extend_from_slice(format!("{:?}", f64::from_bits(*bits)).as_bytes()),
        Literal::String(bytes) => write_string(bytes, out),
    }
}

pub(super) fn write_rule(rule: &Rule, out: &mut Vec<u8>) {
    out.push(b'@');
    out.extend_from_slice(rule.name().as_bytes());
    match rule {
        Rule::Min(limit) | Rule::Max(limit) => {
            out.push(b'(');
            write_literal(limit, out);
            out.push(b')');
        }
        Rule::MinLen(limit) | Rule::MaxLen(limit) => out.extend_from_slice(format!("({limit})").as_bytes()),
        Rule::Pattern(text) => {
            out.push(b'(');
            write_string(text.as_bytes(), out);
            out.push(b')');
        }
        Rule::Integer | Rule::Closed => {}
        Rule::Host(rule) => {
            for (place, arg) in rule.args().iter().enumerate() {
                out.extend_from_slice(if place == 0 { b"(" } else { b", " });
                write_literal(arg, out);
            }
            if !rule.args().is_empty() {
                out.push(b')');
            }
        }
    }
}
