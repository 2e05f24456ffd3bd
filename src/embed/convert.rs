//! Conversion between Rust and Lua values.

use std::ops::{Deref, DerefMut};

use super::Lua;
use super::error::{Error, Result};
use super::handle::{Function, LuaString, Table, Value};
use super::types::Type;
use crate::vm::arith::to_number;

/// A Rust type that becomes a Lua value.
pub trait IntoLua: Sized {
    /// The value.
    ///
    /// # Errors
    /// [`Error::Memory`] past the memory limit.
    fn into_lua(self, lua: &Lua) -> Result<Value>;
}

/// A Rust type that a Lua value may be converted to.
pub trait FromLua: Sized {
    /// Converts the value.
    ///
    /// # Errors
    /// [`Error::Conversion`]
    fn from_lua(value: Value, lua: &Lua) -> Result<Self>;
}

/// A Rust type that becomes a list of Lua values: a single value, a tuple, a [`Variadic`].
pub trait IntoLuaMulti: Sized {
    /// The values.
    ///
    /// # Errors
    /// As for [`IntoLua::into_lua`].
    fn into_lua_multi(self, lua: &Lua) -> Result<MultiValue>;
}

/// A Rust type that a list of Lua values may be converted to. Missing values count as nil, further ones are dropped.
pub trait FromLuaMulti: Sized {
    /// Converts the values.
    ///
    /// # Errors
    /// [`Error::Conversion`]
    fn from_lua_multi(values: MultiValue, lua: &Lua) -> Result<Self>;
}

/// Any number of values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MultiValue(Vec<Value>);

impl Deref for MultiValue {
    type Target = Vec<Value>;

    fn deref(&self) -> &Vec<Value> {
        &self.0
    }
}

impl FromIterator<Value> for MultiValue {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> MultiValue {
        MultiValue(values.into_iter().collect())
    }
}

