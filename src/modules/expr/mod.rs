//! The `expr` module (`modules.md` §4.23): expressions over plain data, for rules that are data themselves.
//!
//! | file | owns |
//! | --- | --- |
//! | `token`, `parse`, [`tree`] | from text to a tree |
//! | `eval`, `functions` | from a tree and an environment to a value |
//! | [`value`] | what is computed with |
//!
//! Nothing here needs a Lua state: policies of the module `security` are expressions, too. There are no loops and no
//! assignments, and an evaluation ends after so many steps, whatever the text.

pub mod eval;
pub mod functions;
pub mod parse;
#[cfg(test)]
mod tests;
mod token;
pub mod tree;
pub mod value;

use std::sync::Arc;

pub use self::parse::regex;

use self::eval::Evaluation;
use self::tree::Tree;
use self::value::Value as Computed;
use super::cache::Cache;
use super::fields;
use super::plain::plain;
use super::succeed;
use crate::runtime::data::Data;
use crate::runtime::errors::{self, ErrorData, INTERNAL, INVALID};
use crate::runtime::module::object::{Object, check, new_object};
use crate::runtime::module::{Module, ModuleClass, module};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// Compiled texts that are kept.
const MAX_PROGRAMS: usize = 1000;

/// The module, with what was compiled last.
pub struct Expressions(Cache<Tree>);

impl Default for Expressions {
    fn default() -> Expressions {
        Expressions(Cache::new(MAX_PROGRAMS))
    }
}

impl Module for Expressions {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Deterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("expr.d.lua")
    }
}

/// The library.
static LIBRARY: Library = Library {
    name: "expr",
    global: false,
    natives: &[Native::new("eval", eval), Native::new("compile", compile)],
    constants: &[],
};

static PROGRAM: Class = Class { name: "expr.Program", methods: &[Native::new("run", run)], metamethods: &[] };

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Program(Arc<Tree>);

impl Program {
    /// The program of a text.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn compile(text: &[u8]) -> Result<Program, String> {
        parse::parse(text).map(|tree| Program(Arc::new(tree)))
    }

    /// Its value where names mean what a map has under them.
    ///
    /// # Errors
    /// What failed.
    pub fn run(&self, environment: &Computed) -> Result<Computed, String> {
        Evaluation::new(&self.0, environment).run()
    }
}

impl Object for Program {
    fn class() -> &'static Class {
        &PROGRAM
    }

    const IS_PLAIN: bool = true;
}

/// Steps that cost as much as a function call.
const STEPS_PER_CALL: usize = 4;

/// The program of the text in the first argument.
fn program(vm: &mut Vm, args: Args) -> Result<Result<Program, ErrorData>, Box<LuaError>> {
    let text = args.check_bytes(vm, 0)?;
    if text.is_empty() {
        return Ok(Err(ErrorData::judged(INVALID, "empty expression", false)));
    }
    let tree = module::<Expressions>(vm).0.get_or_make(text, || parse::parse(text));
    Ok(tree.map(Program).map_err(|message| ErrorData::judged(INTERNAL, &message, false)))
}

/// The environment in an argument: a table or nothing.
fn environment(vm: &mut Vm, args: Args, i: u32) -> Result<Result<Computed, ErrorData>, Box<LuaError>> {
    if args.get(vm, i).is_nil() {
        return Ok(Ok(Computed::Nil));
    }
    let table = args.check_table(vm, i)?;
    Ok(plain(vm, Value::table(table))
        .and_then(|data| Computed::try_from(&data).map_err(|message| ErrorData::judged(INVALID, &message, false))))
}

fn answer(vm: &mut Vm, program: &Program, environment: &Computed) -> NativeResult {
    let mut evaluation = Evaluation::new(&program.0, environment);
    let result = evaluation.run();
    vm.fuel -= (evaluation.steps() / STEPS_PER_CALL) as i64;
    match result {
        Ok(value) => {
            let value = Data::from(&value).to_value(vm)?;
            succeed(vm, value)
        }
        Err(message) => errors::fail(vm, INTERNAL, &message),
    }
}

/// `expr.eval(text, env?)`
fn eval(vm: &mut Vm, args: Args) -> NativeResult {
    let (program, environment) = (program(vm, args)?, environment(vm, args, 1)?);
    match (program, environment) {
        (Ok(program), Ok(environment)) => answer(vm, &program, &environment),
        (Err(error), _) | (_, Err(error)) => fields::fail(vm, error),
    }
}

/// `expr.compile(text, env?)`; what the environment will be like does not matter: names mean nothing before.
fn compile(vm: &mut Vm, args: Args) -> NativeResult {
    let program = program(vm, args)?;
    if !args.get(vm, 1).is_nil() {
        args.check_table(vm, 1)?;
    }
    match program {
        Ok(program) => {
            let program = new_object(vm, Arc::new(program));
            succeed(vm, program)
        }
        Err(error) => fields::fail(vm, error),
    }
}

/// `program:run(env?)`
fn run(vm: &mut Vm, args: Args) -> NativeResult {
    let program = check::<Program>(vm, args, 0)?;
    match environment(vm, args, 1)? {
        Ok(environment) => answer(vm, &program, &environment),
        Err(error) => fields::fail(vm, error),
    }
}
