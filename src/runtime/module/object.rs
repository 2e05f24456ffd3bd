//! Host objects of modules: Rust values that a process holds, with methods.

use std::sync::Arc;

use super::convert::IntoResult;
use super::held::Release;
use crate::runtime::process_state::state;
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::error::LuaError;
use crate::vm::native::Args;
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// A Rust type whose values programs hold as objects. An object belongs to the process it was given to: no message takes it
/// elsewhere.
pub trait Object: Send + Sync + 'static {
    /// Its name and methods.
    fn class() -> &'static Class;

    /// Set for objects that hold nothing of the outside world: nobody needs to remember them.
    const IS_PLAIN: bool = false;

    /// Gives back what it holds of the outside world, if it does. Called when the process ends, for the object acquired last
    /// first; must not wait. The object is dropped later.
    fn release(&self) {}
}

/// A result that becomes an object.
pub struct New<T>(pub T);

/// An object in a heap.
struct Hosted<T>(Arc<T>);

impl<T: Object> UserData for Hosted<T> {
    fn class(&self) -> &'static str {
        T::class().name
    }
}

impl<T: Object> Release for T {
    fn release(&self) {
        Object::release(self);
    }
}

impl<T: Object> IntoResult for New<T> {
    fn into_result(self, vm: &mut Vm) -> Result<Value, Box<LuaError>> {
        Ok(new_object(vm, Arc::new(self.0)))
    }
}

impl<T: Object> IntoResult for Vec<New<T>> {
    fn into_result(self, vm: &mut Vm) -> Result<Value, Box<LuaError>> {
        let list = vm.new_table(self.len() as u32, 0);
        for (i, New(object)) in self.into_iter().enumerate() {
            let object = new_object(vm, Arc::new(object));
            vm.raw_set(list, Value::int(i as i64 + 1), object)?;
        }
        Ok(Value::table(list))
    }
}

/// An object as a value of this process, which holds it from now on.
pub fn new_object<T: Object>(vm: &mut Vm, object: Arc<T>) -> Value {
    let metatable = vm.image.class(T::class());
    if !T::IS_PLAIN {
        state(vm).rare().held.add(&object);
    }
    Value::userdata(vm.heap.new_userdata(Hosted(object), metatable))
}

/// The Rust value behind an object, if it is a `T`.
pub fn this<T: Object>(value: Value) -> Option<Arc<T>> {
    // SAFETY: a live userdata, looked at before the next safepoint.
    userdata_of::<Hosted<T>>(value).map(|hosted| unsafe { Arc::clone(&(*hosted).0) })
}

/// The Rust value behind argument `i`.
///
/// # Errors
/// `bad argument …` if it is no `T`.
pub fn check<T: Object>(vm: &mut Vm, args: Args, i: u32) -> Result<Arc<T>, Box<LuaError>> {
    match this(args.get(vm, i)) {
        Some(object) => Ok(object),
        None => Err(vm.type_error(i, T::class().name, args.try_get(vm, i))),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::runtime::module::{Module, ModuleClass};
    use crate::vm::image::{Library, Literal};
    use crate::vm::native::Native;
    use crate::{Data, Runtime};

    /// A module, its object and all their names, which are longer than those that are interned.
    struct Things;
    struct Thing;

    static THING: Class = Class {
        name: "things.a_class_with_a_name_of_more_than_forty_bytes",
        methods: &[Native::new("a_method_with_a_name_of_more_than_forty_bytes", |vm, _| vm.answer(Value::int(7)))],
        metamethods: &[],
    };

    static LIBRARIES: [Library; 2] = [
        Library {
            name: "things",
            global: false,
            natives: &[Native::new("a_function_with_a_name_of_more_than_forty_bytes", |vm, _| {
                let thing = new_object(vm, Arc::new(Thing));
                vm.answer(thing)
            })],
            constants: &[("A_CONSTANT_WITH_A_NAME_OF_MORE_THAN_FORTY_BYTES", Literal::Integer(8))],
        },
        Library {
            name: "things.a_part_with_a_name_of_more_than_forty_bytes",
            global: false,
            natives: &[],
            constants: &[("n", Literal::Integer(9))],
        },
    ];

    impl Object for Thing {
        fn class() -> &'static Class {
            &THING
        }
    }

    impl Module for Things {
        fn libraries(&self) -> Vec<&'static Library> {
            LIBRARIES.iter().collect()
        }

        fn classes(&self) -> &'static [ModuleClass] {
            &[ModuleClass::Deterministic]
        }
    }

    #[test]
    fn names_may_be_long() {
        let program = "return function()
            local things = require('things')
            local thing = things.a_function_with_a_name_of_more_than_forty_bytes()
            local name = 'a_method_with_a_name_of_' .. 'more_than_forty_bytes'
            assert(thing[name](thing) == 7 and thing[name .. '_and_more'] == nil)
            assert(things.A_CONSTANT_WITH_A_NAME_OF_MORE_THAN_FORTY_BYTES == 8)
            assert(things.a_part_with_a_name_of_more_than_forty_bytes.n == 9)
            return thing:a_method_with_a_name_of_more_than_forty_bytes()
        end";
        let builder = Runtime::builder().workers(1).module(Things).entry("app:main", program);
        let runtime = builder.build().expect("the system has threads");
        let outcome = runtime.spawn("app:main", ()).expect("it compiles").wait();
        assert!(matches!(outcome, Ok(Data::Integer(7))), "{outcome:?}");
    }
}