impl IntoIterator for MultiValue {
    type Item = Value;
    type IntoIter = std::vec::IntoIter<Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Any number of values of one Rust type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variadic<T>(pub Vec<T>);

impl<T> Deref for Variadic<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T> DerefMut for Variadic<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

fn mismatch<T>(value: &Value) -> Error {
    Error::Conversion { from: value.type_name(), to: std::any::type_name::<T>() }
}

// ---- single values

impl IntoLua for Value {
    fn into_lua(self, _: &Lua) -> Result<Value> {
        Ok(self)
    }
}

impl FromLua for Value {
    fn from_lua(value: Value, _: &Lua) -> Result<Value> {
        Ok(value)
    }
}

macro_rules! handle {
    ($($ty:ident $variant:ident),*) => {$(
        impl IntoLua for $ty {
            fn into_lua(self, _: &Lua) -> Result<Value> {
                Ok(Value::$variant(self))
            }
        }

        impl IntoLua for &$ty {
            fn into_lua(self, _: &Lua) -> Result<Value> {
                Ok(Value::$variant(self.clone()))
            }
        }

        impl FromLua for $ty {
            fn from_lua(value: Value, _: &Lua) -> Result<$ty> {
                match value {
                    Value::$variant(handle) => Ok(handle),
                    other => Err(mismatch::<$ty>(&other)),
                }
            }
        }
    )*};
}

handle!(LuaString String, Table Table, Function Function, Type Type);

impl IntoLua for bool {
    fn into_lua(self, _: &Lua) -> Result<Value> {
        Ok(Value::Boolean(self))
    }
}

impl FromLua for bool {
    /// The truth of any value.
    fn from_lua(value: Value, _: &Lua) -> Result<bool> {
        Ok(!matches!(value, Value::Nil | Value::Boolean(false)))
    }
}

macro_rules! integer {
    ($($ty:ident),*) => {$(
        impl IntoLua for $ty {
            /// An integer; a float if it does not fit 64 bits.
            fn into_lua(self, _: &Lua) -> Result<Value> {
                Ok(i64::try_from(self).map_or(Value::Number(self as f64), Value::Integer))
            }
        }

        impl FromLua for $ty {
            /// Integers, floats with an integer value, and strings that read as such, in range.
            fn from_lua(value: Value, lua: &Lua) -> Result<$ty> {
                let integer = to_number(lua.unwrap(&value)).and_then(crate::number::Number::to_int);
                integer.and_then(|i| $ty::try_from(i).ok()).ok_or_else(|| mismatch::<$ty>(&value))
            }
        }
    )*};
}

integer!(i8, i16, i32, i64, u8, u16, u32, u64, usize, isize);

macro_rules! float {
    ($($ty:ident),*) => {$(
        impl IntoLua for $ty {
            fn into_lua(self, _: &Lua) -> Result<Value> {
                Ok(Value::Number(f64::from(self)))
            }
        }

        impl FromLua for $ty {
            fn from_lua(value: Value, lua: &Lua) -> Result<$ty> {
                let number = to_number(lua.unwrap(&value)).ok_or_else(|| mismatch::<$ty>(&value))?;
                Ok(number.to_float() as $ty)
            }
        }
    )*};
}

float!(f32, f64);

impl IntoLua for &str {
    fn into_lua(self, lua: &Lua) -> Result<Value> {
        lua.create_string(self).map(Value::String)
    }
}

impl IntoLua for String {
    fn into_lua(self, lua: &Lua) -> Result<Value> {
        lua.create_string(self).map(Value::String)
    }
}

impl IntoLua for &[u8] {
    fn into_lua(self, lua: &Lua) -> Result<Value> {
        lua.create_string(self).map(Value::String)
    }
}

impl FromLua for String {
    /// A string that is UTF-8, or a number.
    fn from_lua(value: Value, lua: &Lua) -> Result<String> {
        let mut bytes = Vec::new();
        if !crate::vm::concat::append_text(lua.unwrap(&value), &mut bytes) {
            return Err(mismatch::<String>(&value));
        }
        String::from_utf8(bytes).map_err(|_| Error::Conversion { from: "string that is not UTF-8", to: "String" })
    }
}

impl<T: IntoLua> IntoLua for Option<T> {
    fn into_lua(self, lua: &Lua) -> Result<Value> {
        self.map_or(Ok(Value::Nil), |value| value.into_lua(lua))
    }
}

impl<T: FromLua> FromLua for Option<T> {
    fn from_lua(value: Value, lua: &Lua) -> Result<Option<T>> {
        match value {
            Value::Nil => Ok(None),
            value => T::from_lua(value, lua).map(Some),
        }
    }
}

impl<T: IntoLua> IntoLua for Vec<T> {
    /// A sequence.
    fn into_lua(self, lua: &Lua) -> Result<Value> {
        let table = lua.create_table()?;
        for (i, value) in self.into_iter().enumerate() {
            table.raw_set(i + 1, value)?;
        }
        Ok(Value::Table(table))
    }
}

impl<T: FromLua> FromLua for Vec<T> {
    /// The items `1..=#t` of a sequence.
    fn from_lua(value: Value, lua: &Lua) -> Result<Vec<T>> {
        let table = Table::from_lua(value, lua)?;
        (1..=table.raw_len()).map(|i| table.raw_get(i)).collect()
    }
}

// ---- lists of values

impl IntoLuaMulti for MultiValue {
    fn into_lua_multi(self, _: &Lua) -> Result<MultiValue> {
        Ok(self)
    }
}

impl FromLuaMulti for MultiValue {
    fn from_lua_multi(values: MultiValue, _: &Lua) -> Result<MultiValue> {
        Ok(values)
    }
}

impl<T: IntoLua> IntoLuaMulti for T {
    fn into_lua_multi(self, lua: &Lua) -> Result<MultiValue> {
        Ok(MultiValue(vec![self.into_lua(lua)?]))
    }
}

impl<T: FromLua> FromLuaMulti for T {
    fn from_lua_multi(values: MultiValue, lua: &Lua) -> Result<T> {
        T::from_lua(values.into_iter().next().unwrap_or_default(), lua)
    }
}

impl<T: IntoLua> IntoLuaMulti for Variadic<T> {
    fn into_lua_multi(self, lua: &Lua) -> Result<MultiValue> {
        self.0.into_iter().map(|value| value.into_lua(lua)).collect::<Result<Vec<_>>>().map(MultiValue)
    }
}

impl<T: FromLua> FromLuaMulti for Variadic<T> {
    fn from_lua_multi(values: MultiValue, lua: &Lua) -> Result<Variadic<T>> {
        values.into_iter().map(|value| T::from_lua(value, lua)).collect::<Result<Vec<_>>>().map(Variadic)
    }
}

macro_rules! tuple {
    ($($name:ident),*) => {
        impl<$($name: IntoLua),*> IntoLuaMulti for ($($name,)*) {
            #[allow(non_snake_case, unused_variables)]
            fn into_lua_multi(self, lua: &Lua) -> Result<MultiValue> {
                let ($($name,)*) = self;
                Ok(MultiValue(vec![$($name.into_lua(lua)?),*]))
            }
        }

        impl<$($name: FromLua),*> FromLuaMulti for ($($name,)*) {
            #[allow(unused_variables, unused_mut)]
            fn from_lua_multi(values: MultiValue, lua: &Lua) -> Result<Self> {
                let mut values = values.into_iter();
                Ok(($($name::from_lua(values.next().unwrap_or_default(), lua)?,)*))
            }
        }
    };
}

tuple!();
tuple!(A);
tuple!(A, B);
tuple!(A, B, C);
tuple!(A, B, C, D);
tuple!(A, B, C, D, E);
tuple!(A, B, C, D, E, F);
tuple!(A, B, C, D, E, F, G);
tuple!(A, B, C, D, E, F, G, H);
