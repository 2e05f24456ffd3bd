//! What libraries and modules look like from outside, and manifests: chunks of declarations that say so (types §6).
//!
//! A manifest is text that ends in `return nil :: T` and is never executed. It lies beside the code that it describes.

use std::rc::Rc;

use hashbrown::HashMap;

use super::check::check_chunk;
use super::diagnostic::Diagnostics;
use super::mode::Mode;
use super::project::Modules;
use super::ty::{AliasId, Func, Intrinsic, Key, Kind, Record, Special, Ty, Types};
use crate::syntax::parse;

/// What a module is for others.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Its value.
    pub value: Ty,
    /// The types it exports.
    pub types: HashMap<Key, AliasId>,
}

impl Default for Interface {
    fn default() -> Self {
        Interface { value: Ty::ANY, types: HashMap::new() }
    }
}

/// The declarations of a library.
#[derive(Clone, Copy, Debug)]
pub struct Manifest {
    /// The name of the module; [`GLOBALS`] for functions that are global variables themselves.
    pub name: &'static str,
    /// Whether it is a global variable, too.
    pub global: bool,
    /// The declarations.
    pub text: &'static str,
}

/// The name of the manifest of the basic functions.
pub const GLOBALS: &str = "_G";

/// All libraries of a program.
#[derive(Default)]
pub struct Library {
    /// Global variables.
    pub globals: HashMap<Key, Ty>,
    /// What `require` finds.
    pub modules: HashMap<&'static str, Rc<Interface>>,
    /// The methods of strings.
    pub string: Option<Ty>,
    /// The methods of error objects.
    pub error: Option<Ty>,
    /// The methods of type values.
    pub of_types: Option<Ty>,
    /// What the tables of libraries are called.
    pub names: HashMap<Ty, &'static str>,
}

/// Libraries that change nothing that a program has.
const PURE: [&str; 3] = ["math", "string", "utf8"];
/// Basic functions of which the same holds.
const PURE_GLOBALS: [&str; 9] =
    ["type", "tostring", "tonumber", "select", "rawequal", "rawlen", "rawget", "print", "assert"];

impl Library {
    /// Reads manifests.
    ///
    /// # Errors
    /// The first manifest that is not well-formed, and what is wrong with it.
    pub fn load(types: &mut Types, manifests: &[Manifest]) -> Result<Library, String> {
        let mut library = Library::default();
        let mut modules = Modules::default();
        for manifest in manifests {
            let ast = parse(manifest.text.as_bytes()).map_err(|error| error.lua_message(manifest.name))?;
            // Nobody runs it: only its annotations count.
            let diagnostics = Diagnostics::new(Mode::Nocheck, false);
            let outcome = check_chunk(&ast, types, &library, &mut modules, diagnostics);
            if let Some(found) = outcome.diagnostics.finish().first() {
                return Err(format!("{}:{}: {}", manifest.name, found.span.line, found.message));
            }
            let mut interface = outcome.interface;
            let exported: Vec<AliasId> = interface.types.values().copied().collect();
            for alias in exported {
                let body = types.alias(alias).body;
                let marked = mark(types, body, manifest.name, "");
                types.aliases[alias.0 as usize].body = marked;
                if manifest.name != GLOBALS {
                    let name = format!("{}.{}", manifest.name, types.alias(alias).name);
                    types.aliases[alias.0 as usize].name = name;
                }
            }
            let prefix = if manifest.name == GLOBALS { String::new() } else { format!("{}.", manifest.name) };
            interface.value = mark(types, interface.value, manifest.name, &prefix);
            library.add(types, manifest, interface);
        }
        Ok(library)
    }

    fn add(&mut self, types: &mut Types, manifest: &Manifest, mut interface: Interface) {
        if manifest.name == GLOBALS {
            if let Kind::Record(record) = types.kind(interface.value).clone() {
                self.globals.extend(record.fields.iter().map(|field| (field.key, field.ty)));
            }
            return;
        }
        // Several libraries of one name are parts of one; of equal fields the last counts.
        if let Some(before) = self.modules.get(manifest.name)
            && let (Kind::Record(mine), Kind::Record(new)) = (types.kind(before.value), types.kind(interface.value))
        {
            let mut whole = Record::clone(mine);
            whole.fields.retain(|field| new.field(field.key).is_none());
            whole.fields.extend(&new.fields);
            interface.types.extend(before.types.iter().map(|(key, id)| (*key, *id)));
            interface.value = types.record(whole);
        }
        let mut methods = |name: &[u8]| {
            let name = types.key(name);
            interface.types.get(&name).map(|id| types.alias(*id).body)
        };
        match manifest.name {
            "string" => self.string = Some(interface.value),
            "errors" => self.error = methods(b"ErrorMethods"),
            "types" => self.of_types = methods(b"TypeMethods"),
            _ => {}
        }
        self.names.insert(interface.value, manifest.name);
        if manifest.global {
            let key = types.key(manifest.name.as_bytes());
            self.globals.insert(key, interface.value);
        }
        self.modules.insert(manifest.name, Rc::new(interface));
    }
}

/// Marks the functions in a type as those of a library.
fn mark(types: &mut Types, ty: Ty, module: &str, prefix: &str) -> Ty {
    match types.kind(ty).clone() {
        Kind::Record(record) => {
            let mut copy = Record::clone(&record);
            for field in &mut copy.fields {
                let name = format!("{prefix}{}", types.key_text(field.key));
                field.ty = mark_field(types, field.ty, module, &name);
            }
            types.record(copy)
        }
        Kind::Opaque(class, methods) => {
            let methods = mark(types, methods, module, "");
            types.intern(Kind::Opaque(class, methods))
        }
        _ => ty,
    }
}

fn mark_field(types: &mut Types, ty: Ty, module: &str, name: &str) -> Ty {
    match types.kind(ty).clone() {
        Kind::Func(func) => {
            let mut copy = Func::clone(&func);
            copy.facts.name = Some(types.key(name.as_bytes()));
            copy.facts.library = Some(intrinsic(module, name));
            // So are the functions it returns.
            for ret in &mut copy.ret.types {
                if let Kind::Func(inner) = types.kind(*ret).clone() {
                    let mut inner = Func::clone(&inner);
                    inner.facts.library = Some(Intrinsic::Plain);
                    *ret = types.func(inner);
                }
            }
            types.func(copy)
        }
        Kind::Intersection(parts) => {
            let parts: Vec<Ty> = parts.iter().map(|part| mark_field(types, *part, module, name)).collect();
            types.intern(Kind::Intersection(parts.into()))
        }
        Kind::Record(_) => mark(types, ty, module, &format!("{name}.")),
        _ => ty,
    }
}

fn intrinsic(module: &str, name: &str) -> Intrinsic {
    let special = match name {
        "assert" => Special::Assert,
        "ipairs" => Special::Ipairs,
        "math.type" => Special::MathType,
        "pairs" => Special::Pairs,
        "pcall" => Special::Pcall,
        "require" => Special::Require,
        "select" => Special::Select,
        "setmetatable" => Special::SetMetatable,
        "type" => Special::Type,
        "typeof" => Special::Typeof,
        "table.insert" => Special::Insert,
        "table.unpack" => Special::Unpack,
        "xpcall" => Special::Xpcall,
        _ if PURE.contains(&module) || PURE_GLOBALS.contains(&name) => return Intrinsic::Pure,
        _ => return Intrinsic::Plain,
    };
    Intrinsic::Special(special)
}
