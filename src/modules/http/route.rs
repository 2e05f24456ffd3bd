//! Routes: which target a method and a path lead to. Pure.
//!
//! A pattern is a path whose segments are text, `{name}` for any one segment, or at the end `{name...}` for all that is
//! left. Where several patterns match, the most specific wins, whatever their order: text before `{name}` before
//! `{name...}`, from the left.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use hyper::Method;

/// All routes of a server.
pub struct Routes<T> {
    root: Node<T>,
}

/// What may follow a part of a path.
struct Node<T> {
    literal: HashMap<Box<str>, Node<T>>,
    any: Option<Box<Node<T>>>,
    /// Targets of paths that end here.
    here: HashMap<Method, Target<T>>,
    /// Targets of paths that go on in any way.
    rest: HashMap<Method, Target<T>>,
}

struct Target<T> {
    value: T,
    /// The names of the parameters, from the left.
    names: Vec<Box<str>>,
}

/// A parameter of a path: its name and its decoded text.
pub type Param = (Box<str>, String);

/// What a method and a path lead to.
pub enum Match<'a, T> {
    /// This target, with the values of its parameters.
    Found(&'a T, Vec<Param>),
    /// The path is known with these methods only.
    OtherMethods(Vec<Method>),
    /// Nothing.
    Unknown,
}

impl<T> Default for Routes<T> {
    fn default() -> Routes<T> {
        Routes { root: Node::default() }
    }
}

impl<T> Default for Node<T> {
    fn default() -> Node<T> {
        Node { literal: HashMap::new(), any: None, here: HashMap::new(), rest: HashMap::new() }
    }
}

impl<T> Routes<T> {
    /// Adds a route.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn add(&mut self, method: Method, pattern: &str, value: T) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("path {pattern}: {why}"));
        let Some(path) = pattern.strip_prefix('/') else { return wrong("must begin with /") };
        let mut names: Vec<Box<str>> = Vec::new();
        let mut node = &mut self.root;
        let mut is_rest = false;
        for segment in path.split('/') {
            if is_rest {
                return wrong("{name...} must be last");
            }
            let Some(name) = segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) else {
                if segment.contains(['{', '}']) {
                    return wrong("a parameter is a whole segment");
                }
                node = node.literal.entry(segment.into()).or_default();
                continue;
            };
            let bare = name.strip_suffix("...");
            is_rest = bare.is_some();
            let name = bare.unwrap_or(name);
            if name.is_empty() || names.iter().any(|other| **other == *name) {
                return wrong("parameters need names of their own");
            }
            names.push(name.into());
            if !is_rest {
                node = node.any.get_or_insert_default();
            }
        }
        let targets = if is_rest { &mut node.rest } else { &mut node.here };
        match targets.insert(method, Target { value, names }) {
            None => Ok(()),
            Some(_) => wrong("declared twice"),
        }
    }

    /// Where a request leads. `path` is as it was sent.
    pub fn find(&self, method: &Method, path: &str) -> Match<'_, T> {
        let Some(path) = path.strip_prefix('/') else { return Match::Unknown };
        let segments: Option<Vec<String>> = path.split('/').map(decode).collect();
        let Some(segments) = segments else { return Match::Unknown };
        let mut search = Search { segments: &segments, method, known: BTreeSet::new() };
        let mut values = Vec::new();
        match search.visit(&self.root, 0, &mut values) {
            Some(target) => Match::Found(&target.value, target.names.iter().cloned().zip(values).collect()),
            None if search.known.is_empty() => Match::Unknown,
            None => {
                let method = |name: &String| Method::from_bytes(name.as_bytes()).ok();
                Match::OtherMethods(search.known.iter().filter_map(method).collect())
            }
        }
    }
}

struct Search<'s> {
    segments: &'s [String],
    method: &'s Method,
    /// The methods of other routes that match.
    known: BTreeSet<String>,
}

