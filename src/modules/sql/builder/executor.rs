//! Statements of builders with the handle they will be run on.

use std::sync::Arc;

use super::part::{Format, Part};
use super::{BUILDER, Build, answer_statement, answer_text, receiver};
use crate::modules::sql::connection::Want;
use crate::modules::sql::error::{SqlError, invalid};
use crate::modules::sql::handle::{Target, new_request, refuse, submit};
use crate::modules::sql::objects::{Db, Transaction};
use crate::runtime::module::object::{Object, new_object, this};
use crate::vm::Vm;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::userdata::Class;

/// See the module header.
struct Executor {
    target: Target,
    part: Part,
    format: Format,
}

static CLASS: Class = Class {
    name: "sql.Executor",
    methods: &[
        Native::new("query", |vm, args| run(vm, args, "query", Want::Rows)),
        Native::new("exec", |vm, args| run(vm, args, "execute", Want::Effect)),
        Native::new("to_sql", to_sql),
    ],
    metamethods: &[Native::new("__tostring", shown)],
};

impl Object for Executor {
    const IS_PLAIN: bool = true;

    fn class() -> &'static Class {
        &CLASS
    }
}

/// `builder:run_with(handle)`
pub fn run_with<B: Build>(vm: &mut Vm, args: Args) -> NativeResult {
    let builder = receiver::<B>(vm, args)?;
    let handle = args.get(vm, 1);
    let target: Result<Target, SqlError> = if let Some(db) = this::<Db>(handle) {
        db.target()
    } else if let Some(tx) = this::<Transaction>(handle) {
        Ok(Target::Transaction(Arc::clone(&tx.0)))
    } else {
        return Err(vm.type_error(1, "sql.DB or sql.Transaction", args.try_get(vm, 1)));
    };
    let target = match target {
        Ok(target) => target,
        Err(error) => return refuse(vm, &error, BUILDER, super::UNKNOWN),
    };
    let engine = target.engine();
    let piece = if engine == "sqlite" { builder.render_for_sqlite() } else { builder.render() };
    let format = if engine == "postgres" { Format::Dollar } else { builder.format() };
    match piece {
        Ok(part) => {
            let executor = new_object(vm, Arc::new(Executor { target, part, format }));
            vm.answer(executor)
        }
        Err(why) => refuse(vm, &invalid(why), BUILDER, engine),
    }
}

fn run(vm: &mut Vm, args: Args, operation: &'static str, want: Want) -> NativeResult {
    let executor = receiver::<Executor>(vm, args)?;
    let text = executor.part.numbered(executor.format);
    let request = new_request(vm, text.into(), executor.part.args.clone(), want);
    submit(vm, &executor.target, operation, request)
}

fn to_sql(vm: &mut Vm, args: Args) -> NativeResult {
    let executor = receiver::<Executor>(vm, args)?;
    answer_statement(vm, Ok(executor.part.clone()), executor.format)
}

fn shown(vm: &mut Vm, args: Args) -> NativeResult {
    let executor = receiver::<Executor>(vm, args)?;
    let text = format!("Executor: {}", executor.part.shown(executor.format));
    answer_text(vm, &text)
}
