//! The methods of type values (types §5.7). Where a question does not apply, the answer is nil or an iterator without
//! items.

use super::schema::schema;
use super::types::{check, is, is_quick, this};
use crate::bytecode::types::{Basic, Literal, Rule};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::types::{Shape, TypeRef};
use crate::vm::value::Value;

pub(super) static METHODS: [Native; 23] = [
    Native::new("is", is).quick_first(is_quick),
    Native::new("check", check),
    Native::new("kind", kind),
    Native::new("name", name),
    Native::new("fields", |vm, args| list(vm, args, List::Fields)),
    Native::new("field", field),
    Native::new("elem", elem),
    Native::new("key", key),
    Native::new("val", val),
    Native::new("inner", inner),
    Native::new("variants", |vm, args| list(vm, args, List::Variants)),
    Native::new("members", |vm, args| list(vm, args, List::Members)),
    Native::new("params", |vm, args| list(vm, args, List::Params)),
    Native::new("ret", ret),
    Native::new("rets", |vm, args| list(vm, args, List::Returns)),
    Native::new("vararg", vararg),
    Native::new("tparams", |vm, args| list(vm, args, List::TypeParams)),
    Native::new("targs", |vm, args| list(vm, args, List::TypeArgs)),
    Native::new("value", value),
    Native::new("validators", |vm, args| list(vm, args, List::Validators)),
    Native::new("readonly", readonly),
    Native::new("source", source),
    Native::new("schema", schema),
];

/// The structure of the type that a method is called on.
fn structure(vm: &mut Vm, args: Args) -> Result<TypeRef, Box<LuaError>> {
    let ty = this(vm, args)?;
    Ok(vm.image.types.structure(ty))
}

fn answer(vm: &mut Vm, ty: Option<TypeRef>) -> NativeResult {
    vm.answer(ty.map_or(Value::NIL, TypeRef::value))
}

fn answer_text(vm: &mut Vm, text: &[u8]) -> NativeResult {
    let text = vm.string(text)?;
    vm.answer(text)
}

fn kind(vm: &mut Vm, args: Args) -> NativeResult {
    let kind = match &structure(vm, args)?.shape {
        Shape::Basic(basic) => basic.name(),
        Shape::Literal(_) => "literal",
        Shape::Array(..) => "array",
        Shape::Table(table) if table.fields.is_empty() && table.indexer.is_some() => "map",
        Shape::Table(_) => "record",
        Shape::Function(_) => "function",
        Shape::Optional(_) => "optional",
        Shape::Union(_) => "union",
        Shape::Intersection(_) => "intersection",
        Shape::Generic(_) => "generic",
        Shape::Opaque(_) => "opaque",
        Shape::Tuple(..) => "tuple",
        Shape::Validated(..) | Shape::Recursive(..) => unreachable!("a structure is neither"),
    };
    answer_text(vm, kind.as_bytes())
}

fn name(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = this(vm, args)?;
    match (&ty.name, &ty.shape) {
        (Some(name), _) => answer_text(vm, name.text.as_bytes()),
        (None, Shape::Basic(basic)) => answer_text(vm, basic.name().as_bytes()),
        _ => vm.answer(Value::NIL),
    }
}

fn field(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = structure(vm, args)?;
    let wanted = args.check_bytes(vm, 1)?;
    if let Shape::Table(table) = &ty.shape
        && let Some(field) = table.fields.iter().find(|field| field.name() == wanted)
    {
        vm.push_all(&[field.ty.value(), Value::bool(field.optional), Value::bool(field.readonly)])?;
        return Ok(Flow::Return(3));
    }
    vm.answer(Value::NIL)
}

fn elem(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = structure(vm, args)?;
    answer(vm, if let Shape::Array(item, _) = &ty.shape { Some(*item) } else { None })
}

fn key(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = structure(vm, args)?;
    answer(vm, if let Shape::Table(table) = &ty.shape { table.indexer.map(|(key, ..)| key) } else { None })
}

fn val(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = structure(vm, args)?;
    answer(vm, if let Shape::Table(table) = &ty.shape { table.indexer.map(|(_, value, _)| value) } else { None })
}

fn inner(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = structure(vm, args)?;
    answer(vm, if let Shape::Optional(inner) = &ty.shape { Some(*inner) } else { None })
}

fn ret(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = structure(vm, args)?;
    let returned = if let Shape::Function(function) = &ty.shape { vm.image.types.returned(function) } else { None };
    answer(vm, returned)
}

fn vararg(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = structure(vm, args)?;
    answer(
        vm,
        match &ty.shape {
            Shape::Function(function) => function.vararg,
            Shape::Tuple(_, more) => *more,
            _ => None,
        },
    )
}

fn value(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = structure(vm, args)?;
    let value = if let Shape::Literal(literal) = &ty.shape { literal_value(vm, literal)? } else { Value::NIL };
    vm.answer(value)
}

pub(super) fn literal_value(vm: &mut Vm, literal: &Literal) -> Result<Value, Box<LuaError>> {
    Ok(match literal {
        Literal::Boolean(b) => Value::bool(*b),
        Literal::Integer(i) => Value::int(*i),
        Literal::Float(bits) => Value::float(f64::from_bits(*bits)),
        Literal::String(bytes) => vm.string(bytes)?,
    })
}

fn readonly(vm: &mut Vm, args: Args) -> NativeResult {
    let readonly = match &structure(vm, args)?.shape {
        Shape::Array(_, readonly) => Value::bool(*readonly),
        Shape::Table(table) => {
            let fields = table.fields.iter().all(|field| field.readonly);
            let indexer = table.indexer.is_none_or(|(.., readonly)| readonly);
            Value::bool(fields && indexer && !(table.fields.is_empty() && table.indexer.is_none()))
        }
        _ => Value::NIL,
    };
    vm.answer(readonly)
}

