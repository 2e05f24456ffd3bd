//! What modules keep for a whole runtime: one value of each type, made when it is first asked for.

use std::any::{Any, TypeId};
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

/// See the module header.
#[derive(Default)]
pub struct Extensions(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Extensions {
    /// The value of type `T`.
    pub fn get<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        let mut known = self.0.lock();
        let value = known.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default()));
        Arc::clone(value).downcast().expect("a value is kept under its own type")
    }
}
