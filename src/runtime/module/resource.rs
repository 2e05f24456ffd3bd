//! Entries that modules start and stop, such as databases: what they are to whoever looks after them.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::runtime::data::Data;
use crate::runtime::errors::ErrorData;

/// An entry as it is declared.
#[derive(Clone, Copy, Debug)]
pub struct Declaration<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its kind.
    pub kind: &'a str,
    /// Its fields: a map.
    pub fields: &'a Data,
    /// The folder to which paths in them are relative.
    pub folder: &'a Path,
}

/// Work that is done off the workers.
pub type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What an entry stands for: made for one start, and not used again when it has stopped.
pub trait Resource: Send + Sync {
    /// Makes it ready. When that has succeeded, programs find it.
    fn start(self: Arc<Self>) -> Work<Result<(), ErrorData>>;

    /// Entries have changed while it runs. What is made of several looks at them, and goes on as before if they are wrong.
    fn refresh(self: Arc<Self>) -> Option<Work<Result<(), ErrorData>>> {
        None
    }

    /// Refuses new work, lets what is under way come to its end within `timeout`, and gives everything back.
    fn stop(self: Arc<Self>, timeout: Duration) -> Work<()>;
}

/// Waits until what is running is to stop, or is dropped.
pub async fn asked_to_stop(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}
