//! The chunks a process has loaded: each is kept while a closure or constant of it is reachable.

use std::sync::Arc;

use hashbrown::HashMap;

use super::Heap;
use crate::vm::chunk::Chunk;
use crate::vm::object::Str;

/// Chunks by address.
#[derive(Default)]
pub struct Chunks {
    loaded: HashMap<*const Chunk, Arc<Chunk>>,
}

impl Heap {
    /// Takes a chunk in, and its short constants into the process's intern table. From now on the collector decides how
    /// long it is kept; the caller makes a closure of it before the next safepoint.
    pub fn register_chunk(&mut self, chunk: Arc<Chunk>) {
        let address = Arc::as_ptr(&chunk);
        // Reached, if a cycle is under way.
        if let Some(marker) = &mut self.marker {
            marker.chunks.insert(address);
        }
        for &string in chunk.short_strings() {
            // SAFETY: the chunk keeps its strings alive.
            let (hash, bytes) = unsafe { (Str::hash(string), Str::bytes(string)) };
            if self.interned.find(hash, bytes).is_none() {
                self.interned.insert(string);
            }
        }
        self.chunks.get_or_insert_default().loaded.insert(address, chunk);
    }

    /// The chunk, if this process has loaded it.
    pub fn loaded_chunk(&self, chunk: *const Chunk) -> Option<Arc<Chunk>> {
        self.chunks.as_ref()?.loaded.get(&chunk).cloned()
    }

    /// Drops the chunks that were not reached.
    pub(super) fn drop_unreached_chunks(&mut self) {
        let (Some(marker), Some(chunks)) = (&self.marker, &mut self.chunks) else { return };
        let (marked, interned) = (&marker.chunks, &mut self.interned);
        chunks.loaded.retain(|address, chunk| {
            let keep = marked.contains(address);
            if !keep {
                for &string in chunk.short_strings() {
                    interned.remove(string);
                }
            }
            keep
        });
    }
}
