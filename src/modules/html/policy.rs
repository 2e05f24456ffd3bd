//! What is allowed in a document.
//!
//! A policy is a list of what may stay; nobody can allow what is code, or what browsers read by rules of its own.

use hashbrown::HashMap;
use regex::Regex;

use super::urls::{EXECUTABLE, Urls};

/// What is allowed.
#[derive(Default)]
pub struct Policy {
    /// Elements with the attributes that they may have.
    elements: HashMap<String, Attributes>,
    /// Attributes that every element may have.
    global: Attributes,
    /// The values of attributes that are URLs.
    pub urls: Urls,
    /// What is done to links.
    pub links: Links,
}

type Attributes = HashMap<String, Vec<Rule>>;

/// What is done to links.
#[derive(Default)]
pub struct Links {
    /// `rel` gets `nofollow`.
    pub nofollow: bool,
    /// `rel` gets `noreferrer`.
    pub noreferrer: bool,
    /// Those that name a host get a window of their own.
    pub blank: bool,
}

/// Which values an attribute may have. Of several rules one has to hold.
#[derive(Clone)]
pub enum Rule {
    /// Any.
    Any,
    /// Those with a match.
    Matching(Regex),
    /// Those that this says.
    Check(fn(&str) -> bool),
}

/// Elements that are never allowed: they are code, bring documents of their own, or have content that is read otherwise.
const FORBIDDEN: [&str; 24] = [
    "applet",
    "base",
    "embed",
    "frame",
    "frameset",
    "iframe",
    "link",
    "math",
    "meta",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "param",
    "plaintext",
    "script",
    "select",
    "style",
    "svg",
    "template",
    "textarea",
    "title",
    "xml",
    "xmp",
];

fn is_allowable_element(name: &str) -> bool {
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    is_name && !FORBIDDEN.contains(&name)
}

/// Handlers, styles, documents and lists of URLs are not.
fn is_allowable_attribute(name: &str) -> bool {
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | ':'));
    let is_code =
        name.starts_with("on") || matches!(name, "style" | "srcdoc" | "srcset" | "ping" | "archive" | "xmlns");
    is_name && !is_code
}

impl Policy {
    /// One for what users write: texts with headings, lists, tables, links and images.
    pub fn for_users() -> Policy {
        let mut policy = Policy::default();
        policy.allow_standard_attributes();
        policy.allow_standard_urls();
        policy.allow_elements(&[
            "abbr",
            "acronym",
            "address",
            "article",
            "aside",
            "b",
            "bdi",
            "bdo",
            "br",
            "cite",
            "code",
            "dfn",
            "div",
            "em",
            "figcaption",
            "figure",
            "footer",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hgroup",
            "hr",
            "i",
            "kbd",
            "mark",
            "p",
            "pre",
            "rp",
            "rt",
            "ruby",
            "s",
            "samp",
            "section",
            "small",
            "span",
            "strike",
            "strong",
            "sub",
            "summary",
            "sup",
            "tt",
            "u",
            "var",
            "wbr",
        ]);
        policy.allow_attributes(&["open"], Rule::Check(|value| matches!(value, "" | "open")), &["details"]);
        policy.allow_attributes(&["cite"], Rule::Any, &["blockquote", "del", "ins", "q"]);
        policy.allow_attributes(&["href"], Rule::Any, &["a", "area"]);
        policy.allow_attributes(&["alt"], Rule::Any, &["area"]);
        policy.allow_attributes(&["coords"], Rule::Check(is_list_of_numbers), &["area"]);
        policy.allow_attributes(
            &["shape"],
            Rule::Check(|value| is_one_of(value, &["circle", "default", "poly", "rect"])),
            &["area"],
        );
        policy.allow_attributes(&["name"], Rule::Check(is_identifier), &["map"]);
        policy.allow_attributes(&["usemap"], Rule::Check(|value| value.starts_with('#')), &["img"]);
        policy.allow_attributes(&["datetime"], Rule::Check(is_time), &["del", "ins", "time"]);
        policy.allow_attributes(&["high", "low", "max", "min", "optimum", "value"], Rule::Check(is_number), &["meter"]);
        policy.allow_attributes(&["max", "value"], Rule::Check(is_number), &["progress"]);
        policy.allow_images();
        policy.allow_lists();
        policy.allow_tables();
        policy
    }

    /// Allows elements. What can never be allowed is passed over.
    pub fn allow_elements<T: AsRef<str>>(&mut self, names: &[T]) {
        for name in names.iter().map(AsRef::as_ref).filter(|name| is_allowable_element(name)) {
            self.elements.entry_ref(name).or_default();
        }
    }

    /// Allows attributes of elements, and these.
    pub fn allow_attributes<N: AsRef<str>, E: AsRef<str>>(&mut self, names: &[N], rule: Rule, elements: &[E]) {
        self.allow_elements(elements);
        for element in elements {
            if let Some(attributes) = self.elements.get_mut(element.as_ref()) {
                add(attributes, names, &rule);
            }
        }
    }

    /// Allows attributes of all elements.
    pub fn allow_attributes_globally<N: AsRef<str>>(&mut self, names: &[N], rule: &Rule) {
        add(&mut self.global, names, rule);
    }

    /// Allows URLs of the web and of mail, and relative ones.
    pub fn allow_standard_urls(&mut self) {
        self.allow_schemes(&["http", "https", "mailto"]);
        self.urls.allow_relative = true;
        self.urls.require_parseable = true;
        self.links.nofollow = true;
    }

