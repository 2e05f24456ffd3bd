//! What host modules keep for a whole runtime, such as pools of connections: one value of each type, made when first
//! asked for, dropped with the runtime.

use std::any::{Any, TypeId};
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

/// Values by type.
#[derive(Default)]
pub struct SharedState(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl SharedState {
    /// The value of type `T`. `make` must not ask for another.
    pub fn get_or_init<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let mut values = self.0.lock();
        let value = values.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(make()));
        Arc::clone(value).downcast().unwrap_or_else(|_| unreachable!("values are filed under their types"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_of_each_type() {
        let state = SharedState::default();
        let first = state.get_or_init(|| 1_u32);
        assert_eq!(*state.get_or_init(|| 2_u32), 1);
        assert_eq!(*state.get_or_init(|| 3_u64), 3);
        assert!(Arc::ptr_eq(&first, &state.get_or_init(|| 4_u32)));
    }
}
