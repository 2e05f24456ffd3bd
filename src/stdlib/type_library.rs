//! The module `types`: types put together while a program runs (types §5.1).

use super::types::{argument_type, literal_of};
use crate::bytecode::Constant;
use crate::bytecode::types::{Basic, Literal, Rule};
use crate::compile::compile;
use crate::syntax::ast::{Ast, StatKind, Type};
use crate::syntax::{SyntaxError, parse};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::types::TypeRef;
use crate::vm::value::{Value, tag};

/// Arguments of one validator.
const MAX_RULE_ARGUMENTS: i64 = 16;

/// The module.
pub static LIBRARY: Library = Library {
    name: "types",
    global: false,
    natives: &[
        Native::new("array", array),
        Native::new("map", map),
        Native::new("record", record),
        Native::new("optional", optional),
        Native::new("union", union),
        Native::new("literal", literal),
        Native::new("with", with),
        Native::new("parse", parse_type),
    ],
    constants: &[],
};

/// The chunk around the text of a type: an alias statement, in a line of its own the value.
const BEFORE: &str = "type parsed = ";
const AFTER: &str = "\nreturn parsed";

fn answer(vm: &mut Vm, ty: TypeRef) -> NativeResult {
    vm.answer(ty.value())
}

/// `types.array(T)`
fn array(vm: &mut Vm, args: Args) -> NativeResult {
    let item = argument_type(vm, args, 0)?;
    let ty = vm.image.types.array(item);
    answer(vm, ty)
}

/// `types.map(K, V)`
fn map(vm: &mut Vm, args: Args) -> NativeResult {
    let (key, value) = (argument_type(vm, args, 0)?, argument_type(vm, args, 1)?);
    let ty = vm.image.types.map(key, value);
    answer(vm, ty)
}

/// `types.record{name = T, …}`: fields in the order of their names.
fn record(vm: &mut Vm, args: Args) -> NativeResult {
    let table = args.check_table(vm, 0)?;
    let (mut fields, mut entry) = (Vec::new(), Value::NIL);
    while let Some((key, value)) = vm.raw_next(table, entry)? {
        entry = key;
        let (true, Some(ty)) = (key.is_string(), TypeRef::of(value)) else {
            let (key, value) = (vm.type_name_of(key), vm.type_name_of(value));
            return Err(
                vm.argument_error(0, &format!("names of fields and their types expected, got {key} and {value}"))
            );
        };
        fields.push((string_bytes(key), ty));
    }
    fields.sort_unstable_by_key(|(name, _)| *name);
    let ty = vm.image.types.record(&fields);
    answer(vm, ty)
}

/// `types.optional(T)`
fn optional(vm: &mut Vm, args: Args) -> NativeResult {
    let inner = argument_type(vm, args, 0)?;
    let ty = vm.image.types.optional(inner);
    answer(vm, ty)
}

/// `types.union(A, B, …)`
fn union(vm: &mut Vm, args: Args) -> NativeResult {
    let members = (0..args.len).map(|i| argument_type(vm, args, i)).collect::<Result<_, _>>()?;
    let ty = vm.image.types.union(members);
    answer(vm, ty)
}

/// `types.literal(v)`: of a string, a number, a boolean or nil.
fn literal(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 0)?;
    let ty = match literal_of(value) {
        Some(literal) => vm.image.types.literal(literal),
        None if value.is_nil() => vm.image.types.basic(Basic::Nil),
        None => return Err(vm.type_error(0, "string, number or boolean", Some(value))),
    };
    answer(vm, ty)
}

/// The arguments of a validator: none for true, several in a table.
fn rule_arguments(vm: &mut Vm, value: Value) -> Vec<Option<Literal>> {
    if value.tag() == tag::TRUE {
        return Vec::new();
    }
    if !value.is_table() {
        return vec![literal_of(value)];
    }
    let items = vm.raw_len(value.as_table()).min(MAX_RULE_ARGUMENTS);
    (1..=items).map(|i| literal_of(vm.raw_get_int(value.as_table(), i))).collect()
}

/// `types.with(T, {min = 0, …})`: a type with validators. One without argument is written `closed = true`, one with several
/// `between = {1, 2}`.
fn with(vm: &mut Vm, args: Args) -> NativeResult {
    let mut ty = argument_type(vm, args, 0)?;
    let table = args.check_table(vm, 1)?;
    let (mut rules, mut entry) = (Vec::new(), Value::NIL);
    while let Some((key, value)) = vm.raw_next(table, entry)? {
        entry = key;
        let name = if key.is_string() { string_bytes(key) } else { b"?" };
        match Rule::new(&String::from_utf8_lossy(name), &rule_arguments(vm, value)) {
            Ok(rule) => rules.push(rule),
            Err(message) => return Err(vm.argument_error(1, &message)),
        }
    }
    rules.sort_unstable_by_key(Rule::name);
    for rule in rules {
        ty = vm.image.types.validated(ty, &rule);
    }
    answer(vm, ty)
}

/// `types.parse(text)`: the type, or nil and what is wrong with the text. It knows the predeclared names only.
fn parse_type(vm: &mut Vm, args: Args) -> NativeResult {
    let text = args.check_bytes(vm, 0)?;
    match parsed(vm, text) {
        Ok(ty) => answer(vm, ty),
        Err(message) => {
            let message = vm.string(message.as_bytes())?;
            vm.push_all(&[Value::NIL, message])?;
            Ok(Flow::Return(2))
        }
    }
}

fn parsed(vm: &Vm, text: &[u8]) -> Result<TypeRef, String> {
    let source = [BEFORE.as_bytes(), text, AFTER.as_bytes()].concat();
    let told = |error: SyntaxError| {
        let beyond = error.span.start as usize >= BEFORE.len() + text.len();
        if beyond { format!("{} near <eof>", error.message) } else { error.message_with_token() }
    };
    let ast = parse(&source).map_err(told)?;
    let end = BEFORE.len() + text.len() + AFTER.len();
    // The text of a type is one alias statement, after which comes what stands after it.
    let [alias, last] = ast.block.stats.as_slice() else { return Err("one type expected".to_owned()) };
    let whole = last.span.start as usize == end - AFTER.trim_start().len();
    if !whole || !matches!(alias.kind, StatKind::Alias(_)) {
        return Err("one type expected".to_owned());
    }
    if let Some(unknown) = unknown_name(&ast) {
        return Err(format!("unknown type '{unknown}'"));
    }
    let proto = compile(&ast, b"=types.parse").map_err(told)?;
    let node = proto.constants.iter().find_map(|constant| match constant {
        Constant::Type(node) => Some(node),
        _ => None,
    });
    match (node, &proto.types) {
        (Some(node), Some(table)) => Ok(vm.image.types.unnamed((**table).clone(), *node)),
        _ => Err("one type expected".to_owned()),
    }
}

/// A name in a type that is neither predeclared nor a type parameter.
fn unknown_name(ast: &Ast) -> Option<String> {
    let parameters: Vec<_> = ast
        .types()
        .filter_map(|ty| if let Type::FunctionType { type_params, .. } = ty { Some(type_params) } else { None })
        .flatten()
        .map(|param| param.name.name)
        .collect();
    ast.types().find_map(|ty| match ty {
        Type::Typeof(_) => Some("typeof".to_owned()),
        Type::Name { path, .. } => match path.as_slice() {
            [only] if parameters.contains(&only.name) || Basic::named(ast.text(only.name)).is_some() => None,
            names => Some(names.iter().map(|name| ast.text(name.name)).collect::<Vec<_>>().join(".")),
        },
        _ => None,
    })
}
