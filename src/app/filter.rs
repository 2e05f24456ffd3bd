//! What `registry.find` looks for: conditions on id, kind and meta data, all of which must hold.

use regex::Regex;

use super::definition::Definition;
use crate::runtime::data::Data;

/// The conditions of a search.
pub struct Filter(Vec<Condition>);

struct Condition {
    subject: Subject,
    test: Test,
}

/// What is looked at.
enum Subject {
    Id,
    Kind,
    Namespace,
    Name,
    /// A field of the meta data, and fields of that.
    Meta(Vec<String>),
}

enum Test {
    Equals(Data),
    /// The parts between the `*` of a pattern.
    Glob(Vec<String>),
    Matches(Regex),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
}

impl Filter {
    /// Reads the fields of a filter.
    ///
    /// # Errors
    /// A key that is no string, or a pattern that is wrong.
    pub fn of(fields: &Data) -> Result<Filter, String> {
        let entries = match fields {
            Data::Map(entries) => &entries[..],
            Data::List(items) if items.is_empty() => &[],
            _ => return Err("a filter is a table with names".to_owned()),
        };
        let condition = |(key, wanted): &(Data, Data)| {
            let key = key.as_str().ok_or("the keys of a filter are strings")?;
            let operator = key.chars().next().filter(|c| matches!(c, '~' | '*' | '^' | '$'));
            let name = &key[operator.map_or(0, char::len_utf8)..];
            let subject = match name {
                ".id" | "id" => Subject::Id,
                ".kind" | "kind" => Subject::Kind,
                ".ns" | "ns" => Subject::Namespace,
                ".name" | "name" => Subject::Name,
                other => {
                    let path = other.strip_prefix("meta.").unwrap_or(other);
                    Subject::Meta(path.split('.').map(str::to_owned).collect())
                }
            };
            let Some(operator) = operator else {
                let test = match wanted.as_str() {
                    Some(text) if text.contains('*') => Test::Glob(text.split('*').map(str::to_owned).collect()),
                    _ => Test::Equals(wanted.clone()),
                };
                return Ok(Condition { subject, test });
            };
            let text = wanted.as_str().ok_or_else(|| format!("'{key}' needs a string"))?.to_owned();
            let test = match operator {
                '~' => Test::Matches(Regex::new(&text).map_err(|error| format!("'{key}': {error}"))?),
                '*' => Test::Contains(text),
                '^' => Test::StartsWith(text),
                _ => Test::EndsWith(text),
            };
            Ok(Condition { subject, test })
        };
        entries.iter().map(condition).collect::<Result<_, String>>().map(Filter)
    }

    /// Whether all conditions hold.
    pub fn accepts(&self, definition: &Definition) -> bool {
        self.0.iter().all(|condition| condition.holds(definition))
    }
}

impl Condition {
    fn holds(&self, definition: &Definition) -> bool {
        let text = match &self.subject {
            Subject::Id => &*definition.id,
            Subject::Kind => &*definition.kind,
            Subject::Namespace => definition.namespace(),
            Subject::Name => definition.name(),
            Subject::Meta(path) => {
                let found = path.iter().try_fold(&definition.meta, |data, field| data.get(field));
                return found.is_some_and(|data| self.test.holds(data));
            }
        };
        self.test.holds(&Data::from(text))
    }
}

impl Test {
    fn holds(&self, data: &Data) -> bool {
        if let (Data::List(items), Test::Contains(_) | Test::Equals(_)) = (data, self) {
            let is_in = |item: &Data| match self {
                Test::Contains(wanted) => Data::from(wanted.as_str()) == *item,
                test => test.holds(item),
            };
            return *data == self.wanted() || items.iter().any(is_in);
        }
        if let Test::Equals(wanted) = self {
            return data == wanted;
        }
        let Some(text) = data.as_str() else { return false };
        match self {
            Test::Equals(_) => false,
            Test::Glob(parts) => matches_glob(text, parts),
            Test::Matches(regex) => regex.is_match(text),
            Test::Contains(part) => text.contains(part.as_str()),
            Test::StartsWith(part) => text.starts_with(part.as_str()),
            Test::EndsWith(part) => text.ends_with(part.as_str()),
        }
    }

    fn wanted(&self) -> Data {
        match self {
            Test::Equals(wanted) => wanted.clone(),
            _ => Data::Nil,
        }
    }
}

/// Whether a text consists of these parts with anything between them.
fn matches_glob(text: &str, parts: &[String]) -> bool {
    let [first, middle @ .., last] = parts else { return false };
    let Some(rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
        return false;
    };
    let found = middle.iter().try_fold(rest, |rest, part| rest.find(part.as_str()).map(|at| &rest[at + part.len()..]));
    found.is_some()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use hashbrown::HashMap;

    use super::super::problem::Place;
    use super::*;

    fn accepts(key: &str, wanted: impl Into<Data>) -> bool {
        let definition = Definition {
            id: "app.web:get_user".into(),
            kind: "function.lua".into(),
            meta: Data::from([
                ("type", Data::from("test")),
                ("tags", vec!["fast", "http"].into()),
                ("deep", Data::from([("level", 2)])),
            ]),
            data: Data::Map(Vec::new()),
            place: Place::none(),
            lines: HashMap::new(),
            source_file: None,
        };
        let filter = Filter::of(&Data::Map(vec![(key.into(), wanted.into())]));
        filter.map_err(|message| panic!("{message}")).is_ok_and(|filter| filter.accepts(&definition))
    }

    #[test]
    fn conditions() {
        assert!(accepts(".kind", "function.lua") && accepts("kind", "function.*") && !accepts(".kind", "process.*"));
        assert!(accepts(".ns", "app.web") && accepts(".name", "get_*er") && !accepts(".name", "get"));
        assert!(accepts(".id", "*:get_user") && accepts("^.id", "app.") && !accepts("$.id", "app."));
        assert!(accepts("meta.type", "test") && accepts("type", "test") && !accepts("meta.type", "tes"));
        assert!(accepts("~meta.type", "^t.st$") && accepts("*meta.type", "es") && !accepts("~meta.none", "."));
        assert!(accepts("*meta.tags", "http") && accepts("meta.tags", "fast") && !accepts("*meta.tags", "htt"));
        assert!(accepts("meta.deep.level", 2) && !accepts("meta.deep.level", 3) && !accepts("meta.deep.none", 2));
    }

    #[test]
    fn complaints() {
        assert!(Filter::of(&Data::from([("~meta.x", "(")])).is_err());
        assert!(Filter::of(&Data::from([(1, "x")])).is_err() && Filter::of(&Data::from(1)).is_err());
        assert!(Filter::of(&Data::Map(Vec::new())).is_ok());
    }
}
