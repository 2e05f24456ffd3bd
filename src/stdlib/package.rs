//! `package` and `require` for scripts (manual §6.3).
//!
//! Their tables belong to one process and are changed by programs, so they are made by [`install`] and not part of an
//! image. There are no libraries for C: `package.loadlib` refuses, and the third searcher, which looks where
//! `package.cpath` says, finds such a library only to say so. There is no fourth one.

use super::load::load_file;
use super::system::os_text;
use crate::vm::Vm;
use crate::vm::concat::append_text;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Continuation, Flow, Native, NativeResult};
use crate::vm::object::Table;
use crate::vm::raw::string_bytes;
use crate::vm::traceback::LOADED_MODULES;
use crate::vm::value::Value;

/// Where a script looks for modules unless told otherwise.
pub const DEFAULT_PATH: &str = "./?.lua;./?/init.lua";

/// Directory separator, template separator, mark in a template, and two marks that only matter for C.
const CONFIG: &str = "/\n;\n?\n!\n-\n";

static REQUIRE: Native = Native::new("require", require);
static LOADLIB: Native = Native::new("loadlib", loadlib);
static SEARCHPATH: Native = Native::new("searchpath", searchpath);
static PRELOAD_SEARCHER: Native = Native::new("searcher", search_preload);
static BUILT_IN: Native = Native::new("built_in", built_in);
static PATH_SEARCHER: Native = Native::new("searcher", search_path);
static CPATH_SEARCHER: Native = Native::new("searcher", search_cpath);

const NO_LIBRARIES: &str = "libraries for C cannot be loaded";

/// The names in the registry under which the native functions find the table `package`, and those of its tables that a
/// program can replace only for itself (manual §6.3).
const REGISTERED: &str = "package";
const PRELOAD: &str = "_PRELOAD";

/// Gives a process the globals `package` and `require`; `path` becomes `package.path`.
///
/// # Errors
/// The memory limit.
pub fn install(vm: &mut Vm, path: &[u8]) -> Result<(), Box<LuaError>> {
    let globals = vm.globals();
    let loaded = vm.new_table(0, 16);
    vm.raw_set_name(loaded, "_G", Value::table(globals))?;
    let names: Vec<_> = vm.image.module_names().collect();
    for name in names {
        let mut library = vm.raw_get_name(globals, name)?;
        if library.is_nil()
            && let Some(module) = vm.image.module(name)
        {
            // Not a global: only `require` gives it.
            library = vm.own(module);
        }
        vm.raw_set_name(loaded, name, library)?;
    }
    let searchers = vm.new_table(3, 0);
    vm.raw_set_int(searchers, 1, Value::native(&PRELOAD_SEARCHER))?;
    vm.raw_set_int(searchers, 2, Value::native(&PATH_SEARCHER))?;
    vm.raw_set_int(searchers, 3, Value::native(&CPATH_SEARCHER))?;
    let preload = vm.new_table(0, 0);
    let package = vm.new_table(0, 8);
    let (path, empty, config) = (vm.string(path)?, vm.string(b"")?, vm.string(CONFIG.as_bytes())?);
    for (name, value) in [
        ("loaded", Value::table(loaded)),
        ("preload", Value::table(preload)),
        ("searchers", Value::table(searchers)),
        ("path", path),
        ("cpath", empty),
        ("config", config),
        ("loadlib", Value::native(&LOADLIB)),
        ("searchpath", Value::native(&SEARCHPATH)),
    ] {
        vm.raw_set_name(package, name, value)?;
    }
    let package = Value::table(package);
    vm.raw_set_name(loaded, "package", package)?;
    vm.raw_set_name(globals, "package", package)?;
    vm.raw_set_name(globals, "require", Value::native(&REQUIRE))?;
    let registry = vm.registry();
    vm.raw_set_name(registry, LOADED_MODULES, Value::table(loaded))?;
    vm.raw_set_name(registry, PRELOAD, Value::table(preload))?;
    vm.raw_set_name(registry, REGISTERED, package)
}

/// A table of the registry.
fn registered_table(vm: &mut Vm, name: &str) -> Result<*mut Table, Box<LuaError>> {
    let registry = vm.registry();
    let value = vm.raw_get_name(registry, name)?;
    if value.is_table() { Ok(value.as_table()) } else { Err(vm.error("the package library is not installed")) }
}

