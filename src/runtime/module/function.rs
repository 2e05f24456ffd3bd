//! Rust functions of ordinary types as native functions of a module.
//!
//! A native function is static data with a plain function pointer, so a typed function must not capture anything: it is a
//! named function, or a closure without captured variables. The state it works on is the module, or the object whose
//! method it is.

use std::future::Future;
use std::ptr::NonNull;
use std::sync::Arc;

use super::Module;
use super::convert::{FromArguments, IntoResults, Result};
use super::module;
use super::object::{Object, check};
use crate::runtime::errors::to_value;
use crate::runtime::operation::run_future;
use crate::runtime::task::Continuation;
use crate::vm::Vm;
use crate::vm::native::{Flow, Native, NativeResult};
use crate::vm::value::Value;

/// A function of module `M`. Its caller gets the results, or `nil, error`; arguments of other types than `A` raise. It runs
/// on a worker and must not wait: see [`async_function`].
pub const fn function<M, A, R, F>(name: &'static str, _body: F) -> Native
where
    M: Module,
    A: FromArguments,
    R: IntoResults,
    F: Fn(&M, A) -> Result<R> + Copy,
{
    const { assert!(size_of::<F>() == 0, "a function of a module captures nothing") };
    Native::new(name, |vm, args| {
        let module = module::<M>(vm);
        let arguments = A::from_arguments(vm, args, 0)?;
        answer(vm, body::<F>()(&module, arguments))
    })
}

/// A function of module `M` that may wait: meanwhile the calling coroutine is suspended, the worker runs others. If the
/// process ends, the future is dropped.
pub const fn async_function<M, A, R, F, T>(name: &'static str, _body: F) -> Native
where
    M: Module,
    A: FromArguments,
    R: IntoResults + Send + 'static,
    F: Fn(Arc<M>, A) -> T + Copy,
    T: Future<Output = Result<R>> + Send + 'static,
{
    const { assert!(size_of::<F>() == 0, "a function of a module captures nothing") };
    Native::new(name, |vm, args| {
        let module = module::<M>(vm);
        let arguments = A::from_arguments(vm, args, 0)?;
        run_future(vm, "host function", body::<F>()(module, arguments), results)
    })
}

/// A method of objects of type `T`, as [`function`].
pub const fn method<T, A, R, F>(name: &'static str, _body: F) -> Native
where
    T: Object,
    A: FromArguments,
    R: IntoResults,
    F: Fn(&T, A) -> Result<R> + Copy,
{
    const { assert!(size_of::<F>() == 0, "a method captures nothing") };
    Native::new(name, |vm, args| {
        let object = check::<T>(vm, args, 0)?;
        let arguments = A::from_arguments(vm, args, 1)?;
        answer(vm, body::<F>()(&object, arguments))
    })
}

/// A method of objects of type `T` that may wait, as [`async_function`].
pub const fn async_method<T, A, R, F, P>(name: &'static str, _body: F) -> Native
where
    T: Object,
    A: FromArguments,
    R: IntoResults + Send + 'static,
    F: Fn(Arc<T>, A) -> P + Copy,
    P: Future<Output = Result<R>> + Send + 'static,
{
    const { assert!(size_of::<F>() == 0, "a method captures nothing") };
    Native::new(name, |vm, args| {
        let object = check::<T>(vm, args, 0)?;
        let arguments = A::from_arguments(vm, args, 1)?;
        run_future(vm, "host method", body::<F>()(object, arguments), results)
    })
}

/// The one value of a type without content.
fn body<F: Copy>() -> F {
    const { assert!(size_of::<F>() == 0) };
    // SAFETY: whoever made the native function had a value of `F`, which is `Copy`, and reading another copy of it reads no
    // bytes.
    unsafe { NonNull::<F>::dangling().read() }
}

fn answer<R: IntoResults>(vm: &mut Vm, result: Result<R>) -> NativeResult {
    let values = results(vm, result)?;
    vm.push_all(&values)?;
    Ok(Flow::Return(values.len() as u32))
}

fn results<R: IntoResults>(vm: &mut Vm, result: Result<R>) -> Continuation {
    match result {
        Ok(results) => results.into_results(vm),
        Err(error) => Ok([Value::NIL, to_value(vm, Arc::new(error))].into_iter().collect()),
    }
}
