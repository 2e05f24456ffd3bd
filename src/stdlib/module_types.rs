//! The types that modules in files offer, for chunks that use them (types §6.1): what a chunk means by `users.User` after
//! `local users = require("users")`. The files are read for that, not run.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::load::{is_binary, read_source};
use super::package::find_file;
use crate::compile::{Exports, Modules, exports};
use crate::syntax::parse;
use crate::vm::image::Image;

/// Modules that need the types of each other, one after another; those of deeper ones are `any`.
const MAX_DEPTH: usize = 24;

/// The modules that `require` finds along a path.
pub struct PathModules<'a> {
    image: &'a Image,
    path: Vec<u8>,
    /// The files being looked into.
    open: RefCell<Vec<Vec<u8>>>,
    /// Whether one of them was needed again, so that what was found is incomplete.
    cut: Cell<bool>,
}

impl<'a> PathModules<'a> {
    /// The modules for chunks of an image; `path` has the form of `package.path`.
    pub fn new(image: &'a Image, path: Vec<u8>) -> PathModules<'a> {
        PathModules { image, path, open: RefCell::default(), cut: Cell::new(false) }
    }
}

impl Modules for PathModules<'_> {
    fn exports(&self, module: &str) -> Option<Arc<Exports>> {
        let file = find_file(module.as_bytes(), &self.path, b".", b"/").ok()?;
        if self.open.borrow().contains(&file) || self.open.borrow().len() >= MAX_DEPTH {
            self.cut.set(true);
            return None;
        }
        let (source, name) = read_source(Some(&file)).ok()?;
        if is_binary(&source) {
            return None;
        }
        if let Some(known) = self.image.types.exports(&name, &source) {
            return Some(known);
        }
        let ast = parse(&source).ok()?;
        self.open.borrow_mut().push(file);
        let found = exports(&ast, &name, self);
        self.open.borrow_mut().pop();
        let found = Arc::new(found.ok()?);
        if !self.cut.get() {
            self.image.types.note_exports(&name, &source, Arc::clone(&found));
        }
        Some(found)
    }
}
