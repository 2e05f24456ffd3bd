//! Validators, as far as they concern the checker: which exist, what they apply to, which constants violate them
//! (types §5.5).

use super::algebra::{Bases, base};
use super::host::{Kinds, Scalar, Validator};
use crate::syntax::ast::TypeConst;

/// The validators of the language.
pub(super) const BUILT_IN: [&str; 8] = ["min", "max", "min_len", "max_len", "pattern", "integer", "closed", "opaque"];

/// Bytes that the regular expression of a validator may take.
const MAX_PATTERN: usize = 1 << 20;

/// The regular expression of a `@pattern`.
///
/// # Errors
/// What is wrong with it.
pub fn compile_pattern(text: &[u8]) -> Result<regex::bytes::Regex, String> {
    let text = std::str::from_utf8(text).map_err(|_| "invalid pattern: not UTF-8".to_owned())?;
    let compiled = regex::bytes::RegexBuilder::new(text).size_limit(MAX_PATTERN).build();
    // The last line of a message of several says what is wrong.
    compiled.map_err(|error| {
        let text = error.to_string();
        format!("invalid pattern: {}", text.lines().last().unwrap_or_default().trim_start_matches("error: "))
    })
}

/// Checks a validator on a type with these Lua types.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(name: &str, bases: Bases, args: &[TypeConst]) -> Result<(), String> {
    let within = |allowed: Bases| bases & !base::NIL & !allowed == 0;
    let one_number = matches!(args, [TypeConst::Integer(_) | TypeConst::Float(_)]);
    let one_count = matches!(args, [TypeConst::Integer(0..)]);
    let (applies, kinds, fine, wants) = match name {
        "min" | "max" => (within(base::NUMBER), "numbers", one_number, "a number"),
        "min_len" | "max_len" => (within(base::STRING | base::TABLE), "strings and tables", one_count, "a length"),
        "pattern" => (within(base::STRING), "strings", matches!(args, [TypeConst::String(_)]), "a string"),
        "integer" => (within(base::NUMBER), "numbers", args.is_empty(), "no argument"),
        "closed" => (within(base::TABLE), "records", args.is_empty(), "no argument"),
        "opaque" => {
            (within(base::USERDATA | base::ERROR), "userdata", matches!(args, [TypeConst::String(_)]), "a string")
        }
        _ => return check_of_host(name, bases, args),
    };
    if !applies && bases != base::ALL {
        return Err(format!("'@{name}' applies to {kinds}"));
    }
    if !fine {
        return Err(format!("'@{name}' takes {wants}"));
    }
    match (name, args) {
        ("pattern", [TypeConst::String(text)]) => compile_pattern(text).map(|_| ()),
        _ => Ok(()),
    }
}

fn check_of_host(name: &str, bases: Bases, args: &[TypeConst]) -> Result<(), String> {
    let Some(validator) = Validator::find(name) else { return Err(format!("unknown validator '@{name}'")) };
    let kinds = [(Kinds::BOOLEANS, base::BOOLEAN), (Kinds::NUMBERS, base::NUMBER), (Kinds::STRINGS, base::STRING)];
    let judged = kinds.iter().filter(|(kind, _)| validator.kinds().meets(*kind)).fold(0, |all, (_, base)| all | base);
    if bases & !base::NIL & !judged != 0 && bases != base::ALL {
        return Err(format!("'@{name}' applies to {}", validator.kinds().names()));
    }
    validator.check_arguments(args.len())
}

/// Whether a constant violates a validator; others are not known before the program runs.
pub(super) fn violates(name: &str, args: &[TypeConst], value: Scalar<'_>) -> bool {
    let limit = match args {
        [TypeConst::Integer(limit)] => *limit as f64,
        [TypeConst::Float(limit)] => *limit,
        _ => 0.0,
    };
    let (kind, number, length) = match value {
        Scalar::Boolean(_) => (Kinds::BOOLEANS, None, None),
        Scalar::Integer(value) => (Kinds::NUMBERS, Some(value as f64), None),
        Scalar::Float(value) => (Kinds::NUMBERS, Some(value), None),
        Scalar::String(bytes) => (Kinds::STRINGS, None, Some(bytes.len() as f64)),
    };
    match name {
        "min" => number.is_some_and(|value| value < limit),
        "max" => number.is_some_and(|value| value > limit),
        "min_len" => length.is_some_and(|length| length < limit),
        "max_len" => length.is_some_and(|length| length > limit),
        "integer" => number.is_some_and(|value| value.fract() != 0.0),
        "pattern" => match (args, value) {
            ([TypeConst::String(pattern)], Scalar::String(bytes)) => {
                compile_pattern(pattern).is_ok_and(|pattern| !pattern.is_match(bytes))
            }
            _ => false,
        },
        _ => match (Validator::find(name), scalars(args)) {
            (Some(validator), Some(args)) if validator.kinds().meets(kind) => !validator.passes(value, &args),
            _ => false,
        },
    }
}

