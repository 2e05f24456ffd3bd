//! Runs the Lua corpus through the `moonlet` command: every Lua file is one test case.
//!
//! | file | cases |
//! | --- | --- |
//! | `corpus` | `language/`, `stdlib/`, `runtime/`, `sandbox/`, `modules/` must pass, the first two also as binary chunks; `errors/` must fail as described |
//! | `reference` | the first two on `lua5.3` |
//! | `examples` | the Lua programs of `examples/` print what `lua-tests/examples/*.expected` says |
//! | `wordcount` | the totals of `examples/wordcount` against an independent count; its bad input |
//! | `apps` | the applications of `lua-tests/apps`, by their transcripts; `init`; signals |
//! | `types` | `types/`: what the checker finds is what the comments say; manifests have what the libraries have |
//! | `cli` | what the command does with good and bad arguments |
//! | `options` | the options and environment variables of the `lua` command |
//! | `editor` | the language server, as an editor talks to it |
//! | `lines` | sessions at the keyboard, over pipes and at a pseudo-terminal; signals |
//! | `program` | running a program with a time limit |
//! | `guarded` | `guarded/` in a runtime whose guard refuses things |
//! | `served` | servers made with the Rust API, their functions and clients in `served/` |
//! | `web` | HTTP servers for the programs in `modules/` |
//! | `folder` | folders for files that tests make |
//!
//! The environment reaches the programs unchanged, so `MOONLET_GC_STRESS=1 cargo test --test lua` is the same run with a
//! collection at every safepoint. `MOONLET_WORKERS` sets the number of scheduler threads; `runtime/` and `modules/` run with several.

use std::process::ExitCode;

use libtest_mimic::Arguments;

mod apps;
mod cli;
mod corpus;
mod editor;
mod examples;
mod folder;
#[cfg(feature = "http")]
mod guarded;
mod lines;
mod options;
mod program;
mod reference;
#[cfg(feature = "http")]
mod served;
mod types;
#[cfg(feature = "http")]
mod web;
mod wordcount;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = [
        corpus::trials,
        reference::trials,
        examples::trials,
        wordcount::trials,
        types::trials,
        apps::trials,
        cli::trials,
        options::trials,
        lines::trials,
        editor::trials,
        #[cfg(feature = "http")]
        guarded::trials,
        #[cfg(feature = "http")]
        served::trials,
    ];
    let trials = trials.into_iter().flat_map(|trials| trials());
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