    /// Allows URLs with schemes, which must be in lower case. Those of code are passed over.
    pub fn allow_schemes<T: AsRef<str>>(&mut self, schemes: &[T]) {
        let schemes = schemes.iter().map(AsRef::as_ref).filter(|scheme| !EXECUTABLE.contains(scheme));
        self.urls.schemes.extend(schemes.map(str::to_owned));
    }

    /// Allows images of the web.
    pub fn allow_images(&mut self) {
        self.allow_standard_urls();
        let is_place = |value: &str| {
            is_one_of(
                value,
                &["absbottom", "absmiddle", "baseline", "bottom", "left", "middle", "right", "texttop", "top"],
            )
        };
        self.allow_attributes(&["align"], Rule::Check(is_place), &["img"]);
        self.allow_attributes(&["alt", "src"], Rule::Any, &["img"]);
        self.allow_attributes(&["height", "width"], Rule::Check(is_length), &["img"]);
    }

    /// Allows lists.
    pub fn allow_lists(&mut self) {
        let is_style = |value: &str| {
            matches!(value, "1" | "a" | "A" | "i" | "I") || is_one_of(value, &["circle", "disc", "square"])
        };
        self.allow_elements(&["dd", "dl", "dt", "li", "ol", "ul"]);
        self.allow_attributes(&["type"], Rule::Check(is_style), &["li", "ol", "ul"]);
        self.allow_attributes(&["value"], Rule::Check(is_number), &["li"]);
        self.allow_attributes(&["start"], Rule::Check(is_number), &["ol"]);
    }

    /// Allows tables.
    pub fn allow_tables(&mut self) {
        const CELLS: [&str; 2] = ["td", "th"];
        const ALIGNED: [&str; 8] = ["col", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr"];
        let is_place = |value: &str| is_one_of(value, &["center", "char", "justify", "left", "right"]);
        let is_height = |value: &str| is_one_of(value, &["baseline", "bottom", "middle", "top"]);
        self.allow_elements(&["caption", "table"]);
        self.allow_attributes(&["align"], Rule::Check(is_place), &ALIGNED);
        self.allow_attributes(&["valign"], Rule::Check(is_height), &ALIGNED);
        self.allow_attributes(&["height", "width"], Rule::Check(is_length), &["col", "colgroup", "table", "td", "th"]);
        self.allow_attributes(&["span"], Rule::Check(is_number), &["col", "colgroup"]);
        self.allow_attributes(&["colspan", "rowspan"], Rule::Check(is_number), &CELLS);
        self.allow_attributes(&["headers"], Rule::Check(is_identifiers), &CELLS);
        self.allow_attributes(&["abbr"], Rule::Any, &CELLS);
        self.allow_attributes(&["nowrap"], Rule::Check(|value| matches!(value, "" | "nowrap")), &CELLS);
        let is_scope = |value: &str| is_one_of(value, &["col", "colgroup", "row", "rowgroup"]);
        self.allow_attributes(&["scope"], Rule::Check(is_scope), &CELLS);
        self.allow_attributes(&["summary"], Rule::Any, &["table"]);
    }

    /// Allows attributes that say what text is like, of all elements.
    pub fn allow_standard_attributes(&mut self) {
        self.allow_attributes_globally(&["dir"], &Rule::Check(|value| is_one_of(value, &["auto", "ltr", "rtl"])));
        let is_language = |value: &str| {
            !value.is_empty() && value.len() <= 40 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        self.allow_attributes_globally(&["lang"], &Rule::Check(is_language));
        self.allow_attributes_globally(&["id"], &Rule::Check(is_identifier));
        self.allow_attributes_globally(&["title"], &Rule::Any);
    }

    /// Whether an element is allowed.
    pub fn allows_element(&self, name: &str) -> bool {
        self.elements.contains_key(name)
    }

    /// Whether an attribute is allowed, but for what can be said of its value as a URL.
    pub fn allows_attribute(&self, element: &str, name: &str, value: &str) -> bool {
        let own = self.elements.get(element).and_then(|attributes| attributes.get(name));
        own.into_iter().chain(self.global.get(name)).flatten().any(|rule| rule.accepts(value))
    }
}

fn add<N: AsRef<str>>(attributes: &mut Attributes, names: &[N], rule: &Rule) {
    for name in names.iter().map(AsRef::as_ref).filter(|name| is_allowable_attribute(name)) {
        attributes.entry_ref(name).or_default().push(rule.clone());
    }
}

impl Rule {
    fn accepts(&self, value: &str) -> bool {
        match self {
            Rule::Any => true,
            Rule::Matching(regex) => regex.is_match(value),
            Rule::Check(check) => check(value),
        }
    }
}

fn is_one_of(value: &str, words: &[&str]) -> bool {
    words.iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn is_identifier(value: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'-' | b'_' | b'.');
    !value.is_empty() && value.bytes().all(is_part)
}

fn is_identifiers(value: &str) -> bool {
    value.split_ascii_whitespace().all(is_identifier)
}

fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

fn is_list_of_numbers(value: &str) -> bool {
    value.split(',').all(|number| is_number(number.trim()))
}

/// A number of pixels, or a part of what there is.
fn is_length(value: &str) -> bool {
    let digits = value.strip_suffix('%').unwrap_or(value);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_time(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b':' | b'.' | b'+' | b' '))
}
