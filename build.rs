//! How the command is linked in release builds, so that a process takes little memory: a script of a few lines needs
//! 2 MB this way, and 11 MB as the linker does it by itself.
//!
//! * **The C library is linked statically.** Of the shared one each process has 2 MB mapped, most of it for the dynamic
//!   linker and for tables of symbols. rustc's own switch for this cannot be used: it rules out procedural macros. So the
//!   linker finds the static libraries under the names of the shared ones that rustc asks for: small linker scripts in a
//!   folder that it searches first.
//! * **The command has a fixed address.** At one chosen by the system, half a megabyte of addresses in its tables would
//!   have to be corrected, and so read and copied, at every start.
//! * **Functions that programs really use lie side by side.** The system maps 64 KB of code around each place that is
//!   touched, so a few functions in each corner have all of it mapped. `tools/hot.ld`, written by `tools/hot-text`,
//!   lists what belongs together, and keeps our tables and strings apart from those of libraries. It also puts the
//!   interpreter loop at a place where it is fast.
//!
//! None of this changes what the program does, and where something is missing for it or somebody has chosen a linker, all
//! stays as it is otherwise. The library and other programs that use it are not concerned.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// What rustc passes to the linker as `-l`, and the static libraries to be taken for it. Those of the compiler and of C
/// need each other.
const LIBRARIES: [(&str, &[&str]); 3] =
    [("gcc_s", &["gcc_eh", "gcc", "c"]), ("c", &["c", "gcc_eh", "gcc"]), ("m", &["m"])];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=tools/hot.ld");
    if !applies() {
        return;
    }
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    println!("cargo:rustc-link-arg-bins=-Wl,-T,{}", root.join("tools/hot.ld").display());
    let folder = PathBuf::from(variable("OUT_DIR"));
    match write_scripts(&folder) {
        Ok(true) => {
            println!("cargo:rustc-link-arg-bins=-L{}", folder.display());
            // Not `-static`: what begins a program then makes the unwinder read and sort its tables by itself.
            println!("cargo:rustc-link-arg-bins=-no-pie");
            println!("cargo:rustc-link-arg-bins=-Wl,--no-dynamic-linker");
        }
        Ok(false) => {}
        Err(error) => println!("cargo:warning=linking with shared libraries: {error}"),
    }
}

/// Whether this is a release build for this machine with the linker that comes with it.
fn applies() -> bool {
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    variable("PROFILE") == "release"
        && variable("CARGO_CFG_TARGET_OS") == "linux"
        && variable("CARGO_CFG_TARGET_ENV") == "gnu"
        && variable("TARGET") == variable("HOST")
        && variable("RUSTC_LINKER").is_empty()
        && !flags.contains("link")
        && !flags.contains("crt-static")
}

/// Writes the linker scripts that stand for shared libraries, unless a static library is missing.
fn write_scripts(folder: &Path) -> io::Result<bool> {
    for (name, parts) in LIBRARIES {
        let mut files = String::new();
        for part in parts {
            match static_file(&format!("lib{part}.a"))? {
                Some(file) => files += &format!(" \"{file}\""),
                None => return Ok(false),
            }
        }
        fs::write(folder.join(format!("lib{name}.so")), format!("GROUP ({files} )\n"))?;
    }
    Ok(true)
}

/// Where the C compiler, which rustc links with, has a file; `None` if it has none.
fn static_file(name: &str) -> io::Result<Option<String>> {
    let output = Command::new("cc").arg(format!("-print-file-name={name}")).output()?;
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok((Path::new(&path).is_absolute() && Path::new(&path).exists()).then_some(path))
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
