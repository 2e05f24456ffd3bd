//! Host modules: what programs reach of the world, each module a file or folder of its own.

pub mod fs;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "sql")]
pub mod sql;

use std::sync::Arc;

use crate::runtime::module::Modules;
use crate::types::Manifest;
use crate::vm::image::{Image, Library, random_seed};
use crate::vm::value::Value;
use crate::{runtime, stdlib};

/// The marker for null where nil cannot stand, as `sql.NULL`: the address of nothing in particular.
pub const NULL: Value = Value::light(0x4e55_4c4c);

/// The built-in modules.
pub fn built_in() -> Modules {
    let mut modules = Modules::default();
    modules.add(fs::Fs);
    #[cfg(feature = "json")]
    modules.add(json::Json::default());
    #[cfg(feature = "sql")]
    modules.add(sql::Sql::default());
    modules
}

/// What the processes of a runtime with these modules share. In a `sandbox` the libraries of Lua are those of that profile,
/// and no library table can be changed.
pub fn image(modules: &Modules, sandbox: bool) -> Arc<Image> {
    let mut libraries: Vec<&'static Library> = match sandbox {
        true => stdlib::sandbox::libraries().into_iter().chain(runtime::SANDBOX.iter().copied()).collect(),
        false => stdlib::libraries(),
    };
    libraries.extend(runtime::LIBRARIES);
    libraries.extend(modules.iter().flat_map(|module| module.libraries()));
    Image::new(&libraries, sandbox, random_seed())
}

/// The types of all libraries: those of Lua, of the runtime, and the built-in modules.
pub fn all_manifests() -> Vec<Manifest> {
    let modules = built_in();
    let manifests =
        modules.iter().map(|module| Manifest { name: module.name(), global: false, text: module.manifest() });
    stdlib::MANIFESTS.iter().chain(runtime::MANIFESTS).copied().chain(manifests).collect()
}
