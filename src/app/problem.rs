//! What is wrong with definitions: every message names file, line and entry.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where something stands.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file, as it is to be shown.
    pub file: Arc<Path>,
    /// From 1; 0 if it stands in no line.
    pub line: u32,
}

impl Place {
    /// The place of what stands in no file: a change made by a program.
    pub fn none() -> Place {
        Place { file: Path::new("registry").into(), line: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 { write!(f, ":{}", self.line) } else { Ok(()) }
    }
}

/// Something wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Whether the application can run all the same.
    pub harmless: bool,
    /// Where.
    pub place: Place,
    /// The id of the entry, if it belongs to one.
    pub entry: Option<Arc<str>>,
    /// What.
    pub message: String,
}

impl Problem {
    /// Something wrong in a file.
    pub fn new(place: Place, message: String) -> Problem {
        Problem { harmless: false, place, entry: None, message }
    }

    /// The same, of an entry.
    pub fn of(self, entry: &Arc<str>) -> Problem {
        Problem { entry: Some(Arc::clone(entry)), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if self.harmless {
            f.write_str("warning: ")?;
        }
        if let Some(entry) = &self.entry {
            write!(f, "{entry}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Puts problems in the order in which they are read.
pub fn sort(problems: &mut [Problem]) {
    problems.sort_by(|a, b| (&a.place.file, a.place.line).cmp(&(&b.place.file, b.place.line)));
}
