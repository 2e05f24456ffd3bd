//! From the entries of an HTTP server to what is started (`modules.md` §4.14): services, routers, endpoints, folders.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use hyper::Method;
use parking_lot::Mutex;

use super::catalog::Catalog;
use super::definition::Definition;
use super::kinds::{HTTP_ENDPOINT, HTTP_ROUTER, HTTP_STATIC};
use super::link::texts;
use super::problem::Problem;
use crate::modules::env;
use crate::modules::fs::{self, DIRECTORY, Fs, directory, ensure};
use crate::modules::http::firewall::Firewall;
use crate::modules::http::middleware::Middleware;
use crate::modules::http::relay::Relay;
use crate::modules::http::route::Routes;
use crate::modules::http::service::{self, Endpoint, FileSite, Router, Server, Service, Timeouts, full_path};
use crate::modules::http::tls::ServerTls;
use crate::modules::security::tokens;
use crate::runtime::core::RuntimeCore;
use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, INVALID, UNAVAILABLE};
use crate::runtime::module::resource::{Resource, Work};
use crate::runtime::time;

type Definitions = BTreeMap<Arc<str>, Arc<Definition>>;

/// The middleware whose option names a volume.
const SENDFILE: &str = "sendfile";
const SENDFILE_VOLUME: &str = "sendfile.fs";
/// The option that names a token store.
const TOKEN_STORE: &str = "token_auth.store";

/// Checks what can be known of servers before they start: routes, and options of middleware.
pub fn check(definitions: &Definitions, problems: &mut Vec<Problem>) {
    for definition in definitions.values() {
        let mut report = |field: &str, message| problems.push(definition.problem(field, message));
        match &*definition.kind {
            HTTP_ROUTER | HTTP_STATIC => {
                let options = options(definition, "options");
                if let Some(id) = options.get(TOKEN_STORE)
                    && definitions.get(&**id).is_none_or(|found| &*found.kind != tokens::KIND)
                {
                    report("options", format!("'{TOKEN_STORE}': {id} is no token store"));
                }
                for name in texts(definition.data.get("middleware")) {
                    match volume(definition, definitions, name, &options) {
                        // Its folder may be made when the server starts.
                        Ok(Some(_)) => {}
                        Ok(None) => {
                            drop(Middleware::new(name, &options).map_err(|message| report("middleware", message)))
                        }
                        Err(message) => report("options", message),
                    }
                }
                let options = self::options(definition, "post_options");
                for name in texts(definition.data.get("post_middleware")) {
                    drop(behind_route(name, &options).map_err(|message| report("post_middleware", message)));
                }
            }
            _ => {}
        }
    }
    check_routes(definitions, problems);
}

/// What a name among the post-middleware of a router means.
enum BehindRoute {
    Firewall(Firewall),
    Relay(Relay),
}

fn behind_route(name: &str, options: &HashMap<String, String>) -> Result<BehindRoute, String> {
    match Firewall::new(name, options)? {
        Some(firewall) => Ok(BehindRoute::Firewall(firewall)),
        None => Relay::new(name, options).map(BehindRoute::Relay),
    }
}

/// Finds endpoints that are no routes, and those of one server that are the same route.
fn check_routes(definitions: &Definitions, problems: &mut Vec<Problem>) {
    let mut servers: HashMap<String, Routes<()>> = HashMap::new();
    for endpoint in definitions.values().filter(|definition| &*definition.kind == HTTP_ENDPOINT) {
        let (Some(method), Some(path)) = (endpoint.text("method"), endpoint.text("path")) else { continue };
        let Ok(method) = Method::from_bytes(method.as_bytes()) else {
            problems.push(endpoint.problem("method", format!("'method': {method:?} is none")));
            continue;
        };
        let router = endpoint.reference("meta.router").and_then(|id| definitions.get(&*id));
        let Some(router) = router.filter(|router| &*router.kind == HTTP_ROUTER) else { continue };
        let Some(server) = router.reference("meta.server") else { continue };
        let path = full_path(router.text("prefix").unwrap_or_default(), path);
        if let Err(message) = servers.entry(server).or_default().add(method, &path, ()) {
            problems.push(endpoint.problem("path", message));
        }
    }
}

/// The options of middleware as texts.
fn options(definition: &Definition, field: &str) -> HashMap<String, String> {
    let Some(Data::Map(entries)) = definition.data.get(field) else { return HashMap::new() };
    let text = |value: &Data| match value {
        Data::Integer(i) => Some(i.to_string()),
        Data::Float(f) => Some(f.to_string()),
        Data::Boolean(b) => Some(b.to_string()),
        value => value.as_str().map(str::to_owned),
    };
    let options = entries.iter().filter_map(|(name, value)| Some((name.as_str()?.to_owned(), text(value)?)));
    let mut options: HashMap<String, String> = options.collect();
    if let Some(id) = options.get_mut(TOKEN_STORE) {
        *id = definition.resolve_id(id);
    }
    options
}

