//! The `text` module (`modules.md` §4.11): regular expressions, differences of texts, and texts in pieces.
//!
//! | file | owns |
//! | --- | --- |
//! | `regexp` | `text.regexp`: compiled expressions |
//! | [`syntax`] | the syntax of RE2 in terms of the engine's; pure |
//! | `differ` | `text.diff`: what programs see of the next two |
//! | [`difference`] | what two texts have in common; pure |
//! | [`patch`] | changes that can be applied to a text that is a little different; pure |
//! | `splitter` | `text.splitter`: options, and the splitters as objects |
//! | [`pieces`] | texts in pieces of limited size; pure |
//! | [`markdown`] | the same along the structure of Markdown; pure |

mod differ;
mod difference;
mod markdown;
mod patch;
mod pieces;
mod regexp;
mod splitter;
mod syntax;

pub use self::syntax::translate;

use crate::runtime::module::{Module, ModuleClass};
use crate::vm::Vm;
use crate::vm::image::Library;

/// The module.
pub struct Text;

impl Module for Text {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY, &regexp::LIBRARY, &differ::LIBRARY, &splitter::LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Deterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("text.d.lua")
    }
}

static LIBRARY: Library = Library { name: "text", global: false, natives: &[], constants: &[] };

/// Bytes of text that cost as much as a function call.
const BYTES_PER_CALL: usize = 16;

/// Charges for a text that is looked through.
fn charge(vm: &mut Vm, text: usize) {
    vm.fuel -= (text / BYTES_PER_CALL) as i64;
}
