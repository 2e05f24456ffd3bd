//! The programs of `lua-tests/guarded/`: each returns a function, which a runtime calls whose guard refuses a few things.
//!
//! Refused are all actions on a resource in whose name there is `refused`, whatever else it is, the private address
//! 127.0.0.2, and sockets whose name begins with `/refused`. The function gets the variables of the servers.

use std::fs;
use std::path::PathBuf;

use libtest_mimic::{Failed, Trial};
use moonlet::{Data, Runtime};

use crate::corpus::{case_name, lua_files};
use crate::program::{limit, root};
use crate::web;

const FOLDER: &str = "guarded";

pub fn trials() -> Vec<Trial> {
    let files = lua_files(&root().join("lua-tests").join(FOLDER));
    files.into_iter().map(|file| Trial::test(case_name(FOLDER, &file), move || passes(&file))).collect()
}

fn allows(action: &str, resource: &str) -> bool {
    !resource.contains("refused") && (action, resource) != ("http_client.private_ip", "127.0.0.2")
}

fn passes(file: &PathBuf) -> Result<(), Failed> {
    let variables = web::environment()?;
    let variables = variables.iter().map(|(name, value)| (Data::from(*name), Data::from(value.as_str()))).collect();
    let runtime = Runtime::builder().entry("test:program", fs::read(file)?).guard(allows).build()?;
    let process = runtime.spawn("test:program", (Data::Map(variables),))?;
    match process.wait_timeout(limit()) {
        Ok(outcome) => outcome.map(drop).map_err(|error| format!("{error:?}").into()),
        Err(_) => Err("still running".into()),
    }
}