/// The volume that an option of middleware names, if it has such an option.
fn volume<'a>(
    definition: &Definition,
    definitions: &'a Definitions,
    middleware: &str,
    options: &HashMap<String, String>,
) -> Result<Option<&'a Definition>, String> {
    if middleware != SENDFILE {
        return Ok(None);
    }
    let id = options.get(SENDFILE_VOLUME).ok_or_else(|| format!("missing option '{SENDFILE_VOLUME}'"))?;
    let found = definitions.get(&*definition.resolve_id(id));
    let found = found.filter(|found| &*found.kind == DIRECTORY);
    found.map(|found| Some(&**found)).ok_or_else(|| format!("'{SENDFILE_VOLUME}': {id} is no {DIRECTORY}"))
}

/// The server of an entry.
struct WebServer {
    core: Arc<RuntimeCore>,
    catalog: Arc<Catalog>,
    definition: Arc<Definition>,
    /// While it runs: the server, and the entries that it was made of.
    running: Mutex<Option<(Server, Vec<Arc<Definition>>)>>,
}

/// What stands for the server of an entry. Its start fails with `Invalid` if something is wrong with it, and with
/// `Unavailable` if its address cannot be had.
pub fn resource(core: &Arc<RuntimeCore>, definition: &Arc<Definition>, catalog: &Arc<Catalog>) -> Arc<dyn Resource> {
    let (core, catalog, definition) = (Arc::clone(core), Arc::clone(catalog), Arc::clone(definition));
    Arc::new(WebServer { core, catalog, definition, running: Mutex::new(None) })
}

impl WebServer {
    /// The server as the current entries describe it, and those entries.
    fn describe(&self) -> Result<(Service, Vec<Arc<Definition>>), ErrorData> {
        let version = self.catalog.current();
        let definitions = &version.linked.definitions;
        let service = describe(&self.core, definitions, self.catalog.folder(), &self.definition);
        Ok((service.map_err(invalid)?, parts(definitions)))
    }

    fn open(&self) -> Result<(), ErrorData> {
        let (service, parts) = self.describe()?;
        let address = service.address.clone();
        let server = service::start(&self.core, service).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidInput => invalid(error.to_string()),
            _ => ErrorData::judged(UNAVAILABLE, &format!("{address}: {error}"), true),
        })?;
        *self.running.lock() = Some((server, parts));
        Ok(())
    }

    /// Replaces what the server answers with, if the entries are others.
    fn reroute(&self) -> Result<(), ErrorData> {
        // Held to the end: who comes later knows the later entries.
        let mut running = self.running.lock();
        let Some((server, known)) = &mut *running else { return Ok(()) };
        let parts = parts(&self.catalog.current().linked.definitions);
        let is_known = |(a, b): (&Arc<_>, &Arc<_>)| Arc::ptr_eq(a, b);
        if known.len() == parts.len() && known.iter().zip(&parts).all(is_known) {
            return Ok(());
        }
        let (service, parts) = self.describe()?;
        server.replace(service.routers, service.files).map_err(invalid)?;
        *known = parts;
        Ok(())
    }
}

fn invalid(message: String) -> ErrorData {
    ErrorData::judged(INVALID, &message, false)
}

/// The entries that servers are made of.
fn parts(definitions: &Definitions) -> Vec<Arc<Definition>> {
    let is_part = |kind: &str| [HTTP_ROUTER, HTTP_ENDPOINT, HTTP_STATIC].contains(&kind) || fs::KINDS.contains(&kind);
    definitions.values().filter(|definition| is_part(&definition.kind)).cloned().collect()
}

impl Resource for WebServer {
    fn start(self: Arc<Self>) -> Work<Result<(), ErrorData>> {
        Box::pin(blocking(move || self.open()))
    }

    fn refresh(self: Arc<Self>) -> Option<Work<Result<(), ErrorData>>> {
        Some(Box::pin(blocking(move || self.reroute())))
    }

    /// Requests that are under way are answered; what takes longer is broken off.
    fn stop(self: Arc<Self>, timeout: Duration) -> Work<()> {
        Box::pin(blocking(move || {
            if let Some((server, _)) = self.running.lock().take() {
                server.stop(timeout);
            }
        }))
    }
}

/// Does what blocks where that is allowed; a panic goes on here.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

