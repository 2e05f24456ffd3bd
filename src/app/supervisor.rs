//! Supervision (`runtime.md` §8.6): hosts, services and the resources of modules are started in the order of what they
//! require, restarted when they fail, and stopped in the reverse order.
//!
//! The supervisor is a loop on one thread that takes [`News`] and looks at the clock; everything it keeps is its own. What
//! may take long happens elsewhere: loading a service on a thread of its own, work of resources on the runtime of host
//! modules.
//!
//! When the registry changes, the [entries that run](changes) follow.
//!
//! A service that is required and cannot be started when the application begins ends the application. From then on,
//! whatever fails is restarted as its policy says.

mod changes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use hashbrown::HashSet;

use self::changes::Fate;
use super::catalog::Catalog;
use super::definition::Definition;
use super::kinds::{HOST, HTTP_SERVICE, SERVICE, TERMINAL, is_supervised};
use super::link::requirements;
use super::policy::Lifecycle;
use crate::modules::queue::consumer;
use crate::modules::security::declared_identity;
use crate::runtime::core::RuntimeCore;
use crate::runtime::data::Data;
use crate::runtime::driver::Moment;
use crate::runtime::errors::{ErrorData, INTERNAL, TIMEOUT};
use crate::runtime::hosts::{Host, HostKind, HostState};
use crate::runtime::identity::Identity;
use crate::runtime::interrupt::interrupt;
use crate::runtime::io::{Completion, Operation};
use crate::runtime::mail::{Happening, Mail, Outcome, ProcessEvent};
use crate::runtime::module::resource::{Declaration, Resource};
use crate::runtime::pid::NOBODY;
use crate::runtime::process::Process;
use crate::runtime::services::{self, ServiceState};
use crate::runtime::system::spawn_entry;
use crate::runtime::transfer::Text;
use crate::stdlib::output::flush_output;
use crate::vm::pool::Pooled;

/// Why a service is asked to end.
const STOPPING: &str = "service stopping";

/// What the supervisor is told.
pub enum News {
    /// A start has come to its end: what runs, or why nothing does.
    Started(Arc<str>, u64, Result<Running, ErrorData>),
    /// The process of a service has ended.
    Ended(Arc<str>, u64, Outcome),
    /// A resource has given everything back.
    Closed(Arc<str>, u64),
    /// The registry has other entries.
    Changed,
    /// The process of a terminal host has ended: the application ends with its outcome.
    Finished(Outcome),
    /// Somebody wants the application to end; the second time, at once.
    Stop,
}

/// What runs for an entry.
pub enum Running {
    /// The process of a service.
    Process(Arc<Process>),
    /// What a module has opened.
    Resource(Arc<dyn Resource>),
}

/// How an application ended.
pub enum End {
    /// It was asked to.
    Stopped,
    /// It was asked to, and did not wait for its processes.
    Killed,
    /// The process at the terminal has ended.
    Finished(Outcome),
    /// A required service did not start: its id and why.
    Failed(Arc<str>, Arc<ErrorData>),
}

/// The state of a supervised entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nobody wants it yet.
    Unknown,
    /// It waits for what it requires, or is being loaded.
    Starting,
    Running,
    Stopping,
    Stopped,
    /// It will be started again when that is due.
    Failed,
    /// It has ended well, and will not be started again.
    Exited,
    /// It has failed for good.
    Broken,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Unknown => "unknown",
            State::Starting => "starting",
            State::Running => services::RUNNING,
            State::Stopping => "stopping",
            State::Stopped => "stopped",
            State::Failed => "failed",
            State::Exited => "exited",
            State::Broken => "broken",
        }
    }
}

/// A supervised entry.
struct Unit {
    definition: Arc<Definition>,
    lifecycle: Lifecycle,
    requires: Vec<String>,
    state: State,
    /// Counts starts, so that news of an earlier one is recognised.
    run: u64,
    /// Starts in the present unstable time.
    starts: u32,
    /// What it has failed with last.
    failure: Box<str>,
    /// When it began to run.
    since: Moment,
    /// When something has to be done: a start is due or has taken too long, or the process must end.
    due: Option<Moment>,
    loading: bool,
    running: Option<Running>,
    /// What its resource does at the moment.
    operation: Option<Operation>,
    /// What becomes of it when it has stopped, if the registry has changed.
    fate: Option<Fate>,
}

