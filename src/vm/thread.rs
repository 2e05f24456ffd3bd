//! A coroutine: its value stack, its frames, and the state it goes on with when it is resumed.
//!
//! The running coroutine's stack and frame pointers are cached in the machine (`Registers`); [`Thread`] holds them while
//! it does not run. House rules:
//!
//! * A frame record is the state of a *caller*, to be restored when its callee returns. The state of the innermost
//!   function is `Saved` (of the machine, or of a coroutine that does not run).
//! * Slot `base - 1` of every frame holds the called function.
//! * Above the innermost frame's extent all slots are nil or refer to objects that are alive: whatever a function left
//!   there was alive at the last collection or made after it, and every collection clears what is above.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ptr;

use super::heap::Marker;
use super::hook::Hook;
use super::object::Header;
use super::value::Value;
use crate::bytecode::Instruction;

/// The state of a caller: where to go on, its registers and constants, and what to do with the results.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Frame {
    /// The next instruction.
    pub pc: *const Instruction,
    /// Its first register as byte offset from the bottom of the stack.
    pub base: u32,
    /// What becomes of the results; see [`results`].
    pub results: u32,
    /// Its constants; in the frame of a native function the `&'static Continuation`.
    pub constants: *const Value,
}

const _: () = assert!(size_of::<Frame>() == 24);

/// [`Frame::results`]: in the low bits the wanted number plus one (0: all, and `top` is set), or a way to finish an
/// instruction that called a metamethod.
pub mod results {
    /// All results; sets `top`.
    pub const ALL: u32 = 0;
    /// The first result completes the interrupted instruction before `pc`.
    pub const FINISH: u32 = 1 << 31;
    /// The first result goes to the register `a` of the instruction before `pc`, and that is all there is to complete.
    pub const INTO: u32 = FINISH | 1 << 28;
    /// The instruction before `pc` takes its jump if the first result is true.
    pub const JUMP_IF: u32 = FINISH | 1 << 27;
    /// The instruction before `pc` takes its jump if the first result is false.
    pub const JUMP_IF_NOT: u32 = FINISH | 1 << 26;
    /// In the frame of a caller whose callee has been replaced by a tail call.
    pub const TAIL_CALLED: u32 = 1 << 29;
    /// Bits that hold a number.
    pub const COUNT: u32 = 0xffff;

    /// Exactly `n` results.
    pub const fn exactly(n: u32) -> u32 {
        n + 1
    }
}

/// The state of the innermost function. The gaps keep the optimiser from carrying two of them in one vector register.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Saved {
    /// The next instruction.
    pub pc: *const Instruction,
    _gap0: u64,
    /// The first register.
    pub base: *mut Value,
    _gap1: u64,
    /// The constants.
    pub constants: *const Value,
}

impl Saved {
    /// A state.
    pub const fn new(pc: *const Instruction, base: *mut Value, constants: *const Value) -> Saved {
        Saved { pc, _gap0: 0, base, _gap1: 0, constants }
    }
}

/// What a coroutine is doing (manual §6.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Created, not started; the function is in slot 0.
    Fresh,
    /// Waiting in `yield`.
    Yielded,
    /// Running.
    Running,
    /// Has resumed another.
    Normal,
    /// Left the machine in a native function that waits for the host.
    Waiting,
    /// Left the machine at the end of its budget.
    Preempted,
    /// Finished or failed.
    Dead,
}

/// Where the values go that a coroutine gets when it continues.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// Slot of the native function whose results they are.
    pub slot: u32,
    /// As [`Frame::results`].
    pub results: u32,
    /// In a coroutine that resumed another: through `wrap`.
    pub wrap: bool,
}

