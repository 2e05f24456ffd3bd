//! The `eval_runner` module (`modules.md` §4.23): code that is data, run at arm's length.
//!
//! The code runs in a process of its own, in an environment that holds what is safe of Lua and what the caller names. Modules
//! of some classes are refused unless the caller says that he wants them. Arguments and result are plain data; the process
//! ends when its caller does not wait any more. `driver.lua` is what the process begins with.

use std::sync::{Arc, OnceLock};

use smallvec::smallvec;
use tokio::sync::oneshot;

use super::cache::Cache;
use super::fields::{self, Fields, error_value, invalid};
use super::plain::plain;
use super::succeed;
use crate::bytecode::Proto;
use crate::compile::NoModules;
use crate::runtime::access::Access;
use crate::runtime::context::{Context, Inheritance};
use crate::runtime::core::RuntimeCore;
use crate::runtime::data::Data;
use crate::runtime::errors::{self, ErrorData, INTERNAL, NOT_FOUND, PERMISSION_DENIED};
use crate::runtime::mail::Outcome;
use crate::runtime::module::function::method;
use crate::runtime::module::object::{Object, new_object};
use crate::runtime::module::{Module, ModuleClass, module};
use crate::runtime::operation::run_future;
use crate::runtime::process::Process;
use crate::runtime::process_state::state;
use crate::runtime::spawn::{self, Chunk, Entry, Launch, Start};
use crate::runtime::task::{Continuation, Results};
use crate::runtime::transfer::{Parcel, pack};
use crate::stdlib::load::{chunk_proto, is_binary};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::object::Table;
use crate::vm::raw::string_bytes;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// Compiled sources that are kept.
const MAX_SOURCES: usize = 256;
/// The entry id of the processes.
const ID: &str = "moonlet:eval";

/// The module, with what was compiled last.
pub struct EvalRunner {
    sources: Cache<Arc<Proto>>,
    driver: OnceLock<Chunk>,
}

impl Default for EvalRunner {
    fn default() -> EvalRunner {
        EvalRunner { sources: Cache::new(MAX_SOURCES), driver: OnceLock::new() }
    }
}

impl Module for EvalRunner {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Process, ModuleClass::Nondeterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("eval_runner.d.lua")
    }
}

/// The library.
static LIBRARY: Library = Library {
    name: "eval_runner",
    global: false,
    natives: &[Native::new("run", run), Native::new("compile", compile)],
    constants: &[],
};

static PROGRAM: Class = Class {
    name: "eval_runner.Program",
    methods: &[
        method("method", |program: &Program, ()| Ok(program.method.clone())),
        method("modules", |program: &Program, ()| Ok(program.modules.clone())),
    ],
    metamethods: &[],
};

/// Code that was found to be good.
struct Program {
    method: Option<String>,
    modules: Vec<String>,
}

impl Object for Program {
    fn class() -> &'static Class {
        &PROGRAM
    }

    const IS_PLAIN: bool = true;
}

/// What evaluated code finds of Lua: nothing that reaches files, other processes or the code of others.
const SAFE: [&str; 25] = [
    "_VERSION",
    "assert",
    "channel",
    "coroutine",
    "error",
    "errors",
    "getmetatable",
    "ipairs",
    "math",
    "next",
    "pairs",
    "pcall",
    "rawequal",
    "rawget",
    "rawlen",
    "rawset",
    "select",
    "setmetatable",
    "string",
    "table",
    "tonumber",
    "tostring",
    "type",
    "utf8",
    "xpcall",
];

/// Libraries of the runtime that are as safe; others count as `process`.
const HARMLESS: [&str; 4] = ["ctx", "errors", "time", "types"];

/// Classes of modules that are refused unless they are wanted.
const FORBIDDEN: [ModuleClass; 5] =
    [ModuleClass::Process, ModuleClass::Storage, ModuleClass::Network, ModuleClass::Io, ModuleClass::Security];

/// What is to be evaluated.
struct Order {
    proto: Arc<Proto>,
    method: Option<Vec<u8>>,
    arguments: Vec<Data>,
    modules: Vec<String>,
    imports: Vec<Import>,
    /// Tables of the caller, by name.
    custom: Vec<(Vec<u8>, Parcel)>,
}

/// A library of the application.
struct Import {
    name: Vec<u8>,
    library: Entry,
    /// Modules that it sees besides those that the source sees.
    modules: Vec<String>,
}