impl Search<'_> {
    /// The target for the segments from `at` on. `values` has those of parameters so far.
    fn visit<'a, T>(&mut self, node: &'a Node<T>, at: usize, values: &mut Vec<String>) -> Option<&'a Target<T>> {
        let Some(segment) = self.segments.get(at) else {
            return self.choose(&node.here);
        };
        if let Some(next) = node.literal.get(segment.as_str())
            && let Some(target) = self.visit(next, at + 1, values)
        {
            return Some(target);
        }
        if let Some(next) = &node.any
            && !segment.is_empty()
        {
            values.push(segment.clone());
            if let Some(target) = self.visit(next, at + 1, values) {
                return Some(target);
            }
            values.pop();
        }
        let target = self.choose(&node.rest)?;
        values.push(self.segments[at..].join("/"));
        Some(target)
    }

    fn choose<'a, T>(&mut self, targets: &'a HashMap<Method, Target<T>>) -> Option<&'a Target<T>> {
        let found = targets.get(self.method);
        let found = found.or_else(|| targets.get(&Method::GET).filter(|_| self.method == Method::HEAD));
        if found.is_none() {
            self.known.extend(targets.keys().map(|method| method.to_string()));
            if targets.contains_key(&Method::GET) {
                self.known.insert(Method::HEAD.to_string());
            }
        }
        found
    }
}

/// A segment without its percent-encoding; `None` if that is wrong, or the text is not UTF-8.
pub fn decode(segment: &str) -> Option<String> {
    if !segment.contains('%') {
        return Some(segment.to_owned());
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        bytes.push(if byte == b'%' { (digit()? << 4 | digit()?) as u8 } else { byte });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(list: &[&str]) -> Routes<String> {
        let mut routes = Routes::default();
        for route in list {
            let (method, pattern) = route.split_once(' ').expect("method and pattern");
            routes
                .add(Method::from_bytes(method.as_bytes()).expect("a method"), pattern, (*route).to_owned())
                .expect("a good pattern");
        }
        routes
    }

    fn find(routes: &Routes<String>, method: &str, path: &str) -> String {
        match routes.find(&Method::from_bytes(method.as_bytes()).expect("a method"), path) {
            Match::Found(route, params) => {
                params.iter().fold(route.clone(), |text, (name, value)| format!("{text} {name}={value}"))
            }
            Match::OtherMethods(methods) => methods.iter().map(Method::as_str).collect::<Vec<_>>().join(","),
            Match::Unknown => "unknown".to_owned(),
        }
    }

    #[test]
    fn the_most_specific_route_wins() {
        let list = ["GET /a/{rest...}", "GET /a/{x}", "GET /a/b", "GET /a/{x}/c", "GET /{x}/b/c", "GET /"];
        let reversed: Vec<_> = list.iter().rev().copied().collect();
        for routes in [routes(&list), routes(&reversed)] {
            for (path, expected) in [
                ("/", "GET /"),
                ("/a/b", "GET /a/b"),
                ("/a/z", "GET /a/{x} x=z"),
                ("/a/b/c", "GET /a/{x}/c x=b"),
                ("/a/b/d", "GET /a/{rest...} rest=b/d"),
                ("/a/", "GET /a/{rest...} rest="),
                ("/a", "unknown"),
                ("/z/b/c", "GET /{x}/b/c x=z"),
                ("/a/%7Bx%20%C3%A4", "GET /a/{x} x={x ä"),
                ("/a/x%2Fy", "GET /a/{x} x=x/y"),
                ("/a/%zz", "unknown"),
                ("/a/%ff", "unknown"),
                ("*", "unknown"),
            ] {
                assert_eq!(find(&routes, "GET", path), expected, "{path}");
            }
        }
    }

    #[test]
    fn methods() {
        let routes = routes(&["GET /a", "POST /a", "PUT /{x}", "HEAD /h", "GET /h"]);
        assert_eq!(find(&routes, "HEAD", "/a"), "GET /a");
        assert_eq!(find(&routes, "HEAD", "/h"), "HEAD /h");
        assert_eq!(find(&routes, "PUT", "/a"), "PUT /{x} x=a");
        assert_eq!(find(&routes, "DELETE", "/a"), "GET,HEAD,POST,PUT");
        assert_eq!(find(&routes, "HEAD", "/b"), "PUT");
        assert_eq!(find(&routes, "GET", "/b/c"), "unknown");
    }

    #[test]
    fn patterns_that_make_no_sense() {
        let mut routes = routes(&["GET /a/{x}"]);
        for pattern in ["a", "", "/a/{y}", "/{x}/{x}", "/{}", "/a{x}", "/{x...}/b", "/{x"] {
            assert!(routes.add(Method::GET, pattern, String::new()).is_err(), "{pattern}");
        }
    }
}
