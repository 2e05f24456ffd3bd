//! Validators, as far as they concern the checker: which exist, what they apply to, which constants violate them
//! (types §5.5).

use super::algebra::{Bases, base};
use crate::syntax::ast::TypeConst;

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
        _ => return Err(format!("unknown validator '@{name}'")),
    };
    if !applies && bases != base::ALL {
        return Err(format!("'@{name}' applies to {kinds}"));
    }
    if fine { Ok(()) } else { Err(format!("'@{name}' takes {wants}")) }
}

/// A constant of a program.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Constant<'a> {
    Number(f64),
    String(&'a [u8]),
}

/// Whether a constant violates a validator; others are not known before the program runs.
pub(super) fn violates(name: &str, args: &[TypeConst], value: Constant<'_>) -> bool {
    let limit = match args {
        [TypeConst::Integer(limit)] => *limit as f64,
        [TypeConst::Float(limit)] => *limit,
        _ => 0.0,
    };
    match (name, value) {
        ("min", Constant::Number(value)) => value < limit,
        ("max", Constant::Number(value)) => value > limit,
        ("min_len", Constant::String(bytes)) => (bytes.len() as f64) < limit,
        ("max_len", Constant::String(bytes)) => bytes.len() as f64 > limit,
        ("integer", Constant::Number(value)) => value.fract() != 0.0,
        _ => false,
    }
}

/// A validator as programs write it.
pub(super) fn show(name: &str, args: &[TypeConst]) -> String {
    match args {
        [] => format!("@{name}"),
        [TypeConst::Integer(value)] => format!("@{name}({value})"),
        [TypeConst::Float(value)] => format!("@{name}({value:?})"),
        [TypeConst::String(bytes)] => format!("@{name}({:?})", String::from_utf8_lossy(bytes)),
        _ => format!("@{name}(…)"),
    }
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
        assert!(violates("min", &[TypeConst::Integer(0)], Constant::Number(-1.0)));
        assert!(!violates("min", &[TypeConst::Integer(0)], Constant::Number(0.0)));
        assert!(violates("max_len", &[TypeConst::Integer(2)], Constant::String(b"abc")));
        assert!(!violates("pattern", &[TypeConst::String(b"x".as_slice().into())], Constant::String(b"abc")));
    }
}