/// The class for which a module is refused.
fn refused_class(classes: &[ModuleClass], wanted: &[String]) -> Option<ModuleClass> {
    let refused = |class: &&ModuleClass| FORBIDDEN.contains(class) && !wanted.iter().any(|name| name == class.name());
    classes.iter().find(refused).copied()
}

/// Checks that modules exist, and that the caller may let code have them.
fn check_modules(vm: &mut Vm, access: &Access, names: &[String], wanted: &[String]) -> Result<(), ErrorData> {
    for name in names {
        let core = state(vm).core();
        if vm.image.module(name).is_none() {
            return Err(invalid(format!("there is no module {name}")));
        }
        let classes = match core.modules.get(name) {
            Some(module) => module.classes(),
            None if HARMLESS.contains(&&**name) || SAFE.contains(&&**name) => &[],
            None => &[ModuleClass::Process],
        };
        // Records are written by the host: nothing can be reached through them.
        if !matches!(&**name, "logger" | "metrics")
            && let Some(class) = refused_class(classes, wanted)
        {
            let message = format!("module {name} is forbidden: its class is {}", class.name());
            return Err(ErrorData::judged(PERMISSION_DENIED, &message, false));
        }
        access.check("eval.module", name)?;
    }
    Ok(())
}

/// A list of texts.
fn texts(vm: &mut Vm, options: Fields, key: &'static str) -> Result<Vec<String>, ErrorData> {
    let items = options.list(vm, key)?.unwrap_or_default();
    let text = |item: Value| {
        let text = item.is_string().then(|| std::str::from_utf8(string_bytes(item)).ok()).flatten();
        text.map(str::to_owned).ok_or_else(|| invalid(format!("{key}: a list of strings expected")))
    };
    items.into_iter().map(text).collect()
}

/// The classes that are wanted, as far as the caller may want them.
fn wanted_classes(vm: &mut Vm, access: &Access, options: Fields) -> Result<Vec<String>, ErrorData> {
    let wanted = texts(vm, options, "allow_classes")?;
    wanted.iter().try_for_each(|class| access.check("eval.class", class))?;
    Ok(wanted)
}

fn compiled(vm: &mut Vm, source: &[u8]) -> Result<Arc<Proto>, ErrorData> {
    if source.is_empty() || is_binary(source) {
        return Err(invalid("source: text expected that is not empty"));
    }
    vm.fuel -= source.len() as i64 / 4;
    let make = || chunk_proto(source, b"=eval", &NoModules);
    let proto = module::<EvalRunner>(vm).sources.get_or_make(source, make);
    match proto {
        Ok(proto) => Ok(Arc::clone(&proto)),
        Err(message) => Err(ErrorData::judged(INTERNAL, &String::from_utf8_lossy(&message), false)),
    }
}

/// `eval_runner.compile(source, method?, options?)`
fn compile(vm: &mut Vm, args: Args) -> NativeResult {
    let source = args.check_bytes(vm, 0)?;
    let method = match args.get(vm, 1) {
        none if none.is_nil() => None,
        _ => Some(String::from_utf8_lossy(args.check_bytes(vm, 1)?).into_owned()),
    };
    let options = args.get(vm, 2);
    match checked(vm, source, options) {
        Ok(modules) => {
            let program = new_object(vm, Arc::new(Program { method, modules }));
            succeed(vm, program)
        }
        Err(error) => fields::fail(vm, error),
    }
}

fn checked(vm: &mut Vm, source: &[u8], options: Value) -> Result<Vec<String>, ErrorData> {
    let options = Fields::of(options, "options")?;
    let access = Access::of_caller(vm);
    access.check("eval.compile", "eval")?;
    let wanted = wanted_classes(vm, &access, options)?;
    let modules = texts(vm, options, "modules")?;
    check_modules(vm, &access, &modules, &wanted)?;
    compiled(vm, source)?;
    Ok(modules)
}

/// `eval_runner.run{…}`
fn run(vm: &mut Vm, args: Args) -> NativeResult {
    let request = args.check_table(vm, 0)?;
    let context = vm.raw_get_name(request, "context")?;
    let context = match context.is_table() {
        true => Some(Arc::new(Context::default().with_fields(vm, context.as_table())?)),
        false if context.is_nil() => None,
        false => return fields::fail(vm, invalid("context: table expected")),
    };
    let started = order(vm, Value::table(request)).and_then(|order| start(vm, &order, context.as_ref()));
    let (child, outcome) = match started {
        Ok(started) => started,
        Err(error) => return fields::fail(vm, error),
    };
    let result = async move {
        let _child = child;
        outcome.await
    };
    run_future(vm, "eval_runner.run", result, |vm, outcome| answer(vm, outcome.ok()))
}

