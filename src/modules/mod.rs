//! Host modules: what programs reach of the world, each module a file or folder of its own.
//!
//! | file | module |
//! | --- | --- |
//! | [`fs`] | files |
//! | `json`, [`yaml`], `base64`, `compress` | data as text and back; data made small |
//! | `text`, [`html`], [`templates`] | texts: expressions, differences, pieces; HTML that others wrote; made from templates |
//! | `hash`, `crypto`, `uuid` | digests; ciphers, signatures, random bytes; identifiers |
//! | `env`, `logger`, [`metrics`] | the environment; records of what happens; numbers about it |
//! | `store`, [`queue`] | data under keys; letters for functions |
//! | [`expr`], `eval_runner` | expressions over plain data; code that is data |
//! | [`security`] | who acts, and what decides about it |
//! | `system`, [`exec`] | what the runtime knows of itself and the machine; programs of the operating system |
//! | `http_client`, `websocket`, `http` | HTTP: clients and servers |
//! | `certificates` | TLS, of HTTP and of databases |
//! | `net`, `stream`, `scanner`, `split` | what these and files share: connections, bytes that come bit by bit |
//! | [`fields`], `plain`, `cache` | what many share: options, plain data, what was compiled last |
//! | `sql` | databases |
//! | `terminal` | the module `io` of processes that have the terminal |
//!
//! House rules: what a module is, says [`Module`](crate::runtime::module::Module). Only misuse of a function raises; what depends on data or on the world is
//! returned as `nil, error`. Nothing waits on a worker, see [`operation`](crate::runtime::operation).

#[cfg(feature = "app")]
mod base64;
#[cfg(feature = "json")]
mod cache;
#[cfg(any(feature = "http", feature = "sql"))]
mod certificates;
#[cfg(feature = "app")]
mod compress;
#[cfg(feature = "app")]
pub mod crypto;
#[cfg(feature = "app")]
pub mod env;
#[cfg(feature = "app")]
mod eval_runner;
#[cfg(feature = "app")]
pub mod exec;
#[cfg(feature = "app")]
pub mod expr;
#[cfg(feature = "app")]
pub mod fields;
pub mod fs;
#[cfg(feature = "app")]
mod hash;
#[cfg(feature = "app")]
pub mod html;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "http")]
pub mod http_client;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "app")]
mod logger;
#[cfg(feature = "app")]
pub mod metrics;
#[cfg(feature = "http")]
pub mod net;
#[cfg(feature = "app")]
mod plain;
#[cfg(feature = "app")]
pub mod queue;
#[cfg(feature = "app")]
mod scanner;
#[cfg(feature = "app")]
pub mod security;
mod split;
#[cfg(feature = "sql")]
pub mod sql;
#[cfg(feature = "app")]
pub mod store;
#[cfg(feature = "app")]
pub mod stream;
#[cfg(feature = "app")]
mod system;
#[cfg(feature = "app")]
pub mod templates;
#[cfg(feature = "app")]
mod terminal;
#[cfg(feature = "app")]
mod text;
#[cfg(feature = "app")]
mod uuid;
#[cfg(feature = "http")]
pub mod websocket;
#[cfg(feature = "app")]
pub mod yaml;

use std::sync::Arc;

#[cfg(feature = "app")]
use crate::runtime::errors;
use crate::runtime::module::Modules;
use crate::types::Manifest;
#[cfg(any(feature = "json", feature = "sql"))]
use crate::vm::Vm;
use crate::vm::image::{Image, Library, random_seed};
#[cfg(any(feature = "json", feature = "sql"))]
use crate::vm::native::{Flow, NativeResult};
use crate::vm::value::Value;
use crate::{runtime, stdlib};

/// The marker for null where nil cannot stand, as `sql.NULL`: the address of nothing in particular.
pub const NULL: Value = Value::light(0x4e55_4c4c);

/// The built-in modules.
pub fn built_in() -> Modules {
    let mut modules = Modules::default();
    modules.add_built_in(fs::Fs::default());
    #[cfg(feature = "json")]
    modules.add_built_in(json::Json::default());
    #[cfg(feature = "sql")]
    modules.add_built_in(sql::Sql::default());
    #[cfg(feature = "app")]
    {
        modules.add_built_in(base64::Base64);
        modules.add_built_in(compress::Compress);
        modules.add_built_in(crypto::Crypto);
        modules.add_built_in(env::Env::default());
        modules.add_built_in(eval_runner::EvalRunner::default());
        modules.add_built_in(exec::Exec);
        modules.add_built_in(expr::Expressions::default());
        modules.add_built_in(hash::Hash);
        modules.add_built_in(html::Html);
        modules.add_built_in(logger::Log);
        modules.add_built_in(metrics::Metrics::default());
        modules.add_built_in(queue::Queues::default());
        modules.add_built_in(security::Security);
        modules.add_built_in(store::Stores::default());
        modules.add_built_in(system::System::default());
        modules.add_built_in(templates::TemplateSets::default());
        modules.add_built_in(text::Text);
        modules.add_built_in(uuid::Identifiers::default());
        modules.add_built_in(yaml::Yaml);
    }
    #[cfg(feature = "http")]
    {
        modules.add_built_in(http_client::HttpClient::default());
        modules.add_built_in(http::Http::default());
        modules.add_built_in(websocket::WebSocket::default());
    }
    modules
}

