//! Validators of the host (types §5.5): rules for values under names that programs write behind an `@`.
//!
//! There is one list of them for the whole Rust program, which only grows: the parser, the checker, compiled code that comes
//! from elsewhere and the types themselves must mean the same by a name for as long as there are types.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::BitOr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parking_lot::RwLock;

use super::validator::BUILT_IN;

static REGISTERED: RwLock<Vec<&'static Validator>> = RwLock::new(Vec::new());

/// A value for a [`Validator`] to judge, or an argument written in the type.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scalar<'a> {
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// The bytes of a string.
    String(&'a [u8]),
}

/// Kinds of values; `Kinds::NUMBERS | Kinds::STRINGS` are both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kinds(u8);

impl Kinds {
    /// True and false.
    pub const BOOLEANS: Kinds = Kinds(1);
    /// Integers and floats.
    pub const NUMBERS: Kinds = Kinds(2);
    /// Strings.
    pub const STRINGS: Kinds = Kinds(4);

    /// Whether one of the kinds is among these.
    pub fn meets(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }

    /// For messages.
    pub(super) fn names(self) -> String {
        let all = [(Kinds::BOOLEANS, "booleans"), (Kinds::NUMBERS, "numbers"), (Kinds::STRINGS, "strings")];
        let names: Vec<&str> = all.iter().filter(|(kind, _)| self.meets(*kind)).map(|(_, name)| *name).collect();
        names.join(" and ")
    }
}

impl BitOr for Kinds {
    type Output = Kinds;

    fn bitor(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }
}

type Test = Box<dyn Fn(Scalar<'_>, &[Scalar<'_>]) -> bool + Send + Sync>;

/// A rule of the host for values: once it is registered, `string @name` is a type in every Lua program of this Rust program.
///
/// ```
/// use moonlet::{Kinds, Lua, Scalar, Validator};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// Validator::new("multiple_of", Kinds::NUMBERS, |value, arguments| match (value, arguments) {
///     (Scalar::Integer(value), [Scalar::Integer(unit)]) => value.checked_rem(*unit) == Some(0),
///     _ => false,
/// })
/// .takes(1)
/// .register()?;
///
/// let lua = Lua::new();
/// lua.load("type Dozens = integer @multiple_of(12)").exec()?;
/// let found: (bool, String) = lua
///     .load("type Dozens = integer @multiple_of(12) local _, e = Dozens:is(25) return Dozens:is(24) == 24, tostring(e)")
///     .eval()?;
/// assert_eq!(found, (true, "value 25 violates @multiple_of(12)".to_owned()));
/// # Ok(())
/// # }
/// ```
pub struct Validator {
    name: Box<str>,
    kinds: Kinds,
    arguments: usize,
    test: Test,
}

impl Validator {
    /// A validator for values of these kinds; others pass it, so that `T?` may be nil. `test` gets the value and the
    /// arguments. It must answer the same for the same, has to be quick, and is called on many threads; if it panics, the
    /// value does not pass.
    pub fn new(
        name: &str,
        kinds: Kinds,
        test: impl Fn(Scalar<'_>, &[Scalar<'_>]) -> bool + Send + Sync + 'static,
    ) -> Validator {
        Validator { name: name.into(), kinds, arguments: 0, test: Box::new(test) }
    }

    /// How many arguments are to be written behind the name: constants. None by default.
    #[must_use]
    pub fn takes(self, arguments: usize) -> Validator {
        Validator { arguments, ..self }
    }

    /// Makes it known to all programs that are compiled or checked from now on. It stays.
    ///
    /// # Errors
    /// The name is none of Lua, or taken.
    pub fn register(self) -> Result<(), NameError> {
        let mut bytes = self.name.bytes();
        let starts = bytes.next().is_some_and(|first| first == b'_' || first.is_ascii_alphabetic());
        let is_name = starts && bytes.all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
        let mut registered = REGISTERED.write();
        let taken = BUILT_IN.contains(&&*self.name) || registered.iter().any(|other| other.name == self.name);
        if !is_name || taken {
            return Err(NameError { name: self.name, taken });
        }
        registered.push(Box::leak(Box::new(self)));
        Ok(())
    }

    /// The validator of a name.
    pub fn find(name: &str) -> Option<&'static Validator> {
        REGISTERED.read().iter().find(|validator| &*validator.name == name).copied()
    }

    /// The name without the `@`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it judges.
    pub fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// Whether it takes that many arguments.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check_arguments(&self, count: usize) -> Result<(), String> {
        match self.arguments {
            wanted if wanted == count => Ok(()),
            0 => Err(format!("'@{}' takes no argument", self.name)),
            1 => Err(format!("'@{}' takes one argument", self.name)),
            wanted => Err(format!("'@{}' takes {wanted} arguments", self.name)),
        }
    }

    /// Whether a value of one of its kinds passes.
    pub fn passes(&self, value: Scalar<'_>, arguments: &[Scalar<'_>]) -> bool {
        catch_unwind(AssertUnwindSafe(|| (self.test)(value, arguments))).unwrap_or(false)
    }
}

/// By name: there is one for each.
impl PartialEq for Validator {
    fn eq(&self, other: &Validator) -> bool {
        self.name == other.name
    }
}

impl Eq for Validator {}

impl Hash for Validator {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.name)
    }
}

/// A name that a [`Validator`] cannot have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameError {
    name: Box<str>,
    taken: bool,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = if self.taken { "there is one already" } else { "that is no name" };
        write!(f, "cannot register the validator '@{}': {problem}", self.name)
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let make = |name: &str| Validator::new(name, Kinds::STRINGS, |_, _| true).register();
        assert_eq!(make("host_names"), Ok(()));
        let taken = make("host_names").expect_err("it is there");
        assert_eq!(taken.to_string(), "cannot register the validator '@host_names': there is one already");
        assert!(make("min").is_err() && make("pattern").is_err());
        assert!(make("").is_err() && make("1st").is_err() && make("two words").is_err());
        assert!(Validator::find("host_names").is_some() && Validator::find("host_name").is_none());
    }

    #[test]
    fn a_panic_is_no_pass() {
        let validator =
            Validator::new("host_panics", Kinds::NUMBERS, |_, arguments| arguments[0] == Scalar::Integer(1));
        assert!(!validator.passes(Scalar::Integer(1), &[]));
        assert!(validator.passes(Scalar::Integer(2), &[Scalar::Integer(1)]));
    }
}