/// See the module header.
pub struct Supervisor {
    core: Arc<RuntimeCore>,
    catalog: Arc<Catalog>,
    units: BTreeMap<String, Unit>,
    sender: Sender<News>,
    news: Receiver<News>,
    /// Whether everything that starts with the application has started once.
    booted: bool,
    /// The process that the application runs for, if it does not run for its services.
    command: Option<Arc<Process>>,
    interrupted: bool,
}

impl Supervisor {
    /// A supervisor of the entries of an application. Hosts are made known to the runtime, stopped. Whoever has `sender`
    /// can tell it news.
    pub fn new(
        core: &Arc<RuntimeCore>,
        catalog: &Arc<Catalog>,
        sender: Sender<News>,
        news: Receiver<News>,
    ) -> Supervisor {
        let mut supervisor = Supervisor {
            core: Arc::clone(core),
            catalog: Arc::clone(catalog),
            units: BTreeMap::new(),
            sender: sender.clone(),
            news,
            booted: false,
            command: None,
            interrupted: false,
        };
        let version = catalog.current();
        for definition in version.linked.definitions.values().filter(|definition| is_supervised(&definition.kind)) {
            supervisor.add(definition, 0);
        }
        // Nobody listens any more if the application has ended.
        catalog.on_change(move || drop(sender.send(News::Changed)));
        supervisor
    }

    /// Looks after an entry from now on; its starts are counted from `run` on.
    fn add(&mut self, definition: &Arc<Definition>, run: u64) {
        let unit = Unit {
            lifecycle: Lifecycle::of(definition),
            requires: requirements(definition),
            definition: Arc::clone(definition),
            state: State::Unknown,
            run,
            starts: 0,
            failure: Box::default(),
            since: Moment(0),
            due: None,
            loading: false,
            running: None,
            operation: None,
            fate: None,
        };
        self.units.insert(definition.id.to_string(), unit);
        match &*definition.kind {
            HOST => {
                // One that is known goes on, with its processes; the default host, which may have its name, is another.
                let (limit, known) = (process_limit(definition), self.core.hosts.find(&definition.id));
                let same = |host: &Host| host.index() != 0 && host.kind == HostKind::Processes && host.limit() == limit;
                if !known.is_some_and(|host| same(&host)) {
                    self.core.hosts.add(&definition.id, HostKind::Processes, limit, None);
                }
            }
            TERMINAL => add_terminal(&self.core, &definition.id, &self.sender),
            _ => {}
        }
    }

    /// Whether a service starts with the application.
    pub fn has_services(&self) -> bool {
        let serves = |unit: &Unit| matches!(&*unit.definition.kind, SERVICE | HTTP_SERVICE | consumer::KIND);
        self.units.values().any(|unit| unit.lifecycle.auto_start && serves(unit))
    }

    /// Wants an entry, and what it requires, to run.
    pub fn want(&mut self, id: &str) {
        let Some(unit) = self.units.get_mut(id) else { return };
        if matches!(unit.state, State::Unknown) {
            unit.state = State::Starting;
            let requires = unit.requires.clone();
            requires.iter().for_each(|id| self.want(id));
        }
    }

    /// Starts what is to start with the application and what is wanted besides, and waits until it has. `None` if all is
    /// well.
    pub fn boot(&mut self) -> Option<End> {
        let auto = self.units.iter().filter(|(_, unit)| unit.lifecycle.auto_start);
        let wanted: Vec<String> = auto.map(|(id, _)| id.clone()).collect();
        wanted.iter().for_each(|id| self.want(id));
        let end = self.turn(|this| {
            let missing = |unit: &Unit| unit.state == State::Starting && unit.lifecycle.required;
            !this.units.values().any(missing)
        });
        self.booted = true;
        end
    }

