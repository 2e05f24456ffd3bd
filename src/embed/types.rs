//! Types: those of programs as values of the host, and the checker for programs that the host is going to run.

use std::fmt;

use super::convert::{IntoLua, MultiValue};
use super::error::{Error, Result};
use super::handle::{Rooted, Value};
use super::{Lua, Source};
use crate::stdlib;
use crate::types::{Diagnostic, Manifest, Options, Project};
use crate::vm;
use crate::vm::types::{Report, TypeRef};

/// The checker descends as deep as a program nests.
const STACK: usize = 64 << 20;

/// A type of a Lua program: the value of an alias, for example.
///
/// ```
/// use moonlet::{Lua, Type};
///
/// # fn main() -> moonlet::Result<()> {
/// let lua = Lua::new();
/// let user: Type = lua.load("type User = {name: string @min_len(1), age: integer} return User").eval()?;
/// let data = lua.load("{name = 'Ada', age = 'old'}").eval()?;
/// let error = user.validate(&data).unwrap_err();
/// assert_eq!(error.to_string(), "age: expected integer, got string");
/// assert_eq!((error.path.as_str(), error.rule), ("age", "type"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Type(pub(crate) Rooted);

impl Type {
    fn ty(&self) -> TypeRef {
        TypeRef::of(self.0.value()).expect("the handle was made for a type")
    }

    /// The name of its alias, if it has one.
    pub fn name(&self) -> Option<String> {
        self.ty().name.as_ref().map(|name| name.text.to_string())
    }

    /// Its text with the aliases in it expanded one level, as `T:source()` gives it.
    pub fn source(&self) -> String {
        String::from_utf8_lossy(&self.ty().source()).into_owned()
    }

    /// Whether every value of this type is one of the other, as `<=` compares them.
    pub fn is_subtype(&self, other: &Type) -> bool {
        self.0.lua().with(|vm| vm.image.types.is_subtype(self.ty(), other.ty()))
    }

    /// Whether a value is of the type. No Lua code runs.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn validate(&self, value: &Value) -> std::result::Result<(), TypeError> {
        let lua = self.0.lua();
        let value = lua.unwrap(value);
        lua.with(|vm| vm.validate(self.ty(), value)).map_err(|report| TypeError::from(*report))
    }

    /// Calls a method of the type, such as `fields` or `elem`.
    ///
    /// # Errors
    /// There is no such method, or it raises.
    pub fn call_method(&self, name: &str, args: impl IntoIterator<Item = Value>) -> Result<MultiValue> {
        let lua = self.0.lua();
        let key = lua.unwrap(&name.into_lua(lua)?);
        let method = lua.with(|vm| match vm.image.type_methods {
            methods if methods.is_null() => vm::value::Value::NIL,
            methods => vm.raw_get(methods, key),
        });
        if method.is_nil() {
            return Err(Error::external(format!("types have no method '{name}'")));
        }
        lua.call_value(method, &[Value::Type(self.clone())].into_iter().chain(args).collect())
    }
}

/// As programs print it.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.ty().text()))
    }
}

/// Why a value is not of a type.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TypeError {
    /// Message with path.
    pub message: String,
    /// Where in the value: `items[2].name`; empty for the value itself.
    pub path: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub got: String,
    /// Which rule does not hold: `type`, `missing`, `key`, `depth`, or the name of a validator.
    pub rule: &'static str,
}

impl From<Report> for TypeError {
    fn from(report: Report) -> TypeError {
        let Report { message, path, expected, got, rule, .. } = report;
        TypeError { message, path, expected, got, rule }
    }
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TypeError {}

impl Lua {
    /// What the checker finds in a program for such a state. Nothing runs, and nothing depends on what is found.
    ///
    /// ```
    /// # let lua = moonlet::Lua::new();
    /// let found = lua.check("local n: integer = 'x'", moonlet::types::Options::default());
    /// assert_eq!(found[0].code.info().code, "E0001");
    /// assert_eq!(found[0].message, "\"x\" not assignable to integer");
    /// ```
    pub fn check<'a>(&self, source: impl Into<Source<'a>>, options: Options) -> Vec<Diagnostic> {
        check(stdlib::MANIFESTS, source.into().0, options).expect("the manifests of this crate are well-formed")
    }
}

/// Checks a text that can require what the manifests declare.
///
/// # Errors
/// A manifest is not well-formed.
pub(super) fn check(
    manifests: &[Manifest],
    source: &[u8],
    options: Options,
) -> std::result::Result<Vec<Diagnostic>, String> {
    let work = || Ok(Project::new(manifests, Box::new(()), options)?.check_text("", source));
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        let thread = thread.expect("a program that embeds this can start a thread");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
