//! Loading source code.

use super::Lua;
use super::convert::{FromLuaMulti, IntoLuaMulti};
use super::error::{Error, Result};
use super::handle::Function;
use crate::compile::compile_source;
use crate::syntax::chunk_id;
use crate::vm::value::Value;

/// Source code that was not run yet.
#[derive(Debug)]
pub struct Chunk<'a> {
    lua: Lua,
    source: &'a [u8],
    name: Vec<u8>,
}

impl<'a> Chunk<'a> {
    pub(super) fn new(lua: Lua, source: &'a [u8]) -> Chunk<'a> {
        Chunk { lua, source, name: source.to_vec() }
    }

    /// Names the chunk in messages: `@file` for a file, `=name` for anything else; without a name the source itself is
    /// quoted.
    #[must_use]
    pub fn set_name(self, name: impl AsRef<[u8]>) -> Chunk<'a> {
        Chunk { name: name.as_ref().to_vec(), ..self }
    }

    fn compile(&self, source: &[u8]) -> Result<Function> {
        let proto = compile_source(source, &self.name)
            .map_err(|error| Error::Syntax(error.lua_message(&chunk_id(&self.name))))?;
        let function = self.lua.with(|vm| {
            let globals = Value::table(vm.globals());
            vm.load_proto(&proto, globals)
        });
        Ok(Function(self.lua.root(function)))
    }

    /// The chunk as a function.
    ///
    /// # Errors
    /// [`Error::Syntax`]
    pub fn into_function(self) -> Result<Function> {
        self.compile(self.source)
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`Error::Syntax`], and as for [`Function::call`].
    pub fn exec(self) -> Result<()> {
        self.call(())
    }

    /// Evaluates it: an expression, or a chunk that returns values.
    ///
    /// # Errors
    /// As for [`Chunk::exec`], and [`Error::Conversion`].
    pub fn eval<R: FromLuaMulti>(self) -> Result<R> {
        let expression = [b"return ", self.source].concat();
        match self.compile(&expression) {
            Ok(function) => function.call(()),
            Err(_) => self.call(()),
        }
    }

    /// Calls it with arguments (its `...`).
    ///
    /// # Errors
    /// As for [`Chunk::eval`].
    pub fn call<R: FromLuaMulti>(self, args: impl IntoLuaMulti) -> Result<R> {
        self.compile(self.source)?.call(args)
    }
}
