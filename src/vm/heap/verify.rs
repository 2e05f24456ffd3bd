//! The heap checks itself: every reference must lead to an intact object of the right kind and colour. For tests and
//! stress runs.

use std::collections::HashSet;

use super::Heap;
use super::collect::Phase;
use super::page::{Block, CLASSES, Page, Use, class_size};
use crate::vm::object::{Cell, Closure, DEAD_KEY, Header, NativeClosure, Table, Userdata, mark as bits, string_flag};
use crate::vm::value::{Value, tag};

impl Heap {
    /// Checks all objects; only between two cycles (during one it checks nothing). Returns their number.
    ///
    /// # Errors
    /// What is wrong with the first faulty object.
    pub fn verify(&mut self) -> Result<usize, String> {
        if !matches!(self.collector.phase, Phase::Idle) {
            return Ok(0);
        }
        let objects = self.all_objects();
        let known: HashSet<*mut Header> = objects.iter().copied().collect();
        for &object in &objects {
            // SAFETY: all are intact objects of this heap.
            unsafe { self.verify_object(object, &known) }.map_err(|fault| format!("object {object:?}: {fault}"))?;
        }
        Ok(objects.len())
    }

    fn all_objects(&mut self) -> Vec<*mut Header> {
        // SAFETY: slots at home have headers.
        let mut objects: Vec<_> = self.pages.home.objects().filter(|&object| unsafe { (*object).kind != 0 }).collect();
        for class in 0..CLASSES {
            let mut page = self.pages.first_page(Use::Object, class);
            while !page.is_null() {
                // SAFETY: slots below the bump mark are objects or free.
                unsafe {
                    let (mut at, end) = Page::used(page);
                    while at < end {
                        let object = at.cast::<Header>();
                        if (*object).kind != 0 {
                            objects.push(object);
                        }
                        at = at.add(class_size(class));
                    }
                    page = (*page).next;
                }
            }
        }
        let mut block = self.pages.first_block(Use::Object);
        while !block.is_null() {
            objects.push(Block::content(block).cast());
            // SAFETY: in the list, hence live.
            block = unsafe { (*block).next };
        }
        objects
    }

    unsafe fn verify_object(&self, object: *mut Header, known: &HashSet<*mut Header>) -> Result<(), String> {
        let check = |what: &str, value: Value| -> Result<(), String> {
            if !value.is_object() {
                return Ok(());
            }
            let target = value.header();
            // SAFETY: an address that is not known is not read, unless the value claims to be static, as constants are.
            unsafe {
                if !known.contains(&target) {
                    let constant = (*target).mark & bits::STATIC != 0
                        || (*target).kind == tag::STRING && (*target).flags & string_flag::CHUNK != 0;
                    return if constant { Ok(()) } else { Err(format!("{what} {value:?} is not in the heap")) };
                }
                if (*target).kind != value.tag() {
                    return Err(format!("{what} {value:?} is of kind {}", (*target).kind));
                }
            }
            Ok(())
        };
        let check_metatable = |table: *mut Table| {
            if table.is_null() { Ok(()) } else { check("metatable", Value::table(table)) }
        };
        // SAFETY: the caller has an intact object; the kind tells its layout.
        unsafe {
            let colour = (*object).mark & (bits::COLOUR_A | bits::COLOUR_B);
            if colour != self.birth_mark || (*object).mark & bits::TOUCHED != 0 {
                return Err(format!("mark {:#x} between two cycles", (*object).mark));
            }
            match (*object).kind {
                tag::STRING | tag::THREAD => Ok(()),
                tag::TABLE => {
                    let table = object.cast::<Table>();
                    check_metatable((*table).metatable)?;
                    for i in 0..(*table).array_len as usize {
                        check("item", *(*table).array.add(i))?;
                    }
                    for i in 0..Table::node_count(table) as usize {
                        let node = &*(*table).nodes.add(i);
                        if !node.value.is_nil() {
                            if node.key_tag & DEAD_KEY != 0 {
                                return Err(format!("node {i} has a value and a dead key"));
                            }
                            check("key", node.key())?;
                            check("field", node.value)?;
                        }
                    }
                    Table::check(table)
                }
                tag::CLOSURE => {
                    let closure = object.cast::<Closure>();
                    let chunk = (*(*closure).function).chunk;
                    if !chunk.is_null() && self.loaded_chunk(chunk).is_none() {
                        return Err("the chunk of its function is gone".into());
                    }
                    (0..(*object).extra as usize)
                        .try_for_each(|i| check("captured", *Closure::captured(closure).add(i)))
                }
                tag::NATIVE_CLOSURE => (0..(*object).extra as usize)
                    .try_for_each(|i| check("captured", *NativeClosure::captured(object.cast()).add(i))),
                tag::CELL => check("content", (*object.cast::<Cell>()).value),
                tag::USERDATA => {
                    let userdata = object.cast::<Userdata>();
                    check_metatable((*userdata).metatable)?;
                    check("user value", (*userdata).user_value)
                }
                kind => Err(format!("unknown kind {kind}")),
            }
        }
    }
}