    /// Runs until the application ends; with a process, that is when the process ends.
    pub fn run(&mut self, command: Option<Arc<Process>>) -> End {
        self.command = command;
        self.turn(|_| false).unwrap_or(End::Stopped)
    }

    /// Acts and takes news until `enough`, or until the application is to end.
    fn turn(&mut self, enough: impl Fn(&Supervisor) -> bool) -> Option<End> {
        loop {
            self.settle();
            let end = self.act();
            self.publish();
            if end.is_some() {
                return end;
            }
            if enough(self) {
                return None;
            }
            match self.next_news() {
                Ok(News::Stop) => match &self.command {
                    None => return Some(End::Stopped),
                    Some(_) if self.interrupted => return Some(End::Killed),
                    Some(process) => {
                        self.interrupted = true;
                        interrupt(process, || true);
                    }
                },
                Ok(News::Finished(outcome)) => return Some(End::Finished(outcome)),
                Ok(News::Changed) => self.follow(),
                Ok(news) => {
                    if let Some(end) = self.take(news) {
                        return Some(end);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Some(End::Stopped),
            }
        }
    }

    /// Tells those who want to know how things are.
    fn publish(&self) {
        for (id, unit) in &self.units {
            let desired = match unit.state {
                State::Starting | State::Running | State::Failed => services::RUNNING,
                _ => "stopped",
            };
            let state = ServiceState {
                status: unit.state.name(),
                desired,
                retries: unit.starts.saturating_sub(1),
                details: unit.failure.clone(),
            };
            self.core.services.note(id, state, &*self.core.driver);
        }
    }

    /// Waits for news, but no longer than until something is due.
    fn next_news(&self) -> Result<News, RecvTimeoutError> {
        match self.units.values().filter_map(|unit| unit.due).min() {
            None => self.news.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => self.news.recv_timeout(due.since(self.core.driver.now())),
        }
    }

    /// Does what is due, and starts what can be started.
    fn act(&mut self) -> Option<End> {
        let now = self.core.driver.now();
        let due: Vec<String> = self.ids(|unit| unit.due.is_some_and(|due| due <= now));
        for id in due {
            let Some(unit) = self.units.get_mut(&id) else { continue };
            unit.due = None;
            match unit.state {
                State::Failed => unit.state = State::Starting,
                State::Starting => {
                    let error = ErrorData::plain(TIMEOUT, "the start has taken too long");
                    if let Some(end) = self.start_failed(&id, error) {
                        return Some(end);
                    }
                }
                State::Stopping => {
                    if let Some(Running::Process(process)) = &unit.running {
                        self.core.scheduler.kill(process);
                    }
                }
                _ => {}
            }
        }
        loop {
            let waiting = self.ids(|unit| unit.state == State::Starting && !unit.loading);
            let mut changed = false;
            for id in waiting {
                let requires = &self.units[&id].requires;
                let state = |id: &String| self.units.get(id).map_or(State::Running, |unit| unit.state);
                if let Some(broken) = requires.iter().find(|id| state(id) == State::Broken) {
                    let message = format!("it requires {broken}, which has failed");
                    let error = ErrorData { retryable: Some(false), ..ErrorData::plain(INTERNAL, &message) };
                    changed = true;
                    if let Some(end) = self.start_failed(&id, error) {
                        return Some(end);
                    }
                } else if requires.iter().all(|id| matches!(state(id), State::Running | State::Exited)) {
                    changed |= self.start(&id);
                }
            }
            if !changed {
                return None;
            }
        }
    }

    fn ids(&self, wanted: impl Fn(&Unit) -> bool) -> Vec<String> {
        self.units.iter().filter(|(_, unit)| wanted(unit)).map(|(id, _)| id.clone()).collect()
    }

    /// Starts an entry whose requirements run. Says whether it runs now.
    fn start(&mut self, id: &str) -> bool {
        let now = self.core.driver.now();
        let Some(unit) = self.units.get_mut(id) else { return false };
        if matches!(&*unit.definition.kind, HOST | TERMINAL) {
            if let Some(host) = self.core.hosts.find(id) {
                host.set_state(HostState::Running);
            }
            unit.state = State::Running;
            return true;
        }
        unit.run += 1;
        unit.starts = unit.starts.saturating_add(1);
        unit.loading = true;
        unit.due = Some(now.after(unit.lifecycle.start_timeout));
        let started = match &*unit.definition.kind {
            SERVICE => start_service(&self.core, unit, &self.sender),
            _ => start_resource(&self.core, unit, &self.catalog, &self.sender),
        };
        if let Err(error) = started {
            let _ = self.sender.send(News::Started(Arc::clone(&unit.definition.id), unit.run, Err(error)));
        }
        false
    }

    fn take(&mut self, news: News) -> Option<End> {
        match news {
            News::Started(id, run, started) => {
                let now = self.core.driver.now();
                let unit = self.units.get_mut(&*id)?;
                if unit.run != run || unit.state != State::Starting {
                    if unit.fate.is_some() {
                        // This is what it still waited for.
                        unit.loading = false;
                    }
                    match started {
                        Ok(Running::Process(process)) => self.core.scheduler.kill(&process),
                        Ok(Running::Resource(resource)) => {
                            // What it gives back at once is enough; nobody has used it.
                            let closing = self.core.io.spawn_io(resource.stop(Duration::ZERO), drop);
                            unit.operation = closing.ok();
                        }
                        Err(_) => {}
                    }
                    return None;
                }
                unit.operation = None;
                match started {
                    Ok(running) => {
                        unit.loading = false;
                        unit.due = None;
                        unit.state = State::Running;
                        unit.since = now;
                        unit.running = Some(running);
                        None
                    }
                    Err(error) => self.start_failed(&id, error),
                }
            }
            News::Ended(id, run, outcome) => {
                if self.units.get(&*id)?.run == run {
                    self.ended(&id, outcome);
                }
                None
            }
            News::Closed(id, run) => {
                if let Some(unit) = self.units.get_mut(&*id).filter(|unit| unit.run == run) {
                    unit.operation = None;
                    unit.state = State::Stopped;
                }
                None
            }
            News::Finished(_) | News::Stop | News::Changed => None,
        }
    }

    /// An entry could not be started.
    fn start_failed(&mut self, id: &str, error: ErrorData) -> Option<End> {
        let unit = self.units.get_mut(id)?;
        // What comes of this start is not wanted any more.
        unit.run += 1;
        unit.loading = false;
        unit.operation = None;
        unit.due = None;
        if !self.booted && unit.lifecycle.required {
            return Some(End::Failed(Arc::clone(&unit.definition.id), Arc::new(error)));
        }
        self.failed(id, &error);
        None
    }

    /// The process of a service has ended.
    fn ended(&mut self, id: &str, outcome: Outcome) {
        let now = self.core.driver.now();
        let Some(unit) = self.units.get_mut(id) else { return };
        unit.running = None;
        unit.due = None;
        match (unit.state, outcome) {
            (State::Stopping, _) => unit.state = State::Stopped,
            (_, Ok(_)) => unit.state = State::Exited,
            (State::Starting, Err(error)) => {
                // It ended before the news of its start came.
                unit.loading = false;
                unit.run += 1;
                self.failed(id, &error);
            }
            (_, Err(error)) => {
                if now.since(unit.since) >= unit.lifecycle.stable_threshold {
                    unit.starts = 0;
                }
                self.failed(id, &error);
            }
        }
    }

    /// An entry has failed: it is started again after a while, or not at all.
    fn failed(&mut self, id: &str, error: &ErrorData) {
        let now = self.core.driver.now();
        let random = (self.core.driver.random_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let Some(unit) = self.units.get_mut(id) else { return };
        unit.failure = error.full_text().into();
        let delay = match error.retryable {
            Some(false) => None,
            _ => unit.lifecycle.delay(unit.starts, random),
        };
        match delay {
            Some(delay) => {
                unit.state = State::Failed;
                unit.due = Some(now.after(delay));
                report(id, &format!("{}; it starts again in {:.3} s", error.full_text(), delay.as_secs_f64()));
            }
            None => {
                unit.state = State::Broken;
                report(id, &format!("{}; it does not start again", error.full_text()));
            }
        }
    }

    /// Stops everything, in the reverse order of the starts. Says whether it was not interrupted itself.
    pub fn stop(&mut self) -> bool {
        loop {
            self.stop_what_can_be();
            self.publish();
            if !self.units.values().any(|unit| matches!(unit.state, State::Running | State::Stopping)) {
                return true;
            }
            match self.next_news() {
                Ok(News::Stop) => return false,
                Ok(news) => drop(self.take(news)),
                Err(RecvTimeoutError::Timeout) => drop(self.act()),
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }

    /// Asks those to end that nobody needs any more who runs.
    fn stop_what_can_be(&mut self) {
        for unit in self.units.values_mut().filter(|unit| matches!(unit.state, State::Starting | State::Failed)) {
            unit.run += 1;
            unit.operation = None;
            unit.due = None;
            unit.state = State::Stopped;
        }
        loop {
            let active = |unit: &Unit| matches!(unit.state, State::Running | State::Stopping);
            let needed: HashSet<String> =
                self.units.values().filter(|unit| active(unit)).flat_map(|unit| unit.requires.clone()).collect();
            let ids = self.ids(|unit| unit.state == State::Running && !needed.contains(&*unit.definition.id));
            // Hosts stop at once, and so set free what they need.
            let mut stopped = false;
            for id in &ids {
                stopped |= self.stop_unit(id);
            }
            if !stopped {
                return;
            }
        }
    }

    /// Asks an entry to end. Says whether it has.
    fn stop_unit(&mut self, id: &str) -> bool {
        let now = self.core.driver.now();
        let Some(unit) = self.units.get_mut(id) else { return false };
        let process = match unit.running.take() {
            None => {
                if let Some(host) = self.core.hosts.find(id) {
                    host.set_state(HostState::Stopping);
                }
                unit.state = State::Stopped;
                return true;
            }
            Some(Running::Resource(resource)) => {
                let (id, run, sender) = (Arc::clone(&unit.definition.id), unit.run, self.sender.clone());
                // Nobody listens any more if the application has ended.
                let closed = move |_| drop(sender.send(News::Closed(id, run)));
                unit.operation = self.core.io.spawn_io(resource.stop(unit.lifecycle.stop_timeout), closed).ok();
                unit.state = if unit.operation.is_some() { State::Stopping } else { State::Stopped };
                return unit.operation.is_none();
            }
            Some(Running::Process(process)) => process,
        };
        let at = self.core.driver.wall_clock().seconds;
        let what = Happening::Cancel(Text::from_bytes(STOPPING.as_bytes()));
        // If it ends at the same time, news of that is under way.
        let _ = process.post(Mail::Event(Pooled::new(ProcessEvent { from: NOBODY, at, what })));
        unit.running = Some(Running::Process(process));
        unit.state = State::Stopping;
        unit.due = Some(now.after(unit.lifecycle.stop_timeout));
        false
    }
}

/// Makes a terminal host known; when its process ends, the supervisor is told.
pub fn add_terminal(core: &RuntimeCore, id: &str, sender: &Sender<News>) {
    let sender = sender.clone();
    let finished = move |outcome: &Outcome| drop(sender.send(News::Finished(outcome.clone())));
    core.hosts.add(id, HostKind::Terminal, 1, Some(Box::new(finished)));
}

fn process_limit(definition: &Definition) -> usize {
    match definition.data.get("host").and_then(|host| host.get("max_processes")) {
        Some(Data::Integer(limit)) => usize::try_from(*limit).unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

/// Starts a service on a thread of its own.
fn start_service(core: &Arc<RuntimeCore>, unit: &Unit, sender: &Sender<News>) -> Result<(), ErrorData> {
    let (core, sender) = (Arc::clone(core), sender.clone());
    let (definition, run) = (Arc::clone(&unit.definition), unit.run);
    let load = move || {
        let id = Arc::clone(&definition.id);
        let started = load_service(&core, &definition, run, &sender);
        // Nobody listens any more if the application has ended.
        let _ = sender.send(News::Started(id, run, started.map(Running::Process)));
    };
    let thread = std::thread::Builder::new().name("moonlet-start".to_owned()).spawn(load);
    thread.map(drop).map_err(|error| no_thread(&error))
}

/// What an entry that is no process stands for: a server, which is made of many entries, a
/// consumer, which calls functions, or what a module has for it.
fn resource(
    core: &Arc<RuntimeCore>,
    definition: &Arc<Definition>,
    catalog: &Arc<Catalog>,
) -> Result<Arc<dyn Resource>, ErrorData> {
    #[cfg(feature = "http")]
    if &*definition.kind == HTTP_SERVICE {
        return Ok(super::web::resource(core, definition, catalog));
    }
    if &*definition.kind == consumer::KIND {
        return consumer::resource(core, &definition.id, &definition.data);
    }
    let entry =
        Declaration { id: &definition.id, kind: &definition.kind, fields: &definition.data, folder: catalog.folder() };
    core.modules.iter().find_map(|module| module.resource(&entry)).unwrap_or_else(|| {
        Err(ErrorData::plain(INTERNAL, &format!("no module has entries of kind {}", definition.kind)))
    })
}

/// Starts what is no process.
fn start_resource(
    core: &Arc<RuntimeCore>,
    unit: &mut Unit,
    catalog: &Arc<Catalog>,
    sender: &Sender<News>,
) -> Result<(), ErrorData> {
    let definition = &unit.definition;
    let resource = resource(core, definition, catalog)?;
    let (id, run, sender) = (Arc::clone(&definition.id), unit.run, sender.clone());
    let starting = Arc::clone(&resource).start();
    let started = move |result: Completion<Result<(), ErrorData>>| {
        let result = result.unwrap_or_else(|_| Err(ErrorData::plain(INTERNAL, "the start has panicked")));
        // As above.
        let _ = sender.send(News::Started(id, run, result.map(|()| Running::Resource(resource))));
    };
    unit.operation = Some(core.io.spawn_io(starting, started).map_err(|error| no_thread(&error))?);
    Ok(())
}

fn no_thread(error: &std::io::Error) -> ErrorData {
    ErrorData::plain(INTERNAL, &format!("cannot start a thread: {error}"))
}

/// Loads a service and starts its process.
fn load_service(
    core: &Arc<RuntimeCore>,
    definition: &Definition,
    run: u64,
    sender: &Sender<News>,
) -> Result<Arc<Process>, ErrorData> {
    let text = |field| definition.text(field).unwrap_or_default();
    let host = core.hosts.for_spawn(text("host"))?;
    let input = match definition.data.get("input") {
        Some(Data::List(items)) => &items[..],
        _ => &[],
    };
    let arguments = Data::pack(core, input).ok_or_else(|| ErrorData::plain(INTERNAL, "not enough memory"))?;
    let identity = identity(core, definition)?;
    let (id, sender) = (Arc::clone(&definition.id), sender.clone());
    // Nobody listens any more if the application has ended.
    let on_exit = Box::new(move |outcome| drop(sender.send(News::Ended(id, run, outcome))));
    spawn_entry(core, &host, &definition.resolve_id(text("process")), &arguments, identity, on_exit)
}

/// On whose behalf a service runs.
fn identity(core: &RuntimeCore, definition: &Definition) -> Result<Option<Arc<Identity>>, ErrorData> {
    let Some(fields) = definition.data.get("lifecycle").and_then(|lifecycle| lifecycle.get("security")) else {
        return Ok(None);
    };
    let identity = declared_identity(&*core.entries, &definition.id, fields)?;
    Ok((!identity.is_empty()).then(|| Arc::new(identity)))
}

/// Tells the operator what became of an entry.
fn report(id: &str, message: &str) {
    // What is printed before comes before.
    let _ = flush_output();
    eprintln!("moonlet: {id}: {message}");
}