/// What the processes of a runtime with these modules share. In a `sandbox` the libraries of Lua are those of that profile,
/// and no library table can be changed.
pub fn image(modules: &Modules, sandbox: bool) -> Arc<Image> {
    let mut libraries: Vec<&'static Library> = match sandbox {
        true => stdlib::sandbox::libraries().into_iter().chain(runtime::SANDBOX.iter().copied()).collect(),
        false => stdlib::libraries(),
    };
    #[cfg(feature = "app")]
    if sandbox {
        // Elsewhere `io` is that of Lua.
        libraries.push(&terminal::LIBRARY);
    }
    libraries.extend(runtime::LIBRARIES);
    libraries.extend(modules.global_libraries());
    let on_demand = runtime::on_demand().into_iter().chain(modules.on_demand()).collect();
    Image::with_modules(&libraries, on_demand, sandbox, random_seed())
}

/// The types of all libraries: those of Lua, of the runtime, and the built-in modules.
pub fn all_manifests() -> Vec<Manifest> {
    manifests(&built_in())
}

/// The types of the libraries of Lua and of the runtime, and those of these modules.
pub fn manifests(modules: &Modules) -> Vec<Manifest> {
    stdlib::MANIFESTS.iter().chain(runtime::MANIFESTS).copied().chain(of_modules(modules)).collect()
}

/// The types of all libraries of applications with these modules.
#[cfg(feature = "app")]
pub fn sandbox_manifests(modules: &Modules) -> Vec<Manifest> {
    let lua = stdlib::MANIFESTS.iter().filter(|manifest| !["debug", "io", "package"].contains(&manifest.name));
    let others = stdlib::sandbox::MANIFESTS.iter().chain([&terminal::MANIFEST]).chain(runtime::MANIFESTS);
    lua.chain(others).copied().chain(of_modules(modules)).collect()
}

fn of_modules(modules: &Modules) -> Vec<Manifest> {
    modules.iter().map(|module| Manifest { name: module.name(), global: false, text: module.manifest() }).collect()
}

/// Answers a native call with `value, nil`.
#[cfg(any(feature = "json", feature = "sql"))]
fn succeed(vm: &mut Vm, value: Value) -> NativeResult {
    vm.push_all(&[value, Value::NIL])?;
    Ok(Flow::Return(2))
}

/// Answers a native call with a string and nil.
#[cfg(feature = "app")]
fn succeed_with_text(vm: &mut Vm, text: &[u8]) -> NativeResult {
    let text = vm.string(text)?;
    succeed(vm, text)
}

/// Answers a native call whose argument is no string with `nil, error`.
#[cfg(feature = "app")]
fn not_text(vm: &mut Vm, value: Value) -> NativeResult {
    let name = vm.type_name_of(value);
    errors::fail(vm, errors::INVALID, &format!("string expected, got {name}"))
}

#[cfg(all(test, feature = "http"))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::runtime::{identity, lib_pg};
    use crate::types::declared::declared;
    use crate::vm::userdata::Class;

    /// Classes of objects that only servers, connections or definitions give: `lua-tests/harness/inventory.lua` cannot look
    /// at one.
    static OUT_OF_REACH: [&Class; 11] = [
        &http::request::REQUEST,
        &http::request::UPLOAD,
        &http::response::RESPONSE,
        &identity::POLICY,
        &lib_pg::INSTANCE,
        &queue::MESSAGE,
        &scanner::SCANNER,
        &security::TOKEN_STORE,
        &stream::STREAM,
        &templates::SET,
        &websocket::CLIENT,
    ];

    #[test]
    fn manifests_declare_all_methods() {
        let declared: BTreeSet<String> = all_manifests().iter().flat_map(|manifest| declared(manifest.text)).collect();
        for class in OUT_OF_REACH {
            let prefix = format!("{}:", class.name);
            let declared: Vec<_> = declared.iter().filter_map(|name| name.strip_prefix(&prefix)).collect();
            let mut present: Vec<_> = class.methods.iter().map(|method| method.name).collect();
            present.sort_unstable();
            assert_eq!(declared, present, "{}", class.name);
        }
    }
}
