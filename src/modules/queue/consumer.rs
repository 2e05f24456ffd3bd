//! Consumers: entries that take letters of a queue and have a function handle each.
//!
//! One task takes letters as long as fewer than `prefetch` of them are not settled, and lays them down; workers pick them up
//! and see to it that they are handled. What nobody has picked up when the consumer stops goes back to where it was.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Queues;
use super::broker::{Delivery, Queue};
use crate::modules::security::declared_identity;
use crate::runtime::call;
use crate::runtime::context::Inheritance;
use crate::runtime::core::RuntimeCore;
use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, INTERNAL};
use crate::runtime::module::resource::{Resource, Work, asked_to_stop};
use crate::runtime::pid::Pid;
use crate::runtime::spawn::sibling;
use crate::runtime::transfer::Parcel;

/// The kind of entries that are consumers.
pub const KIND: &str = "queue.consumer";

/// A consumer of an entry.
struct Consumer {
    shared: Arc<Shared>,
    concurrency: usize,
    stopping: watch::Sender<bool>,
    /// While it runs.
    workers: Mutex<JoinSet<()>>,
}

/// Letters that a consumer has at a time and has not settled, unless it says so. There is one for each worker anyway.
const PREFETCH: usize = 10;

/// What its workers have in common.
struct Shared {
    core: Arc<RuntimeCore>,
    queues: Arc<Queues>,
    queue: Arc<Queue>,
    /// For letters that are not settled.
    places: Arc<Semaphore>,
    /// Letters that no worker has picked up.
    fetched: Mutex<VecDeque<Arc<Delivery>>>,
    /// Told when there is one more.
    arrived: Notify,
    function: String,
    /// Whether letters are settled before they are handled.
    auto_ack: bool,
    inherited: Inheritance,
}

/// What stands for the consumer of an entry.
///
/// # Errors
/// If its queue is not there, or what its `lifecycle.security` names.
pub fn resource(core: &Arc<RuntimeCore>, id: &str, fields: &Data) -> Result<Arc<dyn Resource>, ErrorData> {
    let text = |field: &str| sibling(id, fields.get(field).and_then(Data::as_str).unwrap_or_default());
    let queues = core.modules.of_type::<Queues>();
    let queues = queues.ok_or_else(|| ErrorData::plain(INTERNAL, "the runtime has no module queue"))?;
    let identity = match fields.get("lifecycle").and_then(|lifecycle| lifecycle.get("security")) {
        Some(security) => Some(declared_identity(&*core.entries, id, security)?).filter(|one| !one.is_empty()),
        None => None,
    };
    let count = |field: &str, default: usize| match fields.get(field) {
        Some(Data::Integer(n)) => usize::try_from(*n).unwrap_or(default).max(1),
        _ => default,
    };
    let concurrency = count("concurrency", 1);
    let prefetch = count("prefetch", PREFETCH.max(concurrency)).min(Semaphore::MAX_PERMITS);
    let shared = Shared {
        core: Arc::clone(core),
        queue: queues.find(&*core.entries, &text("queue"))?,
        queues,
        places: Arc::new(Semaphore::new(prefetch)),
        fetched: Mutex::default(),
        arrived: Notify::new(),
        function: text("func"),
        auto_ack: fields.get("auto_ack") == Some(&Data::Boolean(true)),
        inherited: Inheritance { context: None, identity: identity.map(Arc::new) },
    };
    Ok(Arc::new(Consumer {
        shared: Arc::new(shared),
        concurrency,
        stopping: watch::Sender::new(false),
        workers: Mutex::default(),
    }))
}

impl Resource for Consumer {
    fn start(self: Arc<Self>) -> Work<Result<(), ErrorData>> {
        Box::pin(async move {
            self.shared.queue.enter();
            let mut workers = self.workers.lock();
            workers.spawn(fetch(Arc::clone(&self.shared), self.stopping.subscribe()));
            for _ in 0..self.concurrency {
                workers.spawn(work(Arc::clone(&self.shared), self.stopping.subscribe()));
            }
            Ok(())
        })
    }

