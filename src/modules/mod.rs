//! Host modules: what programs reach of the world, each module a file or folder of its own.

pub mod fs;

use crate::vm::image::Library;

/// The libraries of all built-in modules.
pub static LIBRARIES: &[&Library] = &[&fs::LIBRARY];
