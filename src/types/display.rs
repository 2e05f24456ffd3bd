//! Types as text, as programs write them (types §5.8).

use super::ty::{Func, Key, Kind, Literal, Pack, Record, Ty, Types};

/// Types within types are shown to this depth.
const MAX_DEPTH: usize = 6;
/// Members of unions and fields of records that are shown.
const MAX_ITEMS: usize = 12;
/// Bytes of a text for a message.
const MAX_TEXT: usize = 120;
/// Bytes of a string literal that are shown.
const MAX_STRING: usize = 40;

/// How tightly a type must hold together where it stands.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Tight {
    /// Anything.
    No,
    /// A member of a union or intersection.
    Member,
    /// Before a `?`.
    Suffix,
}

impl Types {
    /// The text of a type, without its inner parts if it is long.
    pub fn show(&self, ty: Ty) -> String {
        let mut out = String::new();
        for depth in 0..MAX_DEPTH {
            out.clear();
            self.write(ty, Tight::No, depth, &mut out);
            if out.len() <= MAX_TEXT {
                break;
            }
        }
        out
    }

    /// The text of several values.
    pub fn show_pack(&self, pack: &Pack) -> String {
        let mut out = String::new();
        self.write_pack(pack, 0, &mut out);
        out
    }

    fn write(&self, ty: Ty, tight: Tight, depth: usize, out: &mut String) {
        if depth > MAX_DEPTH {
            out.push('…');
            return;
        }
        let depth = depth + 1;
        match self.kind(ty) {
            Kind::Any => out.push_str("any"),
            Kind::Unknown => out.push_str("unknown"),
            Kind::Never => out.push_str("never"),
            Kind::Nil => out.push_str("nil"),
            Kind::Boolean => out.push_str("boolean"),
            Kind::Number => out.push_str("number"),
            Kind::Integer => out.push_str("integer"),
            Kind::Float => out.push_str("float"),
            Kind::String => out.push_str("string"),
            Kind::Table => out.push_str("table"),
            Kind::Function => out.push_str("function"),
            Kind::Thread => out.push_str("thread"),
            Kind::Userdata => out.push_str("userdata"),
            Kind::Error => out.push_str("error"),
            Kind::Type | Kind::TypeValue(_) | Kind::Generic(_) => out.push_str("type"),
            Kind::Literal(literal) => self.write_literal(*literal, out),
            Kind::Array { elem, readonly } => {
                if *readonly {
                    out.push_str("readonly ");
                }
                out.push('{');
                self.write(*elem, Tight::No, depth, out);
                out.push('}');
            }
            Kind::Record(record) => self.write_record(record, depth, out),
            Kind::Func(func) => {
                let grouped = tight >= Tight::Member;
                out.push_str(if grouped { "(" } else { "" });
                self.write_func(func, depth, out);
                out.push_str(if grouped { ")" } else { "" });
            }
            Kind::Union(parts) => {
                let rest: Vec<Ty> = parts.iter().copied().filter(|part| *part != Ty::NIL).collect();
                let optional = rest.len() < parts.len();
                if let ([one], true) = (&rest[..], optional) {
                    self.write(*one, Tight::Suffix, depth, out);
                    out.push('?');
                    return;
                }
                let grouped = optional || tight >= Tight::Member;
                out.push_str(if grouped { "(" } else { "" });
                self.write_list(&rest, " | ", depth, out);
                out.push_str(if grouped { ")" } else { "" });
                out.push_str(if optional { "?" } else { "" });
            }
            Kind::Intersection(parts) => {
                let grouped = tight >= Tight::Member;
                out.push_str(if grouped { "(" } else { "" });
                self.write_list(parts, " & ", depth, out);
                out.push_str(if grouped { ")" } else { "" });
            }
            Kind::Param(id) => out.push_str(&self.key_text(self.param(*id).name)),
            Kind::Alias(id, args) => {
                out.push_str(&self.alias(*id).name);
                if !args.is_empty() {
                    out.push('<');
                    for (at, arg) in args.iter().enumerate() {
                        out.push_str(if at > 0 { ", " } else { "" });
                        self.write(*arg, Tight::No, depth, out);
                    }
                    out.push('>');
                }
            }
            Kind::Opaque(name, _) => out.push_str(&self.key_text(*name)),
            Kind::Shape(id) => self.write_shape(*id, depth, out),
        }
    }

    fn write_shape(&self, id: super::ty::ShapeId, depth: usize, out: &mut String) {
        let shape = self.shape(id);
        // An instance is called by the name of its class.
        if let Some(Kind::Shape(class)) = shape.metatable.map(|ty| self.kind(ty))
            && let Some(name) = self.shape(*class).name
        {
            out.push_str(&self.key_text(name));
            return;
        }
        match (shape.elem, shape.fields.is_empty() && !shape.open, shape.indexer) {
            (Some(elem), true, None) => {
                out.push('{');
                self.write(self.base_of_literal(elem), Tight::No, depth, out);
                out.push('}');
            }
            (elem, _, indexer) => {
                // What it was made with tells no more than what kind of value it is.
                let fields = shape.fields.iter().map(|field| (field.key, self.base_of_literal(field.ty), "", false));
                let indexer = indexer.or(elem.map(|elem| (Ty::INTEGER, elem)));
                self.write_fields(fields, indexer, depth, out);
            }
        }
    }

