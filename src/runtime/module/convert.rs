//! Arguments and results of typed functions: Rust values instead of Lua ones.

use std::sync::Arc;

use super::object::{Object, this};
use crate::number::Number;
use crate::runtime::data::Data;
use crate::runtime::errors::ErrorData;
use crate::runtime::task::{Continuation, Results};
use crate::vm::Vm;
use crate::vm::args::userdata_text;
use crate::vm::arith::to_number;
use crate::vm::concat::append_text;
use crate::vm::error::LuaError;
use crate::vm::native::Args;
use crate::vm::value::Value;

/// What a function of a module answers: its results, or the error that its caller gets as second result after nil.
pub type Result<T> = std::result::Result<T, ErrorData>;

/// A Rust type that an argument can be converted to.
pub trait FromArgument: Sized {
    /// What messages call it.
    const EXPECTED: &'static str;

    /// The value, unless it is one of another type. `None` as argument stands for one that is missing.
    fn from_argument(vm: &mut Vm, value: Option<Value>) -> Option<Self>;
}

/// The arguments of a function: a tuple.
pub trait FromArguments: Sized {
    /// Converts the arguments from `first` on.
    ///
    /// # Errors
    /// `bad argument …`
    fn from_arguments(vm: &mut Vm, args: Args, first: u32) -> std::result::Result<Self, Box<LuaError>>;
}

/// A Rust type that becomes a result.
pub trait IntoResult {
    /// The value.
    ///
    /// # Errors
    /// The memory limit.
    fn into_result(self, vm: &mut Vm) -> std::result::Result<Value, Box<LuaError>>;
}

/// The results of a function: one value, or a tuple of them.
pub trait IntoResults {
    /// The values in order.
    ///
    /// # Errors
    /// The memory limit.
    fn into_results(self, vm: &mut Vm) -> Continuation;
}

/// Bytes that need not be text, as argument or result. (A list of numbers is a `Vec<u8>`.)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl FromArgument for bool {
    const EXPECTED: &'static str = "boolean";

    fn from_argument(_: &mut Vm, value: Option<Value>) -> Option<bool> {
        value.filter(|value| value.same(Value::TRUE) || value.same(Value::FALSE)).map(Value::is_true)
    }
}

macro_rules! integer {
    ($($ty:ty)*) => {$(
        impl FromArgument for $ty {
            const EXPECTED: &'static str = "integer";

            fn from_argument(_: &mut Vm, value: Option<Value>) -> Option<$ty> {
                to_number(value?).and_then(Number::to_int).and_then(|i| i.try_into().ok())
            }
        }
    )*};
}

integer!(i8 i16 i32 i64 u8 u16 u32 u64 usize);

impl FromArgument for f64 {
    const EXPECTED: &'static str = "number";

    fn from_argument(_: &mut Vm, value: Option<Value>) -> Option<f64> {
        to_number(value?).map(Number::to_float)
    }
}

impl FromArgument for Bytes {
    const EXPECTED: &'static str = "string";

    fn from_argument(_: &mut Vm, value: Option<Value>) -> Option<Bytes> {
        let value = value?;
        if let Some(text) = userdata_text(value) {
            return Some(Bytes(text.as_bytes().to_vec()));
        }
        let mut bytes = Vec::new();
        append_text(value, &mut bytes).then_some(Bytes(bytes))
    }
}

impl FromArgument for String {
    const EXPECTED: &'static str = "UTF-8 string";

    fn from_argument(vm: &mut Vm, value: Option<Value>) -> Option<String> {
        String::from_utf8(Bytes::from_argument(vm, value)?.0).ok()
    }
}

impl FromArgument for Data {
    const EXPECTED: &'static str = "value";

    fn from_argument(vm: &mut Vm, value: Option<Value>) -> Option<Data> {
        value.map(|value| Data::of(vm, value))
    }
}

impl<T: FromArgument> FromArgument for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_argument(vm: &mut Vm, value: Option<Value>) -> Option<Option<T>> {
        match value {
            None => Some(None),
            Some(value) if value.is_nil() => Some(None),
            value => T::from_argument(vm, value).map(Some),
        }
    }
}

impl<T: FromArgument> FromArgument for Vec<T> {
    const EXPECTED: &'static str = "table";

    fn from_argument(vm: &mut Vm, value: Option<Value>) -> Option<Vec<T>> {
        let table = value.filter(|value| value.is_table())?.as_table();
        (1..=vm.raw_len(table))
            .map(|i| {
                let item = vm.raw_get_int(table, i);
                T::from_argument(vm, Some(item))
            })
            .collect()
    }
}

impl<T: Object> FromArgument for Arc<T> {
    const EXPECTED: &'static str = "object";

    fn from_argument(_: &mut Vm, value: Option<Value>) -> Option<Arc<T>> {
        this(value?)
    }
}

impl<T: Into<Data>> IntoResult for T {
    fn into_result(self, vm: &mut Vm) -> std::result::Result<Value, Box<LuaError>> {
        self.into().to_value(vm)
    }
}

impl<T: IntoResult> IntoResults for T {
    fn into_results(self, vm: &mut Vm) -> Continuation {
        Ok(Results::from_elem(self.into_result(vm)?, 1))
    }
}

macro_rules! tuple {
    ($($name:ident $at:tt),*) => {
        impl<$($name: FromArgument),*> FromArguments for ($($name,)*) {
            #[allow(unused_variables)]
            fn from_arguments(vm: &mut Vm, args: Args, first: u32) -> std::result::Result<Self, Box<LuaError>> {
                Ok(($({
                    let value = args.try_get(vm, first + $at);
                    match $name::from_argument(vm, value) {
                        Some(value) => value,
                        None => return Err(vm.type_error(first + $at, $name::EXPECTED, value)),
                    }
                },)*))
            }
        }
    };
}

tuple!();
tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);

macro_rules! results {
    ($($name:ident),*) => {
        impl<$($name: IntoResult),*> IntoResults for ($($name,)*) {
            #[allow(non_snake_case)]
            fn into_results(self, vm: &mut Vm) -> Continuation {
                let ($($name,)*) = self;
                Ok([$($name.into_result(vm)?),*].into_iter().collect())
            }
        }
    };
}

results!(A, B);
results!(A, B, C);
results!(A, B, C, D);
