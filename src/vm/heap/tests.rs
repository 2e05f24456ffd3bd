use std::sync::Arc;

use super::*;

pub fn heap() -> Heap {
    Heap::new(Arc::new(StringSet::new(42)))
}
