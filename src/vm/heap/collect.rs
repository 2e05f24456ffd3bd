//! The phases of a collection cycle and when they run.
//!
//! idle → mark (slices) → atomic (one go) → release what condemned objects own → sweep pages (slices) → idle.
//!
//! A heap below `incremental_from` runs the whole cycle in one go. A larger one runs a slice whenever
//! [`SLICE_BYTES`] have been allocated, each looking at `step_multiplier` percent of that, so that a cycle ends before
//! the heap has grown much.

use super::page::{CLASSES, Page, Use};
use super::weak::Cleared;
use super::{Heap, Marker, Roots};
use crate::vm::object::mark as bits;
use crate::vm::thread::Thread;
use crate::vm::value::tag;

/// Heaps from this size on are collected in slices.
const INCREMENTAL_FROM: usize = 10 << 20;
/// Allocation between two slices.
const SLICE_BYTES: usize = 64 << 10;
/// The first collection happens when so much is in use.
pub(super) const FIRST_THRESHOLD: u32 = 64 << 10;
/// Empty raw pages are looked for once in so many cycles.
const RAW_PAGES_EVERY: u32 = 8;
/// A collection in progress is finished if so little is left to do per step (bytes).
const LEAST_STEP: usize = 1 << 10;

/// Why there is a marker.
const IN_CYCLE: &str = "a cycle has a marker from its beginning to its end";

/// Where a cycle stands.
#[derive(Clone, Copy)]
pub enum Phase {
    /// No cycle is under way.
    Idle,
    /// Gray objects are left.
    Mark,
    /// Droppable objects below this index are still to be examined.
    Release(usize),
    /// Pages after `swept` in the list of `class` are still to be swept; `swept` is null before the first.
    Sweep {
        /// The class.
        class: usize,
        /// The last page done.
        swept: *mut Page,
    },
}

/// The collector's state and settings.
pub struct Collector {
    pub(super) phase: Phase,
    /// Percent of the live bytes at which the next cycle starts.
    pause: usize,
    /// Percent of the allocated bytes looked at per slice.
    step_multiplier: usize,
    stopped: bool,
    stress: bool,
    incremental_from: usize,
    /// Bytes marked in this cycle.
    pub(super) marked_bytes: usize,
    /// Cycles ended.
    cycles: u32,
    /// Never before so many bytes are in use.
    least: u32,
}

/// Up to this size a heap under stress is collected at every safepoint.
const STRESS_EVERY_TIME: usize = 64 << 10;

impl Collector {
    #[inline(always)]
    pub(super) fn new() -> Collector {
        Collector {
            phase: Phase::Idle,
            pause: 200,
            step_multiplier: 800,
            stopped: false,
            stress: false,
            incremental_from: INCREMENTAL_FROM,
            marked_bytes: 0,
            cycles: 0,
            least: FIRST_THRESHOLD,
        }
    }
}

impl Heap {
    // ---- settings

    /// Whether the collector runs on its own.
    pub fn is_running(&self) -> bool {
        !self.collector.stopped
    }

    /// Stops it; only the memory limit makes it run.
    pub fn stop(&mut self) {
        self.collector.stopped = true;
        self.reset_threshold();
    }

    /// Lets it run again.
    pub fn restart(&mut self) {
        self.collector.stopped = false;
        self.reset_threshold();
    }

    /// Sets the percentage of the live bytes at which the next cycle starts; returns the old one.
    pub fn set_pause(&mut self, percent: usize) -> usize {
        std::mem::replace(&mut self.collector.pause, percent)
    }

    /// Sets the speed of the collector relative to allocation, in percent; returns the old one.
    pub fn set_step_multiplier(&mut self, percent: usize) -> usize {
        std::mem::replace(&mut self.collector.step_multiplier, percent)
    }

    /// Collects at every safepoint, unless the program stops the collector, and overwrites what is freed.
    pub fn set_stress(&mut self, stress: bool) {
        self.collector.stress = stress;
        self.poison |= stress;
        self.reset_threshold();
    }

    /// Sets the bytes in use before which no collection begins: few for one of many heaps, which would otherwise fill the
    /// processor's caches with garbage.
    pub fn set_least_threshold(&mut self, bytes: u32) {
        self.collector.least = bytes;
        self.reset_threshold();
    }

    /// Sets the size from which on cycles run in slices.
    pub fn set_incremental_from(&mut self, bytes: usize) {
        self.collector.incremental_from = bytes;
    }

    /// Sets the threshold of the next cycle from what is in use now.
    pub(super) fn reset_threshold(&mut self) {
        let total = self.count_bytes();
        let allowance = if self.collector.stopped {
            usize::MAX
        } else if self.collector.stress {
            // Every safepoint collects while the heap is small; a large one would not finish.
            if total < STRESS_EVERY_TIME { 0 } else { total / 8 }
        } else {
            // A pause below 100 percent would collect without end.
            let next = total / 100 * self.collector.pause.clamp(110, 1000);
            next.max(self.collector.least as usize).saturating_sub(total)
        };
        self.set_allowance(allowance);
    }

    // ---- what the machine calls

    /// Does what is due at a safepoint where [`Heap::needs_collection`] holds. Returns the bytes looked at, roughly.
    pub fn step(&mut self, roots: &mut dyn Roots) -> usize {
        let idle = matches!(self.collector.phase, Phase::Idle);
        let whole = self.collector.stress
            || self.collector.stopped
            || self.count_bytes() >= self.limit
            || idle && self.count_bytes() < self.collector.incremental_from;
        if whole {
            return self.run_to_end(roots);
        }
        let work = self.advance(roots, self.slice_work(SLICE_BYTES));
        if !matches!(self.collector.phase, Phase::Idle) {
            self.set_allowance(SLICE_BYTES);
        }
        work
    }