/// The table `package` as it was installed, whatever the program did to the global.
fn package(vm: &mut Vm) -> Result<*mut Table, Box<LuaError>> {
    registered_table(vm, REGISTERED)
}

// ---- require

/// The slots: name, number of the searcher asked, what the searchers before it said.
static SEARCHED: Continuation = Continuation {
    name: "package.require.searched",
    resume: |vm, args, results| {
        let (loader, extra) = (results.get(vm, 0), results.get(vm, 1));
        let state = Args { len: STATE, ..args };
        if loader.is_function() {
            vm.keep_only(state);
            let name = state.get(vm, NAME);
            vm.push_all(&[loader, name, extra])?;
            return Ok(Flow::Call { args: 2, then: &LOADED });
        }
        if loader.is_string() {
            let text = [string_bytes(state.get(vm, MESSAGES)), string_bytes(loader)].concat();
            let messages = vm.string(&text)?;
            state.set(vm, MESSAGES, messages);
        }
        vm.keep_only(state);
        search_next(vm, state)
    },
    catch: None,
    yieldable: false,
};

/// The slots as before; the loader has returned.
static LOADED: Continuation = Continuation {
    name: "package.require.loaded",
    resume: |vm, args, results| {
        let loaded = registered_table(vm, LOADED_MODULES)?;
        let name = args.get(vm, NAME);
        let value = results.get(vm, 0);
        if !value.is_nil() {
            vm.raw_set(loaded, name, value)?;
        } else if vm.raw_get(loaded, name).is_nil() {
            vm.raw_set(loaded, name, Value::TRUE)?;
        }
        let value = vm.raw_get(loaded, name);
        vm.answer(value)
    },
    catch: None,
    yieldable: false,
};

const NAME: u32 = 0;
const SEARCHER: u32 = 1;
const MESSAGES: u32 = 2;
const STATE: u32 = 3;

/// `require(name)`
fn require(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_string(vm, 0)?;
    let loaded = registered_table(vm, LOADED_MODULES)?;
    let value = vm.raw_get(loaded, name);
    if value.is_true() {
        return vm.answer(value);
    }
    vm.keep_only(Args { len: 1, ..args });
    let messages = vm.string(b"")?;
    vm.push_all(&[Value::int(0), messages])?;
    search_next(vm, Args { len: STATE, ..args })
}

fn search_next(vm: &mut Vm, state: Args) -> NativeResult {
    let package = package(vm)?;
    let searchers = vm.raw_get_name(package, "searchers")?;
    if !searchers.is_table() {
        return Err(vm.error("'package.searchers' must be a table"));
    }
    let number = state.get(vm, SEARCHER).as_int() + 1;
    state.set(vm, SEARCHER, Value::int(number));
    let searcher = vm.raw_get_int(searchers.as_table(), number);
    let name = state.get(vm, NAME);
    if searcher.is_nil() {
        let name = String::from_utf8_lossy(string_bytes(name)).into_owned();
        let messages = String::from_utf8_lossy(string_bytes(state.get(vm, MESSAGES))).into_owned();
        return Err(vm.error(&format!("module '{name}' not found:{messages}")));
    }
    vm.push_all(&[searcher, name])?;
    Ok(Flow::Call { args: 1, then: &SEARCHED })
}

fn search_preload(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_string(vm, 0)?;
    let preload = registered_table(vm, PRELOAD)?;
    let loader = vm.raw_get(preload, name);
    if !loader.is_nil() {
        return vm.answer(loader);
    }
    if vm.image.module(&String::from_utf8_lossy(string_bytes(name))).is_some() {
        return vm.answer(Value::native(&BUILT_IN));
    }
    let text = [b"\n\tno field package.preload['", string_bytes(name), b"']"].concat();
    let text = vm.string(&text)?;
    vm.answer(text)
}

/// The loader of libraries that are made on demand.
fn built_in(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_string(vm, 0)?;
    let module = vm.image.module(&String::from_utf8_lossy(string_bytes(name)));
    let module = module.map_or(Value::NIL, |module| vm.own(module));
    vm.answer(module)
}

