//! The command `moonlet`.

use std::process::ExitCode;

/// What a burst of processes needed goes back to the system when they are gone.
#[global_allocator]
static ALLOCATOR: moonlet::Allocator = moonlet::Allocator;

fn main() -> ExitCode {
    moonlet::cli::main(std::env::args_os())
}