    fn write_list(&self, parts: &[Ty], between: &str, depth: usize, out: &mut String) {
        for (at, part) in parts.iter().take(MAX_ITEMS).enumerate() {
            out.push_str(if at > 0 { between } else { "" });
            self.write(*part, Tight::Member, depth, out);
        }
        if parts.len() > MAX_ITEMS {
            out.push_str(between);
            out.push('…');
        }
    }

    fn write_literal(&self, literal: Literal, out: &mut String) {
        match literal {
            Literal::Boolean(value) => out.push_str(if value { "true" } else { "false" }),
            Literal::Integer(value) => out.push_str(&value.to_string()),
            Literal::Float(bits) => out.push_str(&format!("{:?}", f64::from_bits(bits))),
            Literal::String(key) => {
                let bytes = self.key_bytes(key);
                let cut = &bytes[..bytes.len().min(MAX_STRING)];
                out.push('"');
                for c in String::from_utf8_lossy(cut).chars() {
                    match c {
                        '"' | '\\' => out.extend(['\\', c]),
                        '\n' => out.push_str("\\n"),
                        c if c.is_control() => out.push_str(&format!("\\{}", c as u32)),
                        c => out.push(c),
                    }
                }
                out.push_str(if cut.len() < bytes.len() { "…\"" } else { "\"" });
            }
        }
    }

    fn write_record(&self, record: &Record, depth: usize, out: &mut String) {
        let fields = record.fields.iter().map(|field| {
            let before = if field.readonly { "readonly " } else { "" };
            (field.key, field.ty, before, field.optional)
        });
        self.write_fields(fields, record.indexer, depth, out);
    }

    fn write_fields<'a>(
        &self,
        fields: impl Iterator<Item = (Key, Ty, &'a str, bool)>,
        indexer: Option<(Ty, Ty)>,
        depth: usize,
        out: &mut String,
    ) {
        if depth > MAX_DEPTH / 2 {
            out.push_str("{…}");
            return;
        }
        out.push('{');
        let mut first = true;
        let mut comma = |out: &mut String| {
            out.push_str(if first { "" } else { ", " });
            first = false;
        };
        if let Some((key, value)) = indexer {
            comma(out);
            out.push('[');
            self.write(key, Tight::No, depth, out);
            out.push_str("]: ");
            self.write(value, Tight::No, depth, out);
        }
        for (at, (key, ty, before, optional)) in fields.enumerate() {
            comma(out);
            if at == MAX_ITEMS {
                out.push('…');
                break;
            }
            out.push_str(before);
            let name = self.key_text(key);
            let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if plain {
                out.push_str(&name);
            } else {
                out.push('[');
                self.write_literal(Literal::String(key), out);
                out.push(']');
            }
            out.push_str(if optional { "?: " } else { ": " });
            self.write(ty, Tight::No, depth, out);
        }
        out.push('}');
    }

    fn write_func(&self, func: &Func, depth: usize, out: &mut String) {
        if !func.type_params.is_empty() {
            let names: Vec<_> = func.type_params.iter().map(|id| self.key_text(self.param(*id).name)).collect();
            out.push_str(&format!("<{}>", names.join(", ")));
        }
        out.push('(');
        for (at, param) in func.params.iter().enumerate() {
            out.push_str(if at > 0 { ", " } else { "" });
            if let Some(name) = param.name {
                out.push_str(&self.key_text(name));
                out.push_str(": ");
            }
            self.write(param.ty, Tight::No, depth, out);
        }
        if let Some(vararg) = func.vararg {
            out.push_str(if func.params.is_empty() { "..." } else { ", ..." });
            self.write(vararg, Tight::No, depth, out);
        }
        out.push_str(") -> ");
        self.write_pack(&func.ret, depth, out);
    }

    fn write_pack(&self, pack: &Pack, depth: usize, out: &mut String) {
        match (&pack.types[..], pack.tail) {
            ([one], None) => self.write(*one, Tight::No, depth, out),
            ([], Some(tail)) => {
                out.push_str("...");
                self.write(tail, Tight::No, depth, out);
            }
            (types, tail) => {
                out.push('(');
                for (at, ty) in types.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    self.write(*ty, Tight::No, depth, out);
                }
                if let Some(tail) = tail {
                    out.push_str(", ...");
                    self.write(tail, Tight::No, depth, out);
                }
                out.push(')');
            }
        }
    }
}