fn search_path(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_bytes(vm, 0)?;
    match find_module(vm, name, "path")? {
        Ok(file) => {
            let function = load_file(vm, Some(&file)).map_err(|error| {
                let mut message = Vec::new();
                super::text::append_plain(vm, error.value, &mut message);
                load_error(vm, name, &file, &message)
            })?;
            let file = vm.string(&file)?;
            vm.push_all(&[function, file])?;
            Ok(Flow::Return(2))
        }
        Err(tried) => {
            let tried = vm.string(&tried)?;
            vm.answer(tried)
        }
    }
}

fn search_cpath(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_bytes(vm, 0)?;
    match find_module(vm, name, "cpath")? {
        Ok(file) => Err(load_error(vm, name, &file, NO_LIBRARIES.as_bytes())),
        Err(tried) => {
            let tried = vm.string(&tried)?;
            vm.answer(tried)
        }
    }
}

/// Where `require` looks for files; nothing if the package library is not installed or its path is no string.
pub(super) fn module_path(vm: &mut Vm) -> Vec<u8> {
    let mut text = Vec::new();
    let registry = vm.registry();
    if let Ok(package) = vm.raw_get_name(registry, REGISTERED)
        && package.is_table()
        && let Ok(path) = vm.raw_get_name(package.as_table(), "path")
        && path.is_string()
    {
        text.extend_from_slice(string_bytes(path));
    }
    text
}

/// The file of a module by the path in a field of `package`, or the text that says which were tried.
fn find_module(vm: &mut Vm, name: &[u8], path: &str) -> Result<Result<Vec<u8>, Vec<u8>>, Box<LuaError>> {
    let package = package(vm)?;
    let templates = vm.raw_get_name(package, path)?;
    let mut text = Vec::new();
    if !append_text(templates, &mut text) {
        return Err(vm.error(&format!("'package.{path}' must be a string")));
    }
    Ok(find_file(name, &text, b".", b"/"))
}

fn load_error(vm: &mut Vm, name: &[u8], file: &[u8], message: &[u8]) -> Box<LuaError> {
    let [name, file, message] = [name, file, message].map(String::from_utf8_lossy);
    vm.error(&format!("error loading module '{name}' from file '{file}':\n\t{message}"))
}

// ---- files

/// The first readable file among the templates of `path`, or the text that says which were tried.
pub(super) fn find_file(name: &[u8], path: &[u8], separator: &[u8], replacement: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    let name = if separator.is_empty() { name.to_vec() } else { replace(name, separator, replacement) };
    let mut tried = Vec::new();
    for template in path.split(|byte| *byte == b';').filter(|template| !template.is_empty()) {
        let file = replace(template, b"?", &name);
        if std::fs::File::open(os_text(&file)).is_ok() {
            return Ok(file);
        }
        tried.extend_from_slice(b"\n\tno file '");
        tried.extend_from_slice(&file);
        tried.push(b'\'');
    }
    Err(tried)
}

/// `text` with every occurrence of `from`, which is not empty, replaced.
pub fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.first() {
        if let Some(after) = rest.strip_prefix(from) {
            replaced.extend_from_slice(to);
            rest = after;
        } else {
            replaced.push(*first);
            rest = &rest[1..];
        }
    }
    replaced
}

/// `package.searchpath(name, path [, separator [, replacement]])`
fn searchpath(vm: &mut Vm, args: Args) -> NativeResult {
    let (name, path) = (args.check_bytes(vm, 0)?, args.check_bytes(vm, 1)?);
    let separator = if args.get(vm, 2).is_nil() { b"." } else { args.check_bytes(vm, 2)? };
    let replacement = if args.get(vm, 3).is_nil() { b"/" } else { args.check_bytes(vm, 3)? };
    match find_file(name, path, separator, replacement) {
        Ok(file) => {
            let file = vm.string(&file)?;
            vm.answer(file)
        }
        Err(tried) => {
            let tried = vm.string(&tried)?;
            vm.push_all(&[Value::NIL, tried])?;
            Ok(Flow::Return(2))
        }
    }
}

/// `package.loadlib`: there are no C libraries to load.
fn loadlib(vm: &mut Vm, args: Args) -> NativeResult {
    args.check_string(vm, 0)?;
    args.check_string(vm, 1)?;
    let (message, place) = (vm.string(NO_LIBRARIES.as_bytes())?, vm.string(b"absent")?);
    vm.push_all(&[Value::NIL, message, place])?;
    Ok(Flow::Return(3))
}