/// Arguments for a validator of the host; nil is none.
fn scalars(args: &[TypeConst]) -> Option<Vec<Scalar<'_>>> {
    let scalar = |arg| match arg {
        &TypeConst::Boolean(value) => Some(Scalar::Boolean(value)),
        &TypeConst::Integer(value) => Some(Scalar::Integer(value)),
        &TypeConst::Float(value) => Some(Scalar::Float(value)),
        TypeConst::String(bytes) => Some(Scalar::String(bytes)),
        TypeConst::Nil => None,
    };
    args.iter().map(scalar).collect()
}

/// What is wrong with a constant that violates this validator.
pub(super) fn violation(name: &str, args: &[TypeConst], value: Scalar<'_>) -> String {
    let shown = match value {
        Scalar::String(bytes) if matches!(name, "min_len" | "max_len") => format!("length {}", bytes.len()),
        Scalar::String(bytes) => format!("value {:?}", String::from_utf8_lossy(bytes)),
        Scalar::Boolean(value) => format!("value {value}"),
        Scalar::Integer(value) => format!("value {value}"),
        Scalar::Float(value) => format!("value {value:?}"),
    };
    format!("{shown} violates {}", show(name, args))
}

/// A validator as programs write it.
fn show(name: &str, args: &[TypeConst]) -> String {
    let shown = args.iter().map(|arg| match arg {
        TypeConst::Nil => "nil".to_owned(),
        TypeConst::Boolean(value) => value.to_string(),
        TypeConst::Integer(value) => value.to_string(),
        TypeConst::Float(value) => format!("{value:?}"),
        TypeConst::String(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { format!("@{name}") } else { format!("@{name}({})", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_applies_where() {
        assert!(check("min", base::INTEGER | base::NIL, &[TypeConst::Integer(0)]).is_ok());
        assert!(check("min", base::STRING, &[TypeConst::Integer(0)]).is_err());
        assert!(check("pattern", base::STRING, &[TypeConst::Integer(0)]).is_err());
        assert!(check("min_len", base::TABLE, &[TypeConst::Integer(-1)]).is_err());
        assert_eq!(check("mn", base::INTEGER, &[]), Err("unknown validator '@mn'".to_owned()));
    }

    #[test]
    fn constants() {
        assert!(violates("min", &[TypeConst::Integer(0)], Scalar::Integer(-1)));
        assert!(!violates("min", &[TypeConst::Integer(0)], Scalar::Integer(0)));
        assert!(violates("max_len", &[TypeConst::Integer(2)], Scalar::String(b"abc")));
        let pattern = [TypeConst::String(b"^x".as_slice().into())];
        assert!(violates("pattern", &pattern, Scalar::String(b"abc")));
        assert!(
            !violates("pattern", &pattern, Scalar::String(b"xyz"))
                && !violates("pattern", &pattern, Scalar::Integer(1))
        );
    }

    #[test]
    fn of_the_host() {
        let made = Validator::new(
            "checked_units",
            Kinds::NUMBERS,
            |value, args| matches!((value, args), (Scalar::Integer(value), [Scalar::Integer(unit)]) if value % unit == 0),
        );
        made.takes(1).register().expect("the name is free");
        let five = [TypeConst::Integer(5)];
        assert_eq!(check("checked_units", base::INTEGER, &five), Ok(()));
        assert_eq!(check("checked_units", base::STRING, &five), Err("'@checked_units' applies to numbers".to_owned()));
        assert_eq!(check("checked_units", base::INTEGER, &[]), Err("'@checked_units' takes one argument".to_owned()));
        assert!(
            violates("checked_units", &five, Scalar::Integer(7))
                && !violates("checked_units", &five, Scalar::Integer(10))
        );
        assert!(!violates("checked_units", &five, Scalar::String(b"x")));
    }
}