/// A coroutine. Its first stack and frames follow it in the object.
#[repr(C)]
pub struct Thread {
    /// Kind and mark.
    pub header: Header,
    /// The value stack.
    pub stack: *mut Value,
    /// Its size in slots.
    pub stack_len: u32,
    /// Slots in use while it does not run.
    pub extent: u32,
    /// The frame records.
    pub frames: *mut Frame,
    /// Room for frames.
    pub frame_cap: u32,
    /// Frames in use while it does not run.
    pub frame_len: u32,
    /// State of the innermost function while it does not run; `base` is invalid, see `base_offset`.
    pub pc: *const Instruction,
    /// Byte offset of the innermost function's first register.
    pub base_offset: u32,
    /// Calls in progress that Lua 5.3 does not allow a yield to cross.
    pub unyieldable: u32,
    /// Constants of the innermost function.
    pub constants: *const Value,
    /// Who resumed it; null for a root (main function, scheduled coroutine).
    pub resumer: *mut Thread,
    /// Where its next values go.
    pub pending: Pending,
    /// What it is doing.
    pub status: Status,
    /// Whether only the host may resume it (main function, `coroutine.spawn`).
    pub scheduled: bool,
    /// Whether a yield outside of coroutines gives others a turn; otherwise it is an error, as in Lua alone.
    pub takes_turns: bool,
    /// Whether a collection found it unreachable and kept the variables it shares; see [`Thread::spare_variables`].
    pub spared: bool,
    /// Who is told what it does, once `debug.sethook` has been called for it.
    pub hook: Option<Box<Hook>>,
}

/// Slots of a new stack.
const FIRST_STACK: u32 = 20;
/// Frames of a new coroutine.
const FIRST_FRAMES: u32 = 4;
/// Bytes of a coroutine with its first stack and frames: just as many as the largest slot has.
pub const THREAD_SIZE: usize =
    size_of::<Thread>() + FIRST_STACK as usize * size_of::<Value>() + FIRST_FRAMES as usize * size_of::<Frame>();

const _: () = assert!(THREAD_SIZE == 512);

/// Slots beyond any frame's extent that are always there: operands of metamethod calls, arguments of natives.
pub const HEADROOM: u32 = 8;
/// Largest stack in slots (`LUAI_MAXSTACK` of the reference implementation).
pub const MAX_STACK: u32 = 1_000_000;
/// Further slots for handling the error of a stack overflow.
pub const OVERFLOW_RESERVE: u32 = 2_000;

fn stack_layout(len: u32) -> Layout {
    Layout::array::<Value>(len as usize).expect("a stack is far smaller than the address space")
}

fn frames_layout(len: u32) -> Layout {
    Layout::array::<Frame>(len as usize).expect("frames are far smaller than the address space")
}

impl Thread {
    /// Fills in a new coroutine at `this`, whose header the heap has written.
    ///
    /// # Safety
    /// `this` is a fresh object of [`THREAD_SIZE`].
    pub unsafe fn init(this: *mut Thread) {
        // SAFETY: the object has room for stack and frames behind the fixed part.
        unsafe {
            let stack = Thread::first_stack(this);
            for i in 0..FIRST_STACK as usize {
                stack.add(i).write(Value::NIL);
            }
            let header = ptr::read(&raw const (*this).header);
            this.write(Thread {
                header,
                stack,
                stack_len: FIRST_STACK,
                extent: 0,
                frames: Thread::first_frames(this),
                frame_cap: FIRST_FRAMES,
                frame_len: 0,
                pc: ptr::null(),
                base_offset: 0,
                unyieldable: 0,
                constants: ptr::null(),
                resumer: ptr::null_mut(),
                pending: Pending { slot: 0, results: results::ALL, wrap: false },
                status: Status::Fresh,
                scheduled: false,
                takes_turns: false,
                spared: false,
                hook: None,
            });
        }
    }

    fn first_stack(this: *mut Thread) -> *mut Value {
        // SAFETY: pointer arithmetic within the object.
        unsafe { this.add(1).cast() }
    }

    fn first_frames(this: *mut Thread) -> *mut Frame {
        // SAFETY: as above.
        unsafe { Thread::first_stack(this).add(FIRST_STACK as usize).cast() }
    }

