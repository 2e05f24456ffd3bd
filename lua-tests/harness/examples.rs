//! The Lua programs of `examples/` whose output is fixed.

use std::fs;

use libtest_mimic::{Failed, Trial};

use crate::program::{Program, root};

pub fn trials() -> Vec<Trial> {
    let alone = ["pipeline", "ring", "supervise"];
    let alone = alone.map(|name| Trial::test(format!("examples::{name}"), move || prints_what_is_expected(name, &[])));
    let mut trials: Vec<Trial> = alone.into();
    #[cfg(feature = "http")]
    trials.push(Trial::test("examples::crawler", crawler));
    trials
}

fn prints_what_is_expected(name: &str, arguments: &[&str]) -> Result<(), Failed> {
    let expected = fs::read_to_string(root().join(format!("lua-tests/examples/{name}.expected")))?;
    let script = format!("examples/{name}/main.lua");
    let program = Program::moonlet(&root()).arg("run").arg(script).args(arguments);
    program.run()?.expect_status(0)?.expect_stdout(&expected)?;
    Ok(())
}

/// It needs a site.
#[cfg(feature = "http")]
fn crawler() -> Result<(), Failed> {
    let variables = crate::web::environment()?;
    let server = variables.iter().find(|(name, _)| *name == "WEB_URL").map(|(_, url)| url);
    let site = format!("{}/site/", server.ok_or("no server")?);
    prints_what_is_expected("crawler", &[&site, "3", "1000"])
}