fn describe(
    core: &RuntimeCore,
    definitions: &Definitions,
    folder: &Path,
    server: &Definition,
) -> Result<Service, String> {
    let belongs = |definition: &Definition, kind: &str, to: &str, owner: &Definition| {
        &*definition.kind == kind && definition.reference(to).as_deref() == Some(&*owner.id)
    };
    let mut routers = Vec::new();
    for router in definitions.values().filter(|router| belongs(router, HTTP_ROUTER, "meta.server", server)) {
        let endpoints = definitions.values().filter(|endpoint| belongs(endpoint, HTTP_ENDPOINT, "meta.router", router));
        let endpoint = |endpoint: &Arc<Definition>| {
            let text = |field| endpoint.text(field).unwrap_or_default();
            let function = endpoint.resolve_id(text("func"));
            let made = Endpoint::new(text("method"), text("path"), &function).map_err(|error| error.to_string())?;
            Ok(Endpoint { id: (*endpoint.id).into(), ..made })
        };
        let post_options = options(router, "post_options");
        let (mut firewalls, mut relays) = (Vec::new(), Vec::new());
        for name in texts(router.data.get("post_middleware")) {
            match behind_route(name, &post_options)? {
                BehindRoute::Firewall(firewall) => firewalls.push(firewall),
                BehindRoute::Relay(relay) => relays.push(relay),
            }
        }
        routers.push(Router {
            prefix: router.text("prefix").unwrap_or_default().to_owned(),
            middleware: middleware(definitions, folder, router)?,
            firewalls,
            relays,
            endpoints: endpoints.map(endpoint).collect::<Result<_, String>>()?,
        });
    }
    let mut files = Vec::new();
    for site in definitions.values().filter(|site| belongs(site, HTTP_STATIC, "meta.server", server)) {
        let volume = site.reference("fs").and_then(|id| definitions.get(&*id));
        let volume = volume.ok_or_else(|| format!("{}: there is no such volume", site.id))?;
        let fs = core.modules.of_type::<Fs>().ok_or("the runtime has no module fs")?;
        let root = fs.root(&volume.id, &volume.kind, &volume.data, folder);
        let root = root.map_err(|error| format!("{}: {error}", directory(&volume.data, folder).display()))?;
        let option = |name| site.data.get("static_options").and_then(|options| options.get(name));
        files.push(FileSite {
            path: site.text("path").unwrap_or_default().to_owned(),
            root,
            single_page: option("spa") == Some(&Data::Boolean(true)),
            index: option("index").and_then(Data::as_str).unwrap_or("index.html").to_owned(),
            cache: option("cache").and_then(Data::as_str).map(str::to_owned),
            middleware: middleware(definitions, folder, site)?,
        });
    }
    let default = Timeouts::default();
    let timeout =
        |name| server.data.get("timeouts").and_then(|timeouts| timeouts.get(name)).and_then(time::Duration::of_data);
    Ok(Service {
        address: env::expand(server.text("addr").unwrap_or_default())?,
        timeouts: Timeouts {
            read: timeout("read").unwrap_or(default.read),
            write: timeout("write").unwrap_or(default.write),
            idle: timeout("idle").unwrap_or(default.idle),
        },
        tls: server.data.get("tls").map(|tls| tls_of(tls, folder)).transpose()?,
        routers,
        files,
    })
}

fn middleware(definitions: &Definitions, folder: &Path, of: &Definition) -> Result<Vec<Middleware>, String> {
    let options = options(of, "options");
    let make = |name| match volume(of, definitions, name, &options)? {
        None => Middleware::new(name, &options),
        Some(volume) => {
            let root = directory(&volume.data, folder);
            ensure(&root, &volume.data).map_err(|error| format!("{}: {error}", root.display()))?;
            let path = root.to_string_lossy().into_owned();
            Middleware::new(name, &HashMap::from_iter([(SENDFILE_VOLUME.to_owned(), path)]))
        }
    };
    texts(of.data.get("middleware")).map(make).collect()
}

/// Certificates and keys are PEM text, or files of the application.
fn tls_of(tls: &Data, folder: &Path) -> Result<ServerTls, String> {
    let pem = |field: &str| -> Result<Option<Vec<u8>>, String> {
        let Some(text) = tls.get(field).and_then(Data::as_str) else { return Ok(None) };
        let text = env::expand(text)?;
        if text.contains("-----BEGIN") {
            return Ok(Some(text.into_bytes()));
        }
        std::fs::read(folder.join(&text)).map(Some).map_err(|error| format!("tls.{field}: {text}: {error}"))
    };
    let needed = |field: &str| pem(field)?.ok_or_else(|| format!("missing field 'tls.{field}'"));
    Ok(ServerTls {
        certificate: needed("cert")?,
        key: needed("key")?,
        client_authorities: pem("client_ca")?,
        client_required: tls.get("client_auth").and_then(Data::as_str) == Some("require"),
    })
}