    /// Gives the stack room for `len` slots, new ones nil. Pointers into the old stack become invalid.
    ///
    /// # Safety
    /// `this` is a live coroutine and `len` at least the slots in use.
    pub unsafe fn resize_stack(this: *mut Thread, len: u32) {
        let first = Thread::first_stack(this);
        // SAFETY: any but the first stack was allocated with this layout; new slots are written before use.
        unsafe {
            let old = (*this).stack_len;
            let stack: *mut Value = if (*this).stack == first {
                let stack = alloc(stack_layout(len)).cast::<Value>();
                if !stack.is_null() {
                    first.copy_to_nonoverlapping(stack, old.min(len) as usize);
                }
                stack
            } else {
                realloc((*this).stack.cast(), stack_layout(old), stack_layout(len).size()).cast()
            };
            if stack.is_null() {
                handle_alloc_error(stack_layout(len));
            }
            for i in old..len {
                stack.add(i as usize).write(Value::NIL);
            }
            (*this).stack = stack;
            (*this).stack_len = len;
        }
    }

    /// Doubles the room for frames.
    ///
    /// # Safety
    /// `this` is a live coroutine.
    pub unsafe fn grow_frames(this: *mut Thread) {
        let first = Thread::first_frames(this);
        // SAFETY: as for `resize_stack`.
        unsafe {
            let old = (*this).frame_cap;
            let cap = old * 2;
            let frames: *mut Frame = if (*this).frames == first {
                let frames = alloc(frames_layout(cap)).cast::<Frame>();
                if !frames.is_null() {
                    first.copy_to_nonoverlapping(frames, old as usize);
                }
                frames
            } else {
                realloc((*this).frames.cast(), frames_layout(old), frames_layout(cap).size()).cast()
            };
            if frames.is_null() {
                handle_alloc_error(frames_layout(cap));
            }
            (*this).frames = frames;
            (*this).frame_cap = cap;
        }
    }

    /// Bytes of stack and frames, if they are outside of the object.
    pub fn memory(&self) -> usize {
        let stack = if self.stack_len > FIRST_STACK { stack_layout(self.stack_len).size() } else { 0 };
        stack + if self.frame_cap > FIRST_FRAMES { frames_layout(self.frame_cap).size() } else { 0 }
    }

    /// Marks the slots in use and clears those above, so that nothing stale is ever marked. The machine has stored the
    /// running coroutine's extent before a collection.
    ///
    /// # Safety
    /// `this` is a live coroutine.
    pub unsafe fn trace(this: *mut Thread, marker: &mut Marker) {
        // SAFETY: slots below `stack_len` are initialised.
        unsafe {
            let thread = &mut *this;
            for i in 0..thread.extent {
                marker.mark(*thread.stack.add(i as usize));
            }
            for i in thread.extent..thread.stack_len {
                *thread.stack.add(i as usize) = Value::NIL;
            }
            if !thread.resumer.is_null() {
                marker.mark(Value::thread(thread.resumer));
            }
            if let Some(hook) = &thread.hook {
                marker.mark(hook.function());
            }
        }
    }

    /// Marks, once, the variables that a suspended, unreachable coroutine shares with closures. In the reference
    /// implementation they outlive the coroutine by one cycle, and programs with finalizers can tell.
    ///
    /// # Safety
    /// `this` is a coroutine that has not been freed.
    pub unsafe fn spare_variables(this: *mut Thread, marker: &mut Marker) {
        // SAFETY: slots below the extent are initialised, and nothing they refer to has been freed.
        unsafe {
            let thread = &mut *this;
            if thread.spared || thread.status != Status::Yielded {
                return;
            }
            thread.spared = true;
            for i in 0..thread.extent {
                let value = *thread.stack.add(i as usize);
                if value.is_cell() {
                    marker.mark(value);
                }
            }
        }
    }

    /// Frees stack, frames and hook; the object itself belongs to the heap.
    ///
    /// # Safety
    /// `this` is a coroutine that is never used again.
    pub unsafe fn release(this: *mut Thread) {
        // SAFETY: allocated with these layouts, apart from the first stack and frames.
        unsafe {
            if (*this).stack != Thread::first_stack(this) {
                dealloc((*this).stack.cast(), stack_layout((*this).stack_len));
            }
            if (*this).frames != Thread::first_frames(this) {
                dealloc((*this).frames.cast(), frames_layout((*this).frame_cap));
            }
            drop((*this).hook.take());
        }
    }
}