fn source(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = this(vm, args)?;
    let ty = vm.image.types.expand(ty);
    answer_text(vm, &ty.source())
}

// ---- lists

/// What an iterator goes through.
#[derive(Clone, Copy)]
enum List {
    Fields,
    Variants,
    Members,
    Params,
    Returns,
    TypeParams,
    TypeArgs,
    Validators,
}

impl List {
    const ALL: [List; 8] = [
        List::Fields,
        List::Variants,
        List::Members,
        List::Params,
        List::Returns,
        List::TypeParams,
        List::TypeArgs,
        List::Validators,
    ];
}

/// What an iterator is: a native function that captures the type, the list, and the number of items it gave.
static NEXT: Native = Native::new("next item", next);

fn list(vm: &mut Vm, args: Args, list: List) -> NativeResult {
    let ty = this(vm, args)?;
    let iterator = vm.new_native_closure(&NEXT, &[ty.value(), Value::int(list as i64), Value::int(0)]);
    vm.answer(iterator)
}

fn next(vm: &mut Vm, _: Args) -> NativeResult {
    let (ty, list, place) = (vm.captured(0), vm.captured(1), vm.captured(2).as_int());
    vm.set_captured(2, Value::int(place + 1));
    let ty = TypeRef::of(ty).expect("an iterator captures its type");
    let count = push_item(vm, ty, List::ALL[list.as_int() as usize], place as usize)?;
    if count == 0 { vm.answer(Value::NIL) } else { Ok(Flow::Return(count)) }
}

/// Pushes an item of a list, if there are so many.
fn push_item(vm: &mut Vm, ty: TypeRef, list: List, place: usize) -> Result<u32, Box<LuaError>> {
    let structure = vm.image.types.structure(ty);
    let item = match (list, &structure.shape) {
        (List::Fields, Shape::Table(table)) => {
            let Some(field) = table.fields.get(place) else { return Ok(0) };
            let name = vm.string(field.name())?;
            vm.push_all(&[name, field.ty.value(), Value::bool(field.optional), Value::bool(field.readonly)])?;
            return Ok(4);
        }
        (List::Variants, Shape::Union(members)) => members.get(place).copied(),
        (List::Variants, Shape::Optional(inner)) => match &vm.image.types.structure(*inner).shape {
            Shape::Union(members) => match place.checked_sub(members.len()) {
                None => Some(members[place]),
                Some(0) => Some(vm.image.types.basic(Basic::Nil)),
                Some(_) => None,
            },
            _ => None,
        },
        (List::Members, Shape::Intersection(parts)) => parts.get(place).copied(),
        (List::Params, Shape::Function(function)) => {
            let Some(param) = function.params.get(place) else { return Ok(0) };
            let name = match &param.name {
                Some(name) => vm.string(name.as_bytes())?,
                None => Value::NIL,
            };
            vm.push_all(&[param.ty.value(), name, Value::bool(param.optional)])?;
            return Ok(3);
        }
        (List::Returns, Shape::Function(function)) => function.returns.get(place).copied(),
        (List::Returns, Shape::Tuple(types, _)) => types.get(place).copied(),
        (List::TypeParams, Shape::Generic(declaration)) => {
            let Some(param) = declaration.alias().params.get(place) else { return Ok(0) };
            let name = vm.string(param.name.as_bytes())?;
            let constraint = declaration.constraint(&vm.image.types, place, &[]);
            vm.push_all(&[name, constraint.map_or(Value::NIL, TypeRef::value)])?;
            return Ok(2);
        }
        (List::TypeArgs, _) => ty.name.as_ref().and_then(|name| name.args.get(place)).copied(),
        (List::Validators, _) => return push_rule(vm, ty, place),
        _ => None,
    };
    match item {
        Some(item) => vm.push(item.value()).map(|()| 1),
        None => Ok(0),
    }
}

fn push_rule(vm: &mut Vm, ty: TypeRef, place: usize) -> Result<u32, Box<LuaError>> {
    let Shape::Validated(_, rules) = &vm.image.types.expand(ty).shape else { return Ok(0) };
    let Some(rule) = rules.get(place) else { return Ok(0) };
    let name = vm.string(rule.name().as_bytes())?;
    let argument = match rule {
        Rule::Min(limit) | Rule::Max(limit) => literal_value(vm, limit)?,
        Rule::MinLen(limit) | Rule::MaxLen(limit) => Value::int(*limit as i64),
        Rule::Pattern(text) => vm.string(text.as_bytes())?,
        Rule::Integer | Rule::Closed => return vm.push(name).map(|()| 1),
        Rule::Host(rule) => {
            vm.push(name)?;
            for arg in rule.args() {
                let arg = literal_value(vm, arg)?;
                vm.push(arg)?;
            }
            return Ok(1 + rule.args().len() as u32);
        }
    };
    vm.push_all(&[name, argument])?;
    Ok(2)
}

#[cfg(test)]
mod tests {
    use super::METHODS;
    use crate::types::declared::assert_declares;

    /// No metatable shows them to programs.
    #[test]
    fn the_manifest_declares_all_methods() {
        let functions = ["array", "literal", "map", "optional", "parse", "record", "union", "with"];
        let methods = METHODS.iter().map(|method| method.name).collect();
        assert_declares(include_str!("types.d.lua"), functions, [("type", methods)]);
    }
}
