//! Strings and metatables of the image that the runtime uses again and again, looked up once.

use super::{errors, events, lib_channel, message, payload};
use crate::vm::image::Image;
use crate::vm::object::{Str, Table};
use crate::vm::table::StaticTable;
use crate::vm::value::Value;

/// See the module header.
pub struct Words {
    /// The nodes of a select's result: a table with the fields `channel`, `value`, `ok`, in this order of [`Words::won`].
    pub(super) select_result: StaticTable,
    /// Indices of its nodes.
    pub(super) won: [usize; 3],
    pub(super) value: *mut Str,
    pub(super) ok: *mut Str,
    pub(super) default: *mut Str,
    pub(super) kind: *mut Str,
    pub(super) from: *mut Str,
    pub(super) at: *mut Str,
    pub(super) result: *mut Str,
    pub(super) error: *mut Str,
    pub(super) reason: *mut Str,
    pub(super) mode: *mut Str,
    pub(super) weak_values: *mut Str,
    pub(super) exit: *mut Str,
    pub(super) link_down: *mut Str,
    pub(super) cancel: *mut Str,
    pub(super) channel_class: *mut Table,
    pub(super) case_class: *mut Table,
    pub(super) message_class: *mut Table,
    pub(super) payload_class: *mut Table,
    pub(super) error_class: *mut Table,
}

// SAFETY: all are static objects of the image, which are immutable; the runtime holds both.
unsafe impl Send for Words {}
// SAFETY: as above.
unsafe impl Sync for Words {}

impl Words {
    /// Looks them up in an image.
    pub fn new(image: &Image) -> Words {
        let word = |text: &str| image.strings.intern(text.as_bytes());
        let fields = [word("channel"), word("value"), word("ok")];
        let select_result = StaticTable::new(&fields.map(|field| (field, Value::TRUE)), true);
        let won = fields.map(|field| {
            // SAFETY: a table and strings of the image.
            let node = unsafe { Table::find_node_str(select_result.table(), field) };
            node.expect("the table was made with this field").0 as usize
        });
        Words {
            select_result,
            won,
            value: word("value"),
            ok: word("ok"),
            default: word("default"),
            kind: word("kind"),
            from: word("from"),
            at: word("at"),
            result: word("result"),
            error: word("error"),
            reason: word("reason"),
            mode: word("__mode"),
            weak_values: word("v"),
            exit: word(events::EXIT),
            link_down: word(events::LINK_DOWN),
            cancel: word(events::CANCEL),
            channel_class: image.class(&lib_channel::CHANNEL),
            case_class: image.class(&lib_channel::CASE),
            message_class: image.class(&message::MESSAGE),
            payload_class: image.class(&payload::PAYLOAD),
            error_class: image.class(&errors::ERROR),
        }
    }
}
