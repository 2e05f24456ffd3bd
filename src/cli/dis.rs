//! `moonlet dis`: the bytecode of a script.

use std::path::Path;
use std::process::ExitCode;

use super::{chunk_name, fail, read_source};
use crate::bytecode::disasm::disassemble;
use crate::compile::compile_source;
use crate::syntax::chunk_id;

pub(super) fn dis(file: &Path) -> ExitCode {
    let source = match read_source(file) {
        Ok(source) => source,
        Err(message) => return fail(&message),
    };
    let name = chunk_name(file);
    match compile_source(&source, &name) {
        Ok(proto) => super::print(&disassemble(&proto)),
        Err(error) => fail(&error.lua_message(&chunk_id(&name))),
    }
}
