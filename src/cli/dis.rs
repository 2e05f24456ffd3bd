//! `moonlet dis`: the bytecode of a script or a binary chunk.

use std::path::Path;
use std::process::ExitCode;

use super::{chunk_name, fail, read_source};
use crate::bytecode::disasm::disassemble;
use crate::compile::NoModules;
use crate::stdlib::load::chunk_proto;

pub(super) fn dis(file: &Path) -> ExitCode {
    let source = match read_source(file) {
        Ok(source) => source,
        Err(message) => return fail(&message),
    };
    let name = chunk_name(file);
    match chunk_proto(&source, &name, &NoModules) {
        Ok(proto) => super::print(&disassemble(&proto)),
        Err(message) => fail(&String::from_utf8_lossy(&message)),
    }
}
