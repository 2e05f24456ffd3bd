//! Strings and metatables of the image that the runtime uses again and again, looked up once.

use super::shape::Shape;
use super::{errors, events, lib_channel, message, payload};
use crate::vm::image::Image;
use crate::vm::object::{Str, Table};

/// See the module header.
pub struct Words {
    /// The result of a select: `channel`, `value`, `ok`.
    pub(super) select_result: Shape<3>,
    /// An event: `from`, `at`, `kind`, `result`.
    pub(super) end_event: Shape<4>,
    /// A request to end: `from`, `at`, `kind`, `reason`.
    pub(super) cancel_event: Shape<4>,
    /// The result of a process that ended well: `value`.
    pub(super) value_result: Shape<1>,
    /// The result of one that failed: `error`.
    pub(super) error_result: Shape<1>,
    pub(super) ok: *mut Str,
    pub(super) default: *mut Str,
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
        Words {
            select_result: Shape::new(image, ["channel", "value", "ok"]),
            end_event: Shape::new(image, ["from", "at", "kind", "result"]),
            cancel_event: Shape::new(image, ["from", "at", "kind", "reason"]),
            value_result: Shape::new(image, ["value"]),
            error_result: Shape::new(image, ["error"]),
            ok: word("ok"),
            default: word("default"),
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
