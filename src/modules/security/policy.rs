//! Policies as entries: which requests they are about, and under which conditions they speak.
//!
//! A condition that cannot be judged never opens anything: a policy that allows says nothing then, and one that denies denies.

use regex::bytes::Regex;

use super::super::expr::value::Value;
use super::super::expr::{Program, regex};
use crate::runtime::data::Data;
use crate::runtime::identity::{Actor, Decision, Request, Rule};

/// The kinds of entries that are policies.
pub const KINDS: [&str; 2] = [CONDITIONS, EXPRESSION];
/// One with a list of conditions.
const CONDITIONS: &str = "security.policy";
/// One with an expression.
pub const EXPRESSION: &str = "security.policy.expr";

/// A compiled policy.
struct Declared {
    actions: Vec<Box<[u8]>>,
    resources: Vec<Box<[u8]>>,
    effect: Decision,
    condition: Condition,
}

/// When it speaks.
enum Condition {
    /// If all of these hold.
    All(Vec<Test>),
    /// If this is true.
    Expression(Program),
}

/// The rule of an entry.
///
/// # Errors
/// What is wrong with its fields.
pub fn compile(kind: &str, fields: &Data) -> Result<impl Rule + use<>, String> {
    let policy = fields.get("policy").ok_or("missing field 'policy'")?;
    let effect = match policy.get("effect").and_then(Data::as_str) {
        Some("allow") => Decision::Allow,
        Some("deny") => Decision::Deny,
        _ => return Err("'policy.effect' must be allow or deny".to_owned()),
    };
    let condition = if kind == EXPRESSION {
        let text = policy.get("expression").and_then(Data::as_str).ok_or("missing field 'policy.expression'")?;
        Condition::Expression(
            Program::compile(text.as_bytes()).map_err(|error| format!("'policy.expression': {error}"))?,
        )
    } else {
        let tests = match policy.get("conditions") {
            None | Some(Data::Nil) => &[][..],
            Some(Data::List(tests)) => tests,
            Some(Data::Map(none)) if none.is_empty() => &[],
            Some(_) => return Err("'policy.conditions' must be a list".to_owned()),
        };
        let test = |(i, test)| Test::new(test).map_err(|error| format!("'policy.conditions', item {}: {error}", i + 1));
        Condition::All(tests.iter().enumerate().map(test).collect::<Result<_, _>>()?)
    };
    Ok(Declared { actions: patterns(policy, "actions")?, resources: patterns(policy, "resources")?, effect, condition })
}

/// A text or a list of texts.
fn patterns(policy: &Data, field: &str) -> Result<Vec<Box<[u8]>>, String> {
    let wrong = || format!("'policy.{field}' must be a string or a list of strings");
    let text = |data: &Data| data.as_str().filter(|text| !text.is_empty()).map(|text| text.as_bytes().into());
    match policy.get(field) {
        Some(Data::List(items)) => items.iter().map(|item| text(item).ok_or_else(wrong)).collect(),
        Some(one) => Ok(vec![text(one).ok_or_else(wrong)?]),
        None => Err(wrong()),
    }
}

/// Whether a text is as a pattern says, in which `*` stands for any bytes.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where the last star is, and from where on the text behind it was tried.
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                None => return false,
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

impl Rule for Declared {
    fn decide(&self, request: &Request<'_>) -> Decision {
        let concerned = |patterns: &[Box<[u8]>], text: &str| patterns.iter().any(|one| fits(one, text.as_bytes()));
        if !concerned(&self.actions, request.action) || !concerned(&self.resources, request.resource) {
            return Decision::Undefined;
        }
        let holds = match &self.condition {
            Condition::All(tests) => {
                tests.iter().try_fold(true, |all, test| test.holds(request).map(|holds| all && holds))
            }
            Condition::Expression(program) => environment(request).and_then(|values| match program.run(&values)? {
                Value::Boolean(holds) => Ok(holds),
                other => Err(format!("bool expected, got {}", other.kind())),
            }),
        };
        match holds {
            Ok(true) => self.effect,
            Err(_) if self.effect == Decision::Deny => Decision::Deny,
            Ok(false) | Err(_) => Decision::Undefined,
        }
    }
}

/// What names in expressions mean.
fn environment(request: &Request<'_>) -> Result<Value, String> {
    let actor = match request.actor {
        Some(Actor { id, meta }) => Data::from([("id", Data::from(&**id)), ("meta", meta.clone())]),
        None => Data::Nil,
    };
    Value::try_from(&Data::from([
        ("actor", actor),
        ("action", request.action.into()),
        ("resource", request.resource.into()),
        ("meta", request.meta.clone()),
    ]))
}

/// A condition of a list.
struct Test {
    field: Field,
    operator: Operator,
    negated: bool,
    operand: Operand,
}

