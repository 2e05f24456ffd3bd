//! Types as values (types §5): the predeclared ones, what the operators do with types, `typeof`.

use super::{reflection, type_library};
use crate::bytecode::types::{self as bytecode, Basic};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::{BASE, Library, Literal, TYPE_METAMETHODS, TYPE_METHODS};
use crate::vm::native::{Answer, Args, Flow, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::types::{Report, Shape, TypeRef};
use crate::vm::value::{Value, tag};

/// All that makes types values of the language. Without these libraries alias statements still define values, which then
/// have no operations, and no name is predeclared.
pub static LIBRARIES: [&Library; 6] = [&GLOBALS, &STRING, &TABLE, &METAMETHODS, &METHODS, &type_library::LIBRARY];

static GLOBALS: Library = Library {
    name: BASE,
    global: true,
    natives: &[Native::new("typeof", type_of_value)],
    constants: &[
        ("Nil", Literal::Type(Basic::Nil)),
        ("Boolean", Literal::Type(Basic::Boolean)),
        ("Number", Literal::Type(Basic::Number)),
        ("Integer", Literal::Type(Basic::Integer)),
        ("Float", Literal::Type(Basic::Float)),
        ("String", Literal::Type(Basic::String)),
        ("Table", Literal::Type(Basic::Table)),
        ("Function", Literal::Type(Basic::Function)),
        ("Thread", Literal::Type(Basic::Thread)),
        ("Userdata", Literal::Type(Basic::Userdata)),
        ("Any", Literal::Type(Basic::Any)),
        ("Unknown", Literal::Type(Basic::Unknown)),
        ("Never", Literal::Type(Basic::Never)),
        ("Error", Literal::Type(Basic::Error)),
        ("Type", Literal::Type(Basic::Type)),
        ("boolean", Literal::Type(Basic::Boolean)),
        ("number", Literal::Type(Basic::Number)),
        ("integer", Literal::Type(Basic::Integer)),
        ("float", Literal::Type(Basic::Float)),
        ("any", Literal::Type(Basic::Any)),
        ("unknown", Literal::Type(Basic::Unknown)),
        ("never", Literal::Type(Basic::Never)),
    ],
};

/// `string(x)` and `table(x)`.
static STRING: Library =
    Library { name: "string", global: true, natives: &[Native::new("__call", call_string)], constants: &[] };
static TABLE: Library =
    Library { name: "table", global: true, natives: &[Native::new("__call", call_table)], constants: &[] };

static METAMETHODS: Library = Library {
    name: TYPE_METAMETHODS,
    global: false,
    natives: &[
        Native::new("__call", call),
        Native::new("__index", index),
        Native::new("__lt", less),
        Native::new("__le", less_or_equal),
    ],
    constants: &[],
};

static METHODS: Library = Library { name: TYPE_METHODS, global: false, natives: &reflection::METHODS, constants: &[] };

/// An argument that must be a type.
pub(super) fn argument_type(vm: &mut Vm, args: Args, i: u32) -> Result<TypeRef, Box<LuaError>> {
    match TypeRef::of(args.get(vm, i)) {
        Some(ty) => Ok(ty),
        None => Err(vm.type_error(i, "type", args.try_get(vm, i))),
    }
}

/// The type that a method is called on.
pub(super) fn this(vm: &mut Vm, args: Args) -> Result<TypeRef, Box<LuaError>> {
    argument_type(vm, args, 0)
}

/// The value as a literal, if there are types of such values.
pub(super) fn literal_of(value: Value) -> Option<bytecode::Literal> {
    Some(match value.tag() {
        tag::FALSE | tag::TRUE => bytecode::Literal::Boolean(value.is_true()),
        tag::INT => bytecode::Literal::Integer(value.as_int()),
        tag::FLOAT if !value.as_float().is_nan() => bytecode::Literal::float(value.as_float()),
        tag::STRING => bytecode::Literal::String(string_bytes(value).into()),
        _ => return None,
    })
}

/// The error value of a report.
fn error_value(vm: &mut Vm, report: Report) -> Result<Value, Box<LuaError>> {
    match vm.error_maker() {
        Some(make) => Ok(make(vm, report)),
        None => vm.string(report.message.as_bytes()),
    }
}

/// Answers with the value if it is of the type, or raises.
fn check_value(vm: &mut Vm, ty: TypeRef, value: Value) -> NativeResult {
    match vm.validate(ty, value) {
        Ok(()) => vm.answer(value),
        Err(report) => {
            let error = error_value(vm, *report)?;
            Err(LuaError::new(error))
        }
    }
}

/// `T:is(v)`: the value and nil, or nil and an error.
pub(super) fn is(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = this(vm, args)?;
    let value = args.get(vm, 1);
    match vm.validate(ty, value) {
        Ok(()) if args.len == 2 => {
            // The results take the place of the arguments.
            args.set(vm, 0, value);
            args.set(vm, 1, Value::NIL);
        }
        Ok(()) => vm.push_all(&[value, Value::NIL])?,
        Err(report) => {
            let error = error_value(vm, *report)?;
            vm.push_all(&[Value::NIL, error])?;
        }
    }
    Ok(Flow::Return(2))
}

/// Errors that `T:check(v)` tells unless asked for more.
const CHECK_LIMIT: i64 = 100;

/// `T:check(v [, limit])`: true, or false and a list of errors.
pub(super) fn check(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = this(vm, args)?;
    let value = args.get(vm, 1);
    let limit = args.opt_int(vm, 2, CHECK_LIMIT)?;
    let Err(reports) = vm.validate_all(ty, value, usize::try_from(limit).unwrap_or(0)) else {
        return vm.answer(Value::TRUE);
    };
    let errors = vm.new_table(reports.len() as u32, 0);
    for (place, report) in (1..).zip(reports) {
        let error = error_value(vm, report)?;
        vm.raw_set_int(errors, place, error)?;
    }
    vm.push_all(&[Value::FALSE, Value::table(errors)])?;
    Ok(Flow::Return(2))
}

/// The first of the two.
pub(super) fn is_quick(vm: &mut Vm, args: &[Value]) -> Answer {
    let (Some(ty), value) = (args.first().copied().and_then(TypeRef::of), args.get(1).copied().unwrap_or(Value::NIL))
    else {
        return Answer::NONE;
    };
    Answer::from(if vm.is_of_type(ty, value) { value } else { Value::NIL })
}

// ---- operators

/// `T(v)`, or `T(A, B)` for a generic type.
fn call(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = this(vm, args)?;
    match ty.shape {
        Shape::Generic(_) => instantiate(vm, ty, args),
        _ => {
            let value = args.get(vm, 1);
            check_value(vm, ty, value)
        }
    }
}

fn instantiate(vm: &mut Vm, ty: TypeRef, args: Args) -> NativeResult {
    let Shape::Generic(declaration) = &ty.shape else { return vm.answer(Value::NIL) };
    let name = declaration.alias().name.clone();
    let wanted = declaration.alias().params.len();
    let mut types = Vec::with_capacity(wanted);
    for i in 1..args.len {
        let argument = args.get(vm, i);
        let Some(argument) = TypeRef::of(argument) else {
            let got = vm.type_name_of(argument);
            return Err(vm.error(&format!("bad argument #{i} to '{name}' (type expected, got {got})")));
        };
        types.push(argument);
    }
    let made = if types.len() > wanted { None } else { declaration.instance(&vm.image.types, &types) };
    let Some(made) = made else {
        let plural = if wanted == 1 { "" } else { "s" };
        return Err(vm.error(&format!("'{name}' takes {wanted} type argument{plural}, got {}", types.len())));
    };
    for (place, argument) in types.iter().enumerate() {
        if let Some(constraint) = declaration.constraint(&vm.image.types, place, &types)
            && !vm.image.types.is_subtype(*argument, constraint)
        {
            let [argument, constraint] =
                [argument.text(), constraint.text()].map(|text| String::from_utf8_lossy(&text).into_owned());
            let param = &declaration.alias().params[place].name;
            return Err(vm.error(&format!("{argument} does not satisfy constraint {constraint} of '{param}'")));
        }
    }
    vm.answer(made.value())
}

/// `T.k`: the type of a field, or a method.
fn index(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = this(vm, args)?;
    let key = args.get(vm, 1);
    if key.is_string()
        && let Shape::Table(table) = &vm.image.types.structure(ty).shape
        && let Some(field) = table.fields.iter().find(|field| field.name() == string_bytes(key))
    {
        return vm.answer(field.ty.value());
    }
    let methods = vm.image.type_methods;
    let method = if methods.is_null() { Value::NIL } else { vm.raw_get(methods, key) };
    vm.answer(method)
}

fn less(vm: &mut Vm, args: Args) -> NativeResult {
    order(vm, args, |vm, a, b| a.identity() != b.identity() && vm.image.types.is_subtype(a, b))
}

fn less_or_equal(vm: &mut Vm, args: Args) -> NativeResult {
    order(vm, args, |vm, a, b| vm.image.types.is_subtype(a, b))
}

fn order(vm: &mut Vm, args: Args, decide: fn(&Vm, TypeRef, TypeRef) -> bool) -> NativeResult {
    let (a, b) = (args.get(vm, 0), args.get(vm, 1));
    match (TypeRef::of(a), TypeRef::of(b)) {
        (Some(a), Some(b)) => {
            let holds = decide(vm, a, b);
            vm.answer(Value::bool(holds))
        }
        _ => {
            let (a, b) = (vm.type_name_of(a), vm.type_name_of(b));
            Err(vm.error(&format!("attempt to compare {a} with {b}")))
        }
    }
}

fn call_string(vm: &mut Vm, args: Args) -> NativeResult {
    let (ty, value) = (vm.image.types.basic(Basic::String), args.get(vm, 1));
    check_value(vm, ty, value)
}

fn call_table(vm: &mut Vm, args: Args) -> NativeResult {
    let (ty, value) = (vm.image.types.basic(Basic::Table), args.get(vm, 1));
    check_value(vm, ty, value)
}

// ---- typeof

/// `typeof(x)`: the declared type if the call asks for one, otherwise that of the value.
fn type_of_value(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 0)?;
    if let Some(asked) = vm.asked_type() {
        return vm.answer(asked);
    }
    let basic = match value.tag() {
        tag::NIL => Basic::Nil,
        tag::FALSE | tag::TRUE => Basic::Boolean,
        tag::INT | tag::FLOAT => Basic::Number,
        tag::STRING => Basic::String,
        tag::TABLE => Basic::Table,
        tag::THREAD => Basic::Thread,
        tag::TYPE => Basic::Type,
        _ if value.is_function() => Basic::Function,
        _ => match vm.class_of(value) {
            Some(class) if class == Basic::Error.name() => Basic::Error,
            Some(class) => {
                let ty = vm.image.types.opaque(class);
                return vm.answer(ty.value());
            }
            None => Basic::Userdata,
        },
    };
    let ty = vm.image.types.basic(basic);
    vm.answer(ty.value())
}
