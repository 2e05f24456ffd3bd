//! The `env` module (`modules.md` §4.3) of a program that declares no storages: variables of the operating system, over
//! which those that programs set lie in memory.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use hashbrown::HashMap;
use parking_lot::RwLock;

use super::{succeed, succeed_with_text};
use crate::runtime::access;
use crate::runtime::errors::{self, ErrorData, INVALID, NOT_FOUND};
use crate::runtime::module::{Module, ModuleClass, module};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::value::Value;

/// The module, with what programs have set.
#[derive(Default)]
pub struct Env(RwLock<Variables>);

type Variables = HashMap<Box<[u8]>, Box<[u8]>>;

impl Module for Env {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Process, ModuleClass::Nondeterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("env.d.lua")
    }
}

/// The library.
static LIBRARY: Library = Library {
    name: "env",
    global: false,
    natives: &[Native::new("get", get), Native::new("set", set), Native::new("get_all", get_all)],
    constants: &[],
};

/// A text of a definition with `${env:NAME}` and `${env:NAME|default}` replaced by variables of the operating system.
///
/// # Errors
/// A variable that is missing and has no default, or what is no placeholder.
pub fn expand(text: &str) -> Result<String, String> {
    let (mut expanded, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${env:") {
        let (name, behind) = after.split_once('}').ok_or_else(|| format!("{text}: a placeholder does not end"))?;
        let (name, default) = name.split_once('|').map_or((name, None), |(name, default)| (name, Some(default)));
        let value = std::env::var(name).ok();
        let value = value.as_deref().or(default).ok_or_else(|| format!("{text}: there is no variable {name}"))?;
        expanded += before;
        expanded += value;
        rest = behind;
    }
    Ok(expanded + rest)
}

fn is_name(key: &[u8]) -> bool {
    key.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// What is wrong with a key.
fn complaint(key: &[u8]) -> Option<&'static str> {
    match key {
        [] => Some("empty variable name"),
        key if !is_name(key) => Some("the name of a variable is made of letters, digits and '_'"),
        _ => None,
    }
}

/// Asks whether something may be done to a variable.
fn check(vm: &mut Vm, action: &str, key: &[u8]) -> Result<(), ErrorData> {
    access::check(vm, action, &String::from_utf8_lossy(key))
}

/// `env.get(key)`
fn get(vm: &mut Vm, args: Args) -> NativeResult {
    let key = args.check_bytes(vm, 0)?;
    if let Some(complaint) = complaint(key) {
        return errors::fail(vm, INVALID, complaint);
    }
    if let Err(error) = check(vm, "env.get", key) {
        return errors::refuse(vm, error);
    }
    let variables = module::<Env>(vm);
    let value = variables.0.read().get(key).map(|value| value.to_vec());
    match value.or_else(|| std::env::var_os(OsStr::from_bytes(key)).map(OsStringExt::into_vec)) {
        Some(value) => succeed_with_text(vm, &value),
        None => {
            let message = format!("variable not found: {}", String::from_utf8_lossy(key));
            errors::fail(vm, NOT_FOUND, &message)
        }
    }
}

/// `env.set(key, value)`
fn set(vm: &mut Vm, args: Args) -> NativeResult {
    let (key, value) = (args.check_bytes(vm, 0)?, args.check_bytes(vm, 1)?);
    if let Some(complaint) = complaint(key) {
        return errors::fail(vm, INVALID, complaint);
    }
    if let Err(error) = check(vm, "env.set", key) {
        return errors::refuse(vm, error);
    }
    module::<Env>(vm).0.write().insert(key.into(), value.into());
    succeed(vm, Value::TRUE)
}

/// `env.get_all()`: those that the caller may get.
fn get_all(vm: &mut Vm, _: Args) -> NativeResult {
    let table = vm.new_table(0, 16);
    let system = std::env::vars_os().map(|(key, value)| (key.into_vec(), value.into_vec()));
    let mut all: HashMap<Vec<u8>, Vec<u8>> = system.filter(|(key, _)| is_name(key) && !key.is_empty()).collect();
    let variables = module::<Env>(vm);
    all.extend(variables.0.read().iter().map(|(key, value)| (key.to_vec(), value.to_vec())));
    for (key, value) in all {
        if check(vm, "env.get", &key).is_err() {
            continue;
        }
        let (key, value) = (vm.string(&key)?, vm.string(&value)?);
        vm.raw_set(table, key, value)?;
    }
    succeed(vm, Value::table(table))
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn placeholders() {
        assert_eq!(expand("a:1").as_deref(), Ok("a:1"));
        assert_eq!(expand("a${env:NO_SUCH_VARIABLE|b}c${env:NO_SUCH_VARIABLE|}").as_deref(), Ok("abc"));
        assert_eq!(expand("${env:PATH}").ok(), std::env::var("PATH").ok());
        assert!(expand("${env:NO_SUCH_VARIABLE}").is_err() && expand("${env:A|b").is_err());
    }
}
