//! Host objects and their metatables. A process makes the metatable of a class when it first needs it and keeps it in
//! its registry under the name of the class.

use super::error::LuaError;
use super::event::Event;
use super::machine::Vm;
use super::native::Native;
use super::object::{Table, UserData};
use super::value::Value;

/// The operations of a class of host objects.
pub struct Class {
    /// Its name: `__name` of the metatable, and the key in the registry.
    pub name: &'static str,
    /// Its methods, found through `__index`.
    pub methods: &'static [Native],
    /// Its metamethods, by event name.
    pub metamethods: &'static [Native],
}

impl Vm {
    /// A host object of a class.
    ///
    /// # Errors
    /// `not enough memory`
    pub fn new_userdata<T: UserData>(&mut self, data: T, class: &'static Class) -> Result<Value, Box<LuaError>> {
        let metatable = self.class_metatable(class)?;
        Ok(Value::userdata(self.heap.new_userdata(data, metatable)))
    }

    /// A host object that no program ever sees: native functions keep state in it.
    pub fn new_hidden_userdata<T: UserData>(&mut self, data: T) -> Value {
        Value::userdata(self.heap.new_userdata(data, super::heap::NO_METATABLE))
    }

    /// This process's metatable of a class. The metatable is its own `__index`, as the reference implementation has it,
    /// so methods and metamethods are fields of one table.
    fn class_metatable(&mut self, class: &'static Class) -> Result<*mut Table, Box<LuaError>> {
        let key = self.string(class.name.as_bytes())?;
        let registry = self.registry();
        let known = self.raw_get(registry, key);
        if known.is_table() {
            return Ok(known.as_table());
        }
        let fields = class.methods.len() + class.metamethods.len() + 2;
        let metatable = self.heap.new_table(0, fields as u32);
        for native in class.methods.iter().chain(class.metamethods) {
            self.raw_set_name(metatable, native.name, Value::native(native))?;
        }
        let index = Value::string(self.event_name(Event::Index));
        self.raw_set(metatable, index, Value::table(metatable))?;
        let name = Value::string(self.event_name(Event::Name));
        self.raw_set(metatable, name, key)?;
        self.raw_set(registry, key, Value::table(metatable))?;
        Ok(metatable)
    }
}