/// Something about a request.
enum Field {
    ActorId,
    ActorMeta(Vec<String>),
    Action,
    Resource,
    Meta(Vec<String>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    In,
    Exists,
    Contains,
    Matches,
}

/// What a field is compared with.
enum Operand {
    Value(Value),
    Pattern(Regex),
    Field(Field),
}

impl Field {
    fn new(text: &str) -> Result<Field, String> {
        let path = |rest: &str| rest.split('.').map(str::to_owned).collect();
        Ok(match text {
            "actor.id" => Field::ActorId,
            "action" => Field::Action,
            "resource" => Field::Resource,
            _ => match (text.strip_prefix("actor.meta."), text.strip_prefix("meta.")) {
                (Some(rest), _) => Field::ActorMeta(path(rest)),
                (_, Some(rest)) => Field::Meta(path(rest)),
                _ => return Err(format!("there is no field {text:?}")),
            },
        })
    }

    /// What a request has there, if it has it.
    fn of(&self, request: &Request<'_>) -> Result<Value, String> {
        let inside = |data: &Data, path: &[String]| match path.iter().try_fold(data, |data, name| data.get(name)) {
            Some(data) => Value::try_from(data),
            None => Ok(Value::Nil),
        };
        match (self, request.actor) {
            (Field::Action, _) => Ok(Value::text(request.action)),
            (Field::Resource, _) => Ok(Value::text(request.resource)),
            (Field::Meta(path), _) => inside(request.meta, path),
            (Field::ActorId, Some(actor)) => Ok(Value::text(&*actor.id)),
            (Field::ActorMeta(path), Some(actor)) => inside(&actor.meta, path),
            (Field::ActorId | Field::ActorMeta(_), None) => Ok(Value::Nil),
        }
    }
}

/// The operators by name, and whether they are negations.
const OPERATORS: [(&str, Operator, bool); 14] = [
    ("eq", Operator::Equal, false),
    ("ne", Operator::Equal, true),
    ("lt", Operator::Less, false),
    ("gt", Operator::Greater, false),
    ("lte", Operator::LessOrEqual, false),
    ("gte", Operator::GreaterOrEqual, false),
    ("in", Operator::In, false),
    ("nin", Operator::In, true),
    ("exists", Operator::Exists, false),
    ("nexists", Operator::Exists, true),
    ("contains", Operator::Contains, false),
    ("ncontains", Operator::Contains, true),
    ("matches", Operator::Matches, false),
    ("nmatches", Operator::Matches, true),
];

impl Test {
    fn new(test: &Data) -> Result<Test, String> {
        let text = |name: &str| test.get(name).and_then(Data::as_str);
        let field = Field::new(text("field").ok_or("missing field 'field'")?)?;
        let name = text("operator").ok_or("missing field 'operator'")?;
        let (_, operator, negated) =
            *OPERATORS.iter().find(|(known, ..)| *known == name).ok_or_else(|| format!("no operator {name:?}"))?;
        let operand = match (test.get("value"), text("value_from")) {
            (_, Some(field)) => Operand::Field(Field::new(field)?),
            (Some(Data::Text(pattern)), None) if operator == Operator::Matches => Operand::Pattern(regex(pattern)?),
            (Some(value), None) => Operand::Value(Value::try_from(value)?),
            (None, None) if operator == Operator::Exists => Operand::Value(Value::Nil),
            (None, None) => return Err("neither 'value' nor 'value_from'".to_owned()),
        };
        Ok(Test { field, operator, negated, operand })
    }

