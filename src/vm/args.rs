//! Checking the arguments of a native function, with the messages of the manual's auxiliary library (§5).

use super::arith::to_number;
use super::error::LuaError;
use super::machine::Vm;
use super::native::Args;
use super::object::{Table, UserData};
use super::value::{Value, tag};
use crate::number::Number;

impl Args {
    /// Argument `i`, which may be nil but not absent.
    ///
    /// # Errors
    /// `bad argument … (value expected)`
    pub fn check_any(self, vm: &mut Vm, i: u32) -> Result<Value, Box<LuaError>> {
        match self.try_get(vm, i) {
            Some(value) => Ok(value),
            None => Err(vm.argument_error(i, "value expected")),
        }
    }

    /// Argument `i` as an integer; floats with an integer value and strings are converted.
    ///
    /// # Errors
    /// `bad argument …` for anything else.
    #[inline]
    pub fn check_int(self, vm: &mut Vm, i: u32) -> Result<i64, Box<LuaError>> {
        let value = self.get(vm, i);
        if value.is_int() { Ok(value.as_int()) } else { self.convert_int(vm, i) }
    }

    #[cold]
    fn convert_int(self, vm: &mut Vm, i: u32) -> Result<i64, Box<LuaError>> {
        match to_number(self.get(vm, i)) {
            Some(number) => match number.to_int() {
                Some(integer) => Ok(integer),
                None => Err(vm.argument_error(i, "number has no integer representation")),
            },
            None => Err(vm.type_error(i, "number", self.try_get(vm, i))),
        }
    }

    /// Argument `i` as an integer, or `default` if it is nil or absent.
    ///
    /// # Errors
    /// As for [`Args::check_int`].
    #[inline]
    pub fn opt_int(self, vm: &mut Vm, i: u32, default: i64) -> Result<i64, Box<LuaError>> {
        if self.get(vm, i).is_nil() { Ok(default) } else { self.check_int(vm, i) }
    }

    /// Argument `i` as a number; strings are converted.
    ///
    /// # Errors
    /// `bad argument …` for anything else.
    #[inline]
    pub fn check_number(self, vm: &mut Vm, i: u32) -> Result<Number, Box<LuaError>> {
        match to_number(self.get(vm, i)) {
            Some(number) => Ok(number),
            None => Err(vm.type_error(i, "number", self.try_get(vm, i))),
        }
    }

    /// Argument `i` as a float.
    ///
    /// # Errors
    /// As for [`Args::check_number`].
    #[inline]
    pub fn check_float(self, vm: &mut Vm, i: u32) -> Result<f64, Box<LuaError>> {
        let value = self.get(vm, i);
        if value.is_float() { Ok(value.as_float()) } else { self.check_number(vm, i).map(Number::to_float) }
    }

    /// Argument `i` as bytes; numbers are converted, and the argument's slot then holds the string. The bytes stay
    /// valid until the next safepoint, that is until this native function returns.
    ///
    /// # Errors
    /// `bad argument …` for anything else, and the memory limit.
    #[inline]
    pub fn check_bytes<'a>(self, vm: &mut Vm, i: u32) -> Result<&'a [u8], Box<LuaError>> {
        let value = self.check_string(vm, i)?;
        // SAFETY: the string is in a slot of the running native function, so it lives as long as that runs; strings
        // do not move.
        Ok(unsafe { super::object::Str::bytes(value.as_string()) })
    }

    /// Argument `i` as a string value; numbers are converted.
    ///
    /// # Errors
    /// As for [`Args::check_bytes`].
    #[inline]
    pub fn check_string(self, vm: &mut Vm, i: u32) -> Result<Value, Box<LuaError>> {
        let value = self.get(vm, i);
        if value.is_string() { Ok(value) } else { self.convert_string(vm, i) }
    }

    #[cold]
    fn convert_string(self, vm: &mut Vm, i: u32) -> Result<Value, Box<LuaError>> {
        let value = self.get(vm, i);
        if let Some(text) = userdata_text(value) {
            let string = vm.string(text.as_bytes())?;
            self.set(vm, i, string);
            return Ok(string);
        }
        if !value.is_number() {
            return Err(vm.type_error(i, "string", self.try_get(vm, i)));
        }
        let mut text = Vec::new();
        super::concat::append_text(value, &mut text);
        let string = vm.string(&text)?;
        self.set(vm, i, string);
        Ok(string)
    }

    /// Argument `i` as a table.
    ///
    /// # Errors
    /// `bad argument …` for anything else.
    #[inline]
    pub fn check_table(self, vm: &mut Vm, i: u32) -> Result<*mut Table, Box<LuaError>> {
        let value = self.get(vm, i);
        if value.is_table() { Ok(value.as_table()) } else { Err(vm.type_error(i, "table", self.try_get(vm, i))) }
    }

    /// Argument `i` as a function.
    ///
    /// # Errors
    /// `bad argument …` for anything else.
    pub fn check_function(self, vm: &mut Vm, i: u32) -> Result<Value, Box<LuaError>> {
        let value = self.get(vm, i);
        if value.is_function() { Ok(value) } else { Err(vm.type_error(i, "function", self.try_get(vm, i))) }
    }

    /// Argument `i` as the index of an option in `options`; `default` if it is nil or absent.
    ///
    /// # Errors
    /// `bad argument … (invalid option '…')`
    pub fn check_option(
        self,
        vm: &mut Vm,
        i: u32,
        default: Option<usize>,
        options: &[&str],
    ) -> Result<usize, Box<LuaError>> {
        if let Some(default) = default
            && self.get(vm, i).is_nil()
        {
            return Ok(default);
        }
        let name = self.check_bytes(vm, i)?;
        match options.iter().position(|option| option.as_bytes() == name) {
            Some(index) => Ok(index),
            None => {
                let name = String::from_utf8_lossy(name);
                Err(vm.argument_error(i, &format!("invalid option '{name}'")))
            }
        }
    }

    /// Argument `i` as host object of type `T`. `class` names it in the message.
    ///
    /// # Errors
    /// `bad argument … (class expected, got …)` for anything else.
    #[inline]
    pub fn check_userdata<'a, T: UserData>(self, vm: &mut Vm, i: u32, class: &str) -> Result<&'a mut T, Box<LuaError>> {
        match userdata_of::<T>(self.get(vm, i)) {
            // SAFETY: the object is in a slot of the running native function and lives as long as that runs; a native
            // function takes one reference to an object at a time.
            Some(data) => Ok(unsafe { &mut *data }),
            None => Err(vm.type_error(i, class, self.try_get(vm, i))),
        }
    }
}

/// The text of a host object that stands for a string.
pub fn userdata_text<'a>(value: Value) -> Option<&'a str> {
    if value.tag() != tag::USERDATA {
        return None;
    }
    // SAFETY: a live userdata; its data does not change while a native function runs.
    unsafe { (*(*value.as_userdata()).data).text() }
}

/// The host object behind a value, if it is a `T`.
#[inline]
pub fn userdata_of<T: UserData>(value: Value) -> Option<*mut T> {
    if value.tag() != tag::USERDATA {
        return None;
    }
    // SAFETY: a live userdata.
    let data = unsafe { (*value.as_userdata()).data };
    let this = data.cast::<T>();
    // Vtables differ between types, since what tells the type is in them; but a type may have several.
    if std::ptr::eq(this as *const dyn UserData, data) {
        return Some(this);
    }
    // SAFETY: as above.
    let data: &mut dyn std::any::Any = unsafe { &mut *data };
    data.is::<T>().then_some(this)
}
