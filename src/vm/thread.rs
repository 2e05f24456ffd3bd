//! Stand-in.
use super::heap::Marker;
use super::object::Header;
use super::value::Value;
/// Stand-in.
#[repr(C)]
pub struct Thread {
    /// Header.
    pub header: Header,
    /// Its values.
    pub stack: Vec<Value>,
}
impl Thread {
    /// Fills in a new coroutine.
    pub unsafe fn init(this: *mut Thread) {
        // SAFETY: stand-in.
        unsafe { (&raw mut (*this).stack).write(Vec::with_capacity(8)) };
    }
    /// Marks the values of its stack.
    pub unsafe fn trace(this: *mut Thread, marker: &mut Marker) {
        // SAFETY: stand-in.
        let stack = unsafe { &(*this).stack };
        for value in stack {
            marker.mark(*value);
        }
    }
    /// Frees what it owns.
    pub unsafe fn release(this: *mut Thread) {
        // SAFETY: stand-in.
        unsafe { std::ptr::drop_in_place(&raw mut (*this).stack) };
    }
    /// Bytes it owns.
    pub fn memory(&self) -> usize {
        self.stack.capacity() * 16
    }
}