    /// Whether it holds. Of what is not there only negations do.
    fn holds(&self, request: &Request<'_>) -> Result<bool, String> {
        let found = self.field.of(request)?;
        if found.is_nil() || self.operator == Operator::Exists {
            return Ok(found.is_nil() == self.negated);
        }
        let from;
        let operand = match &self.operand {
            Operand::Pattern(pattern) => return Ok(matches(&found, pattern)? != self.negated),
            Operand::Value(value) => value,
            Operand::Field(field) => {
                from = field.of(request)?;
                &from
            }
        };
        let holds = match self.operator {
            Operator::Equal => found.equals(operand),
            Operator::Less => found.compare(operand)?.is_some_and(|order| order.is_lt()),
            Operator::Greater => found.compare(operand)?.is_some_and(|order| order.is_gt()),
            Operator::LessOrEqual => found.compare(operand)?.is_some_and(|order| order.is_le()),
            Operator::GreaterOrEqual => found.compare(operand)?.is_some_and(|order| order.is_ge()),
            Operator::In => has(operand, &found)?,
            Operator::Contains => has(&found, operand)?,
            Operator::Matches => match operand {
                Value::Text(pattern) => matches(&found, &regex(pattern)?)?,
                other => return Err(format!("a pattern must be string, not {}", other.kind())),
            },
            Operator::Exists => !found.is_nil(),
        };
        Ok(holds != self.negated)
    }
}

/// Whether a list has an item, or a text a part.
fn has(whole: &Value, wanted: &Value) -> Result<bool, String> {
    match (whole, wanted) {
        (Value::Text(whole), Value::Text(part)) => Ok(memchr::memmem::find(whole, part).is_some()),
        _ => match whole.items() {
            Some(items) => Ok(items.iter().any(|item| item.equals(wanted))),
            None => Err(format!("cannot look for {} in {}", wanted.kind(), whole.kind())),
        },
    }
}

fn matches(found: &Value, pattern: &Regex) -> Result<bool, String> {
    match found {
        Value::Text(text) => Ok(pattern.is_match(text)),
        other => Err(format!("string expected, got {}", other.kind())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a.*", "a.b.c", true),
            ("a.*", "a", false),
            ("*.read", "files.read", true),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "xbxa", false),
            ("a", "ab", false),
            ("a**", "a", true),
        ] {
            assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    fn decide(policy: Data, request: &Request<'_>) -> Result<Decision, String> {
        let is_expression = policy.get("expression").is_some();
        let kind = if is_expression { EXPRESSION } else { CONDITIONS };
        compile(kind, &Data::from([("policy", policy)])).map(|rule| rule.decide(request))
    }

    fn with_condition(field: &str, operator: &str, value: Data) -> Data {
        let test = Data::from([("field", Data::from(field)), ("operator", operator.into()), ("value", value)]);
        let tests = Data::List(vec![test]);
        Data::from([
            ("actions", Data::from("*")),
            ("resources", "*".into()),
            ("effect", "allow".into()),
            ("conditions", tests),
        ])
    }

    #[test]
    fn conditions() {
        let meta = Data::from([("level", Data::from(3)), ("roles", vec!["admin"].into())]);
        let actor = Actor { id: "ann".into(), meta };
        let meta = Data::from([("owner", "ann")]);
        let request = Request { actor: Some(&actor), action: "doc.read", resource: "doc:1", meta: &meta };
        for (field, operator, value, negation) in [
            ("actor.id", "eq", Data::from("ann"), "ne"),
            ("actor.meta.level", "eq", 3.0.into(), "ne"),
            ("actor.id", "in", vec!["bob", "ann"].into(), "nin"),
            ("actor.meta.roles", "contains", "admin".into(), "ncontains"),
            ("action", "matches", "^doc[.]".into(), "nmatches"),
            ("meta.owner", "exists", Data::Nil, "nexists"),
        ] {
            let with = |operator| decide(with_condition(field, operator, value.clone()), &request);
            assert_eq!((with(operator), with(negation)), (Ok(Decision::Allow), Ok(Decision::Undefined)), "{operator}");
        }
        for (operator, at_2, at_3, at_4) in [
            ("lt", false, false, true),
            ("lte", false, true, true),
            ("gt", true, false, false),
            ("gte", true, true, false),
        ] {
            let at = |value: i32| decide(with_condition("actor.meta.level", operator, value.into()), &request);
            let expected =
                [at_2, at_3, at_4].map(|holds| Ok(if holds { Decision::Allow } else { Decision::Undefined }));
            assert_eq!([at(2), at(3), at(4)], expected, "{operator}");
        }
        for (operator, holds) in [("eq", false), ("ne", true), ("nin", true), ("lt", false), ("nexists", true)] {
            let decided = decide(with_condition("meta.none.at.all", operator, vec![1].into()), &request);
            assert_eq!(decided == Ok(Decision::Allow), holds, "{operator} of what is not there");
        }
    }

    #[test]
    fn what_cannot_be_judged_opens_nothing() {
        let request = Request { actor: None, action: "a", resource: "r", meta: &Data::Nil };
        for (effect, expected) in [("allow", Decision::Undefined), ("deny", Decision::Deny)] {
            let fields = [("actions", "a"), ("resources", "*"), ("effect", effect), ("expression", "actor.id == 'x'")];
            assert_eq!(decide(Data::from(fields), &request), Ok(expected));
            let fields = [("actions", "b"), ("resources", "*"), ("effect", effect), ("expression", "1")];
            assert_eq!(decide(Data::from(fields), &request), Ok(Decision::Undefined), "it is about something else");
        }
    }

    #[test]
    fn wrong_policies() {
        let request = Request { actor: None, action: "a", resource: "r", meta: &Data::Nil };
        for (policy, part) in [
            (Data::from([("actions", "*"), ("resources", "*")]), "'policy.effect'"),
            (Data::from([("actions", "*"), ("effect", "deny")]), "'policy.resources'"),
            (with_condition("nowhere", "eq", 1.into()), "there is no field"),
            (with_condition("action", "is", 1.into()), "no operator"),
            (with_condition("action", "matches", "(".into()), "bad pattern"),
            (
                Data::from([("actions", "*"), ("resources", "*"), ("effect", "deny"), ("expression", "1 +")]),
                "unexpected end",
            ),
        ] {
            let result = decide(policy, &request);
            assert!(matches!(&result, Err(message) if message.contains(part)), "{part}: {result:?}");
        }
    }
}
