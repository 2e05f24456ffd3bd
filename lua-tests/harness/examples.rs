//! The Lua programs of `examples/` whose output is fixed.

use std::fs;

use libtest_mimic::{Failed, Trial};

use crate::program::{Program, root};

pub fn trials() -> Vec<Trial> {
    ["pipeline", "ring", "supervise"]
        .map(|name| Trial::test(format!("examples::{name}"), move || prints_what_is_expected(name)))
        .into()
}

fn prints_what_is_expected(name: &str) -> Result<(), Failed> {
    let expected = fs::read_to_string(root().join(format!("lua-tests/examples/{name}.expected")))?;
    let script = format!("examples/{name}/main.lua");
    Program::moonlet(&root()).arg("run").arg(script).run()?.expect_status(0)?.expect_stdout(&expected)?;
    Ok(())
}
