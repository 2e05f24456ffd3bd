//! The command `moonlet`.

use std::process::ExitCode;

fn main() -> ExitCode {
    moonlet::cli::main(std::env::args_os())
}