/// Reads a request, and checks that the caller may ask for all that.
fn order(vm: &mut Vm, request: Value) -> Result<Order, ErrorData> {
    let options = Fields::of(request, "request")?;
    let access = Access::of_caller(vm);
    access.check("eval.run", "eval")?;
    let source = options.string(vm, "source")?.unwrap_or_default();
    let method = options.string(vm, "method")?;
    let arguments = options.list(vm, "args")?.unwrap_or_default();
    let arguments = arguments.into_iter().map(|argument| plain(vm, argument)).collect::<Result<_, _>>()?;
    let wanted = wanted_classes(vm, &access, options)?;
    let modules = texts(vm, options, "modules")?;
    check_modules(vm, &access, &modules, &wanted)?;
    let mut imports = Vec::new();
    for (name, value) in entries(vm, options, "imports")? {
        imports.push(import(vm, &access, name, value, &wanted)?);
    }
    let mut custom = Vec::new();
    for (name, value) in entries(vm, options, "custom_modules")? {
        if !value.is_table() {
            return Err(invalid(format!("custom_modules.{}: table expected", String::from_utf8_lossy(&name))));
        }
        custom.push((name, pack(vm, value)));
    }
    Ok(Order { proto: compiled(vm, &source)?, method, arguments, modules, imports, custom })
}

/// The fields of a table of options whose names are strings.
fn entries(vm: &mut Vm, options: Fields, key: &'static str) -> Result<Vec<(Vec<u8>, Value)>, ErrorData> {
    let table = match options.value(vm, key) {
        none if none.is_nil() => return Ok(Vec::new()),
        value if value.is_table() => value.as_table(),
        _ => return Err(invalid(format!("{key}: table expected"))),
    };
    let mut found = Vec::new();
    let mut at = Value::NIL;
    while let Ok(Some((name, value))) = vm.raw_next(table, at) {
        at = name;
        if !name.is_string() {
            return Err(invalid(format!("{key}: names must be strings")));
        }
        found.push((string_bytes(name).to_vec(), value));
    }
    Ok(found)
}

fn import(vm: &mut Vm, access: &Access, name: Vec<u8>, value: Value, wanted: &[String]) -> Result<Import, ErrorData> {
    let (id, modules) = if value.is_string() {
        (String::from_utf8_lossy(string_bytes(value)).into_owned(), Vec::new())
    } else {
        let options = Fields::of(value, "imports")?;
        let id = options.text(vm, "id")?.ok_or_else(|| invalid("imports: an id is missing"))?;
        (id, texts(vm, options, "modules")?)
    };
    access.check("eval.import", &id)?;
    check_modules(vm, access, &modules, wanted)?;
    let library = state(vm).core().entries.library(&id);
    let library = library.ok_or_else(|| ErrorData::judged(NOT_FOUND, &format!("there is no library {id}"), false))?;
    Ok(Import { name, library, modules })
}

/// A process whose result somebody waits for; it is terminated when nobody does any more.
struct Child {
    core: Arc<RuntimeCore>,
    process: Arc<Process>,
}

impl Drop for Child {
    fn drop(&mut self) {
        self.core.scheduler.kill(&self.process);
    }
}

fn start(
    vm: &mut Vm,
    order: &Order,
    context: Option<&Arc<Context>>,
) -> Result<(Child, oneshot::Receiver<Outcome>), ErrorData> {
    let core = state(vm).core();
    let inherited =
        Inheritance { context: Context::merged(state(vm).context(), context), identity: state(vm).identity().cloned() };
    let driver = *module::<EvalRunner>(vm).driver.get_or_init(|| {
        let source = include_str!("driver.lua");
        Chunk::compile(&core.image, source.as_bytes(), "=eval_runner", &NoModules).expect("the driver is valid")
    });
    let begin = |vm: &mut Vm| order.begin(vm, driver);
    let id = ID.into();
    let program = Start::Program { id: &id, begin: &begin, interruptible: false };
    let parent = state(vm).process();
    let process = spawn::create(core, core.hosts.default_host(), &program, &Parcel::Empty, inherited, Some(parent))?;
    let (sender, outcome) = oneshot::channel();
    // Nobody listens if the caller has ended.
    process.on_exit(Box::new(move |outcome| drop(sender.send(outcome))));
    let process =
        spawn::launch(process, Launch::default()).unwrap_or_else(|_| unreachable!("only a name can be taken"));
    Ok((Child { core: Arc::clone(core), process }, outcome))
}