    /// Letters that are being handled are handled to the end; those that take longer come back.
    fn stop(self: Arc<Self>, patience: Duration) -> Work<()> {
        Box::pin(async move {
            self.stopping.send_replace(true);
            let mut workers = std::mem::take(&mut *self.workers.lock());
            let _ = timeout(patience, async { while workers.join_next().await.is_some() {} }).await;
            workers.shutdown().await;
            let left: Vec<_> = self.shared.fetched.lock().drain(..).collect();
            left.iter().rev().for_each(|delivery| delivery.decline());
            self.shared.queue.leave();
        })
    }
}

/// Takes letters as far as there are places for them until the consumer stops.
async fn fetch(shared: Arc<Shared>, mut stopping: watch::Receiver<bool>) {
    loop {
        let taken = async {
            // The semaphore is never closed.
            let place = Arc::clone(&shared.places).acquire_owned().await.ok();
            shared.queue.take(place).await
        };
        tokio::select! {
            () = asked_to_stop(&mut stopping) => return,
            delivery = taken => {
                shared.fetched.lock().push_back(delivery);
                shared.arrived.notify_one();
            }
        }
    }
}

impl Shared {
    /// The next letter that was fetched.
    async fn next(&self) -> Arc<Delivery> {
        loop {
            // Asked for before looking, so that what arrives in between is not missed.
            let arrived = self.arrived.notified();
            if let Some(delivery) = self.fetched.lock().pop_front() {
                return delivery;
            }
            arrived.await;
        }
    }
}

/// Handles letters one after the other until the consumer stops.
async fn work(shared: Arc<Shared>, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = asked_to_stop(&mut stopping) => return,
            delivery = shared.next() => handle(&shared, delivery).await,
        }
    }
}

async fn handle(shared: &Arc<Shared>, delivery: Arc<Delivery>) {
    if shared.auto_ack {
        // Nobody knows of it yet.
        let _ = delivery.settle(true);
    }
    let (sender, ended) = oneshot::channel();
    let (shared, begun) = (Arc::clone(shared), Arc::clone(&delivery));
    // Where code has to be loaded for it, that may take long.
    let beginning = tokio::task::spawn_blocking(move || begin(&shared, begun, sender));
    if let Ok(Err(error)) = beginning.await {
        eprintln!("moonlet: {}: {}", delivery.letter.id, error.full_text());
    }
    // One that never began, or is gone without an answer, has failed.
    delivery.end(ended.await.unwrap_or(false));
}

/// Begins the execution of the function; `ended` is told whether that was well.
fn begin(shared: &Arc<Shared>, delivery: Arc<Delivery>, ended: oneshot::Sender<bool>) -> Result<(), ErrorData> {
    let core = &shared.core;
    let callable = core.entries.callable(core, &shared.function)?;
    let no_memory = || ErrorData::plain(INTERNAL, "not enough memory");
    let arguments = Data::pack(core, std::slice::from_ref(&delivery.letter.body)).ok_or_else(no_memory)?;
    let (queues, known) = (Arc::clone(&shared.queues), Arc::new(Mutex::new(None)));
    let (table, pid) = (Arc::clone(&shared.queues), Arc::clone(&known));
    let prepare = Box::new(move |new: Pid| {
        *known.lock() = Some(new);
        queues.deliveries.lock().insert(new, delivery);
    });
    let then = Box::new(move |outcome: Result<Parcel, Arc<ErrorData>>| {
        if let Some(pid) = *pid.lock() {
            table.deliveries.lock().remove(&pid);
        }
        // The consumer may have given up waiting.
        let _ = ended.send(!matches!(outcome, Err(_) | Ok(Parcel::Boolean(false))));
    });
    call::start_for_host(core, callable, arguments, shared.inherited.clone(), prepare, then);
    Ok(())
}