    /// A whole cycle that frees all that is unreachable now (`collectgarbage()`).
    pub fn full_collect(&mut self, roots: &mut dyn Roots) {
        if !matches!(self.collector.phase, Phase::Idle) {
            // What died since this cycle began may survive it.
            self.run_to_end(roots);
        }
        self.run_to_end(roots);
    }

    /// `collectgarbage("step", kilobytes)`: tells whether the step ended a cycle.
    pub fn step_kilobytes(&mut self, roots: &mut dyn Roots, kilobytes: usize) -> bool {
        let work = self.slice_work(kilobytes.saturating_mul(1024)).max(LEAST_STEP);
        self.advance(roots, work);
        let done = matches!(self.collector.phase, Phase::Idle);
        if !done && !self.collector.stopped {
            self.set_allowance(SLICE_BYTES);
        }
        done
    }

    fn slice_work(&self, bytes: usize) -> usize {
        (bytes / 100).saturating_mul(self.collector.step_multiplier.clamp(100, 10_000))
    }

    fn run_to_end(&mut self, roots: &mut dyn Roots) -> usize {
        let mut work = 0;
        loop {
            work += self.advance(roots, usize::MAX);
            if matches!(self.collector.phase, Phase::Idle) {
                return work;
            }
        }
    }

    // ---- the phases

    /// Goes on with the cycle, or begins one, until `limit` bytes have been looked at or the cycle ends.
    fn advance(&mut self, roots: &mut dyn Roots, limit: usize) -> usize {
        let mut work = 0;
        if matches!(self.collector.phase, Phase::Idle) {
            work += self.begin_cycle(roots);
        }
        while work < limit {
            work += match self.collector.phase {
                Phase::Idle => return work,
                Phase::Mark => self.mark_slice(roots, limit - work),
                Phase::Release(index) => self.release_slice(index),
                Phase::Sweep { class, swept } if class < CLASSES => self.sweep_next(class, swept),
                Phase::Sweep { .. } => self.end_cycle(),
            };
        }
        work
    }

    fn begin_cycle(&mut self, roots: &mut dyn Roots) -> usize {
        let black = self.birth_mark ^ (bits::COLOUR_A | bits::COLOUR_B);
        self.marker.insert(Box::new(Marker::new(self.mode))).begin(black);
        self.write_mask = bits::WRITE_SLOW | black;
        self.collector.marked_bytes = 0;
        self.collector.phase = Phase::Mark;
        self.mark_roots(roots);
        self.take_work()
    }

    fn mark_roots(&mut self, roots: &mut dyn Roots) {
        let marker = self.marker.as_mut().expect(IN_CYCLE);
        roots.trace(marker);
        if let Some(finalizers) = &self.finalizers {
            finalizers.mark_pending(marker);
        }
        self.library.mark(marker);
    }

    fn take_work(&mut self) -> usize {
        let work = self.marker.as_mut().map_or(0, |marker| std::mem::take(&mut marker.work));
        self.collector.marked_bytes += work;
        work
    }

    fn mark_slice(&mut self, roots: &mut dyn Roots, limit: usize) -> usize {
        let marker = self.marker.as_mut().expect(IN_CYCLE);
        marker.begin_slice();
        if marker.propagate(limit) {
            self.finish_marking(roots);
        }
        self.take_work().max(1)
    }

    /// The atomic phase.
    fn finish_marking(&mut self, roots: &mut dyn Roots) {
        self.mark_roots(roots);
        let marker = self.marker.as_mut().expect(IN_CYCLE);
        marker.retrace_touched();
        marker.retrace_unguarded();
        marker.converge();
        if self.finalizers.as_ref().is_some_and(|finalizers| finalizers.has_registered()) {
            for &object in &self.droppables {
                // SAFETY: droppable objects that are not marked yet are freed after this phase only.
                unsafe {
                    if (*object).kind == tag::THREAD && !marker.is_marked(object) {
                        Thread::spare_variables(object.cast(), marker);
                    }
                }
            }
            marker.converge();
        }
        let cleared = marker.clear_values(Cleared::NONE);
        if let Some(finalizers) = &mut self.finalizers {
            finalizers.separate(marker);
            marker.converge();
        }
        marker.clear_keys();
        marker.clear_values(cleared);
        self.recent_closures.forget_dead(marker);
        marker.end();
        self.condemned = self.birth_mark;
        self.birth_mark ^= bits::COLOUR_A | bits::COLOUR_B;
        self.write_mask = bits::WRITE_SLOW;
        self.collector.phase = Phase::Release(self.droppables.len());
    }

    fn end_cycle(&mut self) -> usize {
        self.sweep_blocks();
        self.drop_unreached_chunks();
        self.marker = None;
        self.interned.shrink();
        self.collector.cycles = self.collector.cycles.wrapping_add(1);
        if self.collector.cycles.is_multiple_of(RAW_PAGES_EVERY) && self.has_surplus_pages(Use::Raw) {
            self.pages.release_empty_raw();
        }
        self.condemned = 0;
        self.collector.phase = Phase::Idle;
        self.reset_threshold();
        1
    }
}

#[cfg(test)]
impl Heap {
    /// A slice of any size, whatever the size of the heap.
    pub(super) fn advance_for_test(&mut self, roots: &mut dyn Roots, limit: usize) {
        self.advance(roots, limit);
    }
}