/// What comes of an evaluation; no outcome means that the runtime goes down.
fn answer(vm: &mut Vm, outcome: Option<Outcome>) -> Continuation {
    let error = match outcome {
        Some(Ok(result)) => {
            let value = result.unpack_one(vm)?;
            match plain(vm, value) {
                Ok(_) => return Ok(smallvec![value, Value::NIL]),
                Err(error) => error_value(vm, error),
            }
        }
        Some(Err(error)) => errors::to_value(vm, error),
        None => error_value(vm, ErrorData::plain(INTERNAL, "the evaluation was given up")),
    };
    Ok(smallvec![Value::NIL, error])
}

impl Order {
    /// The driver, with what it needs, in a fresh Lua state.
    fn begin(&self, vm: &mut Vm, driver: Chunk) -> Result<(Value, Results), Box<LuaError>> {
        let env = self.environment(vm, &[])?;
        let libraries = vm.new_table(0, 0);
        let mut count = 0;
        for import in &self.imports {
            let inner = self.environment(vm, &import.modules)?;
            let nested = import.library.bindings.iter().flat_map(|bindings| &bindings.libraries);
            let nested = nested.map(|library| {
                (library.chunk, inner, library.names.iter().map(|name| name.as_bytes()).collect::<Vec<_>>())
            });
            let outer = (import.library.chunk, env, vec![&import.name[..]]);
            for (chunk, target, names) in nested.chain([outer]) {
                let library = vm.new_table(0, 3);
                let run = vm.new_main_closure(chunk.function(), Value::table(inner));
                vm.raw_set_name(library, "run", run)?;
                vm.raw_set_name(library, "target", Value::table(target))?;
                let list = vm.new_table(0, 0);
                for (i, name) in names.iter().enumerate() {
                    let name = vm.string(name)?;
                    vm.raw_set(list, Value::int(i as i64 + 1), name)?;
                }
                vm.raw_set_name(library, "names", Value::table(list))?;
                count += 1;
                vm.raw_set(libraries, Value::int(count), Value::table(library))?;
            }
        }
        let chunk = vm.load_proto(&self.proto, Value::table(env));
        let method = match &self.method {
            Some(method) => vm.string(method)?,
            None => Value::NIL,
        };
        let mut arguments: Results = smallvec![chunk, method, Value::table(libraries)];
        for argument in &self.arguments {
            arguments.push(argument.to_value(vm)?);
        }
        Ok((driver.closure(vm), arguments))
    }

    /// Globals: what is safe of Lua, the modules that are wanted and some more, and what the caller has made.
    fn environment(&self, vm: &mut Vm, more: &[String]) -> Result<*mut Table, Box<LuaError>> {
        let globals = vm.globals();
        let env = vm.new_table(0, 64);
        for name in SAFE {
            let value = vm.raw_get_name(globals, name)?;
            vm.raw_set_name(env, name, value)?;
        }
        for name in self.modules.iter().chain(more) {
            if let Some(module) = vm.image.module(name) {
                let module = vm.own(module);
                vm.raw_set_name(env, name, module)?;
            }
        }
        for (name, parcel) in &self.custom {
            let (name, value) = (vm.string(name)?, parcel.unpack_one(vm)?);
            vm.raw_set(env, name, value)?;
        }
        vm.raw_set_name(env, "_G", Value::table(env))?;
        let require = vm.new_native_closure(&REQUIRE, &[Value::table(env)]);
        vm.raw_set_name(env, "require", require)?;
        Ok(env)
    }
}

/// `require` of evaluated code: what it has as a global is all there is.
static REQUIRE: Native = Native::new("require", |vm, args| {
    let name = args.check_string(vm, 0)?;
    let env = vm.captured(0).as_table();
    let found = vm.raw_get(env, name);
    if found.is_nil() {
        let name = String::from_utf8_lossy(string_bytes(name));
        return Err(
            vm.error(&format!("module '{name}' not found\n\tevaluated code has the modules that its caller names"))
        );
    }
    vm.answer(found)
});
