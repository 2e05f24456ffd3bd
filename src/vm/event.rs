//! Metamethod events (manual §2.4): their names, and finding the handler of a value.

use super::machine::Vm;
use super::object::{Str, Table, mark};
use super::value::{Value, tag};

macro_rules! events {
    ($($name:ident $text:literal;)*) => {
        /// A metamethod event.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum Event { $($name,)* }

        impl Event {
            /// Field names in the metatable, in the order of the enum.
            pub const NAMES: &[&str] = &[$($text,)*];
        }
    };
}

events! {
    // The first eight are cached as known to be absent in a metatable's `flags`.
    Index "__index";
    NewIndex "__newindex";
    Eq "__eq";
    Len "__len";
    Call "__call";
    Gc "__gc";
    Mode "__mode";
    Lt "__lt";
    Le "__le";
    Concat "__concat";
    Add "__add";
    Sub "__sub";
    Mul "__mul";
    Mod "__mod";
    Pow "__pow";
    Div "__div";
    IDiv "__idiv";
    BAnd "__band";
    BOr "__bor";
    BXor "__bxor";
    Shl "__shl";
    Shr "__shr";
    Unm "__unm";
    BNot "__bnot";
    ToString "__tostring";
    Name "__name";
    Pairs "__pairs";
    Metatable "__metatable";
}

/// Number of basic types that may have a metatable shared by all their values.
pub const BASIC_TYPES: usize = 6;

/// The slot of a basic type's shared metatable.
fn basic_slot(value_tag: u8) -> usize {
    match value_tag {
        tag::NIL => 0,
        tag::FALSE | tag::TRUE => 1,
        tag::INT | tag::FLOAT => 2,
        tag::LIGHT => 3,
        tag::NATIVE | tag::CLOSURE | tag::NATIVE_CLOSURE => 4,
        _ => 5,
    }
}

/// The type's name as `type` returns it.
pub fn type_name(value: Value) -> &'static str {
    type_name_of_tag(value.tag())
}

/// As [`type_name`], of values with this tag.
pub(super) fn type_name_of_tag(tag: u8) -> &'static str {
    match tag {
        tag::NIL => "nil",
        tag::FALSE | tag::TRUE => "boolean",
        tag::INT | tag::FLOAT => "number",
        tag::STRING => "string",
        tag::TABLE => "table",
        tag::NATIVE | tag::CLOSURE | tag::NATIVE_CLOSURE => "function",
        tag::THREAD => "thread",
        tag::TYPE => "type",
        _ => "userdata",
    }
}

impl Vm {
    /// The interned field name of an event.
    #[inline]
    pub fn event_name(&self, event: Event) -> *mut Str {
        self.image.event_names[event as usize]
    }

    /// The handler in a metatable, or nil. `metatable` may be null.
    #[inline]
    pub fn handler_in(&self, metatable: *mut Table, event: Event) -> Value {
        if metatable.is_null() {
            return Value::NIL;
        }
        // SAFETY: a non-null metatable is alive while the object that has it is.
        unsafe {
            let cached = (event as u8) < 8;
            if cached && (*metatable).header.flags & 1 << event as u8 != 0 {
                return Value::NIL;
            }
            let handler = Table::peek_str(metatable, self.event_name(event));
            // A metatable of the image is shared between threads and never written.
            if cached && handler.is_nil() && (*metatable).header.mark & mark::STATIC == 0 {
                (*metatable).header.flags |= 1 << event as u8;
            }
            handler
        }
    }

    /// The metatable of any value; null if it has none.
    #[inline]
    pub fn metatable_of(&self, value: Value) -> *mut Table {
        // SAFETY: the tag tells the kind of the live object.
        unsafe {
            match value.tag() {
                tag::TABLE => (*value.as_table()).metatable,
                tag::USERDATA => (*value.as_userdata()).metatable,
                tag::STRING => self.string_metatable,
                tag::TYPE => self.image.type_metatable,
                other => self
                    .basic_metatables
                    .as_ref()
                    .map_or(std::ptr::null_mut(), |metatables| metatables.0[basic_slot(other)]),
            }
        }
    }

    /// As [`Vm::metatable_of`], for a program that may go on to change the metatable. That of type values is not shown.
    pub fn own_metatable_of(&mut self, value: Value) -> *mut Table {
        if value.is_ty() {
            return std::ptr::null_mut();
        }
        if value.is_string() {
            self.own_string_metatable();
        }
        self.metatable_of(value)
    }

    /// The handler of a value for an event, or nil.
    pub fn handler(&self, value: Value, event: Event) -> Value {
        self.handler_in(self.metatable_of(value), event)
    }

    /// Sets the metatable shared by all values of the type of `value`, which is no table, userdata or type.
    pub fn set_basic_metatable(&mut self, value: Value, metatable: *mut Table) {
        match value.tag() {
            tag::STRING => self.string_metatable = metatable,
            other => self.basic_metatables.get_or_insert_default().0[basic_slot(other)] = metatable,
        }
    }

    /// The type's name for messages: a string `__name` of its metatable, or the basic type (manual §6.4, `luaL_typename`).
    pub fn type_name_of(&self, value: Value) -> String {
        let name = self.handler(value, Event::Name);
        if name.is_string() && !value.is_string() {
            // SAFETY: a live string.
            return String::from_utf8_lossy(unsafe { (*name.as_string()).as_bytes() }).into_owned();
        }
        type_name(value).to_owned()
    }
}
