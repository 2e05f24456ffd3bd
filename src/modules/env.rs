//! The `env` module (`modules.md` §4.3): variables, those of [storages](storage) that an application declares. A program that
//! declares none has those of the operating system, over which those that it sets lie in memory.

pub mod storage;

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use smallvec::smallvec;

use self::storage::{Place, not_found};
use super::{fields, succeed, succeed_with_text};
use crate::runtime::access;
use crate::runtime::errors::{self, ErrorData, INTERNAL, INVALID};
use crate::runtime::module::{Module, ModuleClass, module};
use crate::runtime::operation::run_blocking;
use crate::runtime::process_state::state;
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::value::Value;

/// The module, with what programs have set.
#[derive(Default)]
pub struct Env {
    /// Where nothing is declared.
    set: RwLock<Variables>,
    /// By the ids of their storages.
    storages: RwLock<HashMap<String, Variables>>,
    /// Held while a file is written.
    writing: Mutex<()>,
}

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
/// A variable that is missing and has no default, or what is no placeholder. The rest of the text may be a secret and is not
/// told.
pub fn expand(text: &str) -> Result<String, String> {
    let (mut expanded, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${env:") {
        let (name, behind) = after.split_once('}').ok_or("a placeholder does not end")?;
        let (name, default) = name.split_once('|').map_or((name, None), |(name, default)| (name, Some(default)));
        let value = std::env::var(name).ok();
        let value = value.as_deref().or(default).ok_or_else(|| format!("there is no variable {name}"))?;
        expanded += before;
        expanded += value;
        rest = behind;
    }
    Ok(expanded + rest)
}

/// Whether a variable may be called so.
pub fn is_name(key: &[u8]) -> bool {
    !key.is_empty() && key.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// What is wrong with a key. Where variables are declared, their ids are keys, too.
fn complaint(vm: &mut Vm, key: &[u8]) -> Option<&'static str> {
    let is_id = |vm: &mut Vm| key.contains(&b':') && storage::is_declared(&*state(vm).core().entries);
    match key {
        [] => Some("empty variable name"),
        key if !is_name(key) && !is_id(vm) => Some("the name of a variable is made of letters, digits and '_'"),
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
    if let Some(complaint) = complaint(vm, key) {
        return errors::fail(vm, INVALID, complaint);
    }
    if let Err(error) = check(vm, "env.get", key) {
        return errors::refuse(vm, error);
    }
    match value_of(vm, key) {
        Ok(value) => succeed_with_text(vm, &value),
        Err(error) => fields::fail(vm, error),
    }
}

/// The value that the caller may get.
fn value_of(vm: &mut Vm, key: &[u8]) -> Result<Vec<u8>, ErrorData> {
    let env = module::<Env>(vm);
    let entries = &*state(vm).core().entries;
    let found = match storage::is_declared(entries) {
        true => match storage::find(entries, &String::from_utf8_lossy(key)) {
            Some(variable) => env.value(entries, &variable)?,
            None => None,
        },
        false => {
            let set = env.set.read().get(key).map(|value| value.to_vec());
            set.or_else(|| std::env::var_os(OsStr::from_bytes(key)).map(OsStringExt::into_vec))
        }
    };
    found.ok_or_else(|| not_found(key))
}

/// `env.set(key, value)`
fn set(vm: &mut Vm, args: Args) -> NativeResult {
    let (key, value) = (args.check_bytes(vm, 0)?, args.check_bytes(vm, 1)?);
    if let Some(complaint) = complaint(vm, key) {
        return errors::fail(vm, INVALID, complaint);
    }
    if let Err(error) = check(vm, "env.set", key) {
        return errors::refuse(vm, error);
    }
    let env = module::<Env>(vm);
    let entries = &*state(vm).core().entries;
    if !storage::is_declared(entries) {
        env.set.write().insert(key.into(), value.into());
        return succeed(vm, Value::TRUE);
    }
    let variable = storage::find(entries, &String::from_utf8_lossy(key)).ok_or_else(|| not_found(key));
    let placed = variable.and_then(|variable| Ok((storage::place(entries, &variable)?, variable.name)));
    match placed {
        Err(error) => fields::fail(vm, error),
        Ok((Place::Memory(storage), name)) => {
            env.store(&storage, &name, value);
            succeed(vm, Value::TRUE)
        }
        Ok((Place::File { .. }, _)) if value.contains(&b'\n') || value.trim_ascii() != value => {
            errors::fail(vm, INVALID, "a value in a file is one line, without spaces around it")
        }
        Ok((Place::File { id, path }, name)) => write(vm, env, id, path, name, value.to_vec()),
    }
}

/// Sets a variable in a file.
fn write(vm: &mut Vm, env: Arc<Env>, id: String, path: PathBuf, name: String, value: Vec<u8>) -> NativeResult {
    let work = move || {
        let _writing = env.writing.lock();
        storage::write(&path, &name, &value).map_err(|error| format!("{}: {error}", path.display()))?;
        env.store(&id, &name, &value);
        Ok(())
    };
    run_blocking(vm, "file operation", work, |vm, written: Result<(), String>| {
        Ok(match written {
            Ok(()) => smallvec![Value::TRUE, Value::NIL],
            Err(message) => smallvec![Value::NIL, errors::new_error(vm, INTERNAL, &message)],
        })
    })
}

/// `env.get_all()`: those that the caller may get.
fn get_all(vm: &mut Vm, _: Args) -> NativeResult {
    let table = vm.new_table(0, 16);
    for (key, value) in all(vm) {
        if check(vm, "env.get", &key).is_err() {
            continue;
        }
        let (key, value) = (vm.string(&key)?, vm.string(&value)?);
        vm.raw_set(table, key, value)?;
    }
    succeed(vm, Value::table(table))
}

/// All variables that have values.
fn all(vm: &mut Vm) -> HashMap<Vec<u8>, Vec<u8>> {
    let env = module::<Env>(vm);
    let entries = &*state(vm).core().entries;
    if storage::is_declared(entries) {
        let value = |(_, variable): (String, storage::Declared)| {
            let value = env.value(entries, &variable).ok()??;
            Some((variable.name.into_bytes(), value))
        };
        return storage::declared(entries).filter_map(value).collect();
    }
    let system = std::env::vars_os().map(|(key, value)| (key.into_vec(), value.into_vec()));
    let mut all: HashMap<Vec<u8>, Vec<u8>> = system.filter(|(key, _)| is_name(key)).collect();
    all.extend(env.set.read().iter().map(|(key, value)| (key.to_vec(), value.to_vec())));
    all
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
