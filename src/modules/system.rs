//! The `system` module (`modules.md` §4.21): what a runtime knows of itself and of the machine.
//!
//! There is one runtime and no cluster: the functions about other nodes say so. Locks are those of the runtime; they end with
//! the process that holds them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::fields::{fail, fail_with};
use super::succeed;
use crate::runtime::access;
use crate::runtime::data::Data;
use crate::runtime::errors::{ALREADY_EXISTS, ErrorData, INTERNAL, INVALID, NOT_FOUND, UNAVAILABLE};
use crate::runtime::hosts::{HostKind, HostState};
use crate::runtime::module::held::Release;
use crate::runtime::module::{Module, ModuleClass, module};
use crate::runtime::pid::Pid;
use crate::runtime::process_state::state;
use crate::runtime::services::Noted;
use crate::stdlib::os::end_program;
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::pool;
use crate::vm::value::Value;

/// The module, with the locks that are held.
#[derive(Default)]
pub struct System(Arc<Locks>);

type Locks = Mutex<HashMap<Box<str>, Arc<Lock>>>;

impl Module for System {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY, &MEMORY, &GC, &RUNTIME, &PROCESS, &HOSTS, &SUPERVISOR, &NODE, &CLUSTER, &RAFT, &LOCK]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Process, ModuleClass::Nondeterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("system.d.lua")
    }
}

/// The library; the others are parts of it.
static LIBRARY: Library = Library {
    name: "system",
    global: false,
    natives: &[Native::new("exit", exit), Native::new("modules", |vm, _| tell(vm, "modules", modules))],
    constants: &[],
};

static MEMORY: Library = part(
    "system.memory",
    &[
        Native::new("stats", |vm, _| tell(vm, "memory", |_| Ok(memory()))),
        Native::new("allocated", |vm, _| tell(vm, "memory", |_| Ok(count(pool::resident_bytes())))),
        Native::new("heap_objects", |vm, _| tell(vm, "memory", |_| Ok(Data::Integer(0)))),
        Native::new("get_limit", |vm, _| {
            tell(vm, "memory_limit", |vm| Ok(limit(state(vm).core().memory_limit.load(Ordering::Relaxed))))
        }),
        Native::new("set_limit", set_limit),
    ],
);

static GC: Library = part(
    "system.gc",
    &[
        Native::new("collect", collect),
        Native::new("get_percent", |vm, _| {
            tell(vm, "gc_percent", |vm| {
                let percent = vm.heap.set_pause(0);
                vm.heap.set_pause(percent);
                Ok(count(percent))
            })
        }),
        Native::new("set_percent", set_percent),
    ],
);

static RUNTIME: Library = part(
    "system.runtime",
    &[
        Native::new("cpu_count", |vm, _| {
            tell(vm, "cpu", |_| Ok(count(std::thread::available_parallelism().map_or(1, usize::from))))
        }),
        Native::new("max_procs", max_procs),
        Native::new("goroutines", |vm, _| tell(vm, "goroutines", processes)),
        Native::new("tasks", |vm, _| tell(vm, "goroutines", processes)),
    ],
);

static PROCESS: Library = part(
    "system.process",
    &[
        Native::new("pid", |vm, _| tell(vm, "pid", |_| Ok(std::process::id().into()))),
        Native::new("hostname", |vm, _| tell(vm, "hostname", |_| Ok(host_name().into()))),
        Native::new("cwd", |vm, _| {
            tell(vm, "cwd", |_| match std::env::current_dir() {
                Ok(path) => Ok(path.as_os_str().as_encoded_bytes().into()),
                Err(error) => Err(ErrorData::plain(INTERNAL, &error.to_string())),
            })
        }),
    ],
);

static HOSTS: Library = part(
    "system.hosts",
    &[
        Native::new("list", |vm, _| tell(vm, "hosts", |vm| Ok(Data::List(hosts(vm))))),
        Native::new("processes", host_processes),
    ],
);

static SUPERVISOR: Library = part(
    "system.supervisor",
    &[
        Native::new("state", supervisor_state),
        Native::new("states", |vm, _| {
            tell(vm, "supervisor", |vm| {
                let all = state(vm).core().services.all();
                Ok(Data::List(all.iter().map(|(id, noted)| service(id, noted)).collect()))
            })
        }),
    ],
);

static NODE: Library = part(
    "system.node",
    &[
        Native::new("id", |vm, _| tell(vm, "node", |_| Ok(host_name().into()))),
        Native::new("addr", |vm, _| tell(vm, "node", |_| Ok("".into()))),
        Native::new("role", |vm, _| tell(vm, "node", |_| Ok("non-member".into()))),
    ],
);

static CLUSTER: Library = part(
    "system.cluster",
    &[
        Native::new("members", |vm, _| tell(vm, "cluster", |_| Ok(Data::List(Vec::new())))),
        Native::new("leader", |vm, _| tell(vm, "cluster", |_| Ok("".into()))),
        Native::new("size", |vm, _| tell(vm, "cluster", |_| Ok(Data::Integer(0)))),
    ],
);

static RAFT: Library = part(
    "system.raft",
    &[
        Native::new("state", |vm, _| tell(vm, "raft", |_| Err(no_cluster()))),
        Native::new("leader", |vm, _| tell(vm, "raft", |_| Err(no_cluster()))),
    ],
);

static LOCK: Library = part("system.lock", &[Native::new("acquire", acquire), Native::new("release", release)]);

const fn part(name: &'static str, natives: &'static [Native]) -> Library {
    Library { name, global: false, natives, constants: &[] }
}

/// The actions besides those that are named after what they do.
const READ: &str = "system.read";
const CONTROL: &str = "system.control";

fn refused(kind: &str, message: &str) -> ErrorData {
    ErrorData::judged(kind, message, false)
}

fn no_cluster() -> ErrorData {
    refused(INTERNAL, "there is no cluster")
}

fn count(n: usize) -> Data {
    Data::Integer(i64::try_from(n).unwrap_or(i64::MAX))
}

/// A limit of memory; -1 if there is none.
fn limit(bytes: usize) -> Data {
    if bytes == usize::MAX { Data::Integer(-1) } else { count(bytes) }
}

/// Answers with something that may be read.
fn tell(vm: &mut Vm, what: &str, read: impl FnOnce(&mut Vm) -> Result<Data, ErrorData>) -> NativeResult {
    act(vm, READ, what, read)
}

/// Answers with what comes of something that is guarded.
fn act(vm: &mut Vm, action: &str, what: &str, work: impl FnOnce(&mut Vm) -> Result<Data, ErrorData>) -> NativeResult {
    match access::check(vm, action, what).and_then(|()| work(vm)) {
        Ok(data) => {
            let value = data.to_value(vm)?;
            succeed(vm, value)
        }
        Err(error) => fail(vm, error),
    }
}

/// `system.exit(code?)`: ends the whole program.
fn exit(vm: &mut Vm, args: Args) -> NativeResult {
    let code = args.opt_int(vm, 0, 0)?;
    if let Err(error) = access::check(vm, "system.exit", "system") {
        return fail(vm, error);
    }
    end_program(i32::try_from(code).unwrap_or(1))
}

fn modules(vm: &mut Vm) -> Result<Data, ErrorData> {
    let modules = state(vm).core().modules.iter().map(|module| {
        let classes: Vec<&str> = module.classes().iter().map(|class| class.name()).collect();
        Data::from([("name", Data::from(module.name())), ("class", classes.into())])
    });
    Ok(Data::List(modules.collect()))
}

/// Fields without meaning here are 0.
fn memory() -> Data {
    let heap = count(pool::resident_bytes());
    let names = [
        "alloc",
        "total_alloc",
        "sys",
        "heap_alloc",
        "heap_sys",
        "heap_idle",
        "heap_in_use",
        "heap_released",
        "heap_objects",
        "num_gc",
    ];
    let value = |name: &str| match name {
        "alloc" | "heap_alloc" | "heap_sys" | "heap_in_use" => heap.clone(),
        "sys" => resident().map_or(heap.clone(), count),
        _ => Data::Integer(0),
    };
    Data::Map(names.iter().map(|name| (Data::from(*name), value(name))).collect())
}

/// Bytes that the program has of the machine's memory, where the system tells.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size())
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// `system.memory.set_limit(bytes)`: for processes that start from then on.
fn set_limit(vm: &mut Vm, args: Args) -> NativeResult {
    let bytes = args.check_int(vm, 0)?;
    act(vm, CONTROL, "memory_limit", |vm| match bytes {
        ..=-2 => Err(refused(INVALID, "a limit is -1 for none, or not negative")),
        bytes => {
            let new = usize::try_from(bytes).unwrap_or(usize::MAX);
            Ok(limit(state(vm).core().memory_limit.swap(new, Ordering::Relaxed)))
        }
    })
}

/// `system.gc.collect()`
fn collect(vm: &mut Vm, args: Args) -> NativeResult {
    if let Err(error) = access::check(vm, "system.gc", "gc") {
        return fail(vm, error);
    }
    vm.collect();
    vm.fuel -= vm.heap.count_bytes() as i64 / 64;
    vm.finalize_and_answer(args, Value::TRUE)
}

/// `system.gc.set_percent(n)`
fn set_percent(vm: &mut Vm, args: Args) -> NativeResult {
    let percent = args.check_int(vm, 0)?;
    act(vm, "system.gc", "gc_percent", |vm| match usize::try_from(percent) {
        Ok(percent) => Ok(count(vm.heap.set_pause(percent))),
        Err(_) => Err(refused(INVALID, "a percentage is not negative")),
    })
}

/// `system.runtime.max_procs(n?)`: how many workers work, of those that the runtime was started with.
fn max_procs(vm: &mut Vm, args: Args) -> NativeResult {
    let scheduler = state(vm).core().scheduler.clone();
    if args.get(vm, 0).is_nil() {
        return tell(vm, "gomaxprocs", |_| Ok(count(scheduler.wanted())));
    }
    let wanted = args.check_int(vm, 0)?;
    act(vm, CONTROL, "gomaxprocs", |_| match usize::try_from(wanted) {
        Ok(wanted @ 1..) if wanted <= scheduler.workers() => Ok(count(scheduler.want(wanted))),
        Ok(1..) => {
            let message = format!("the runtime was started with {} workers", scheduler.workers());
            Err(refused(UNAVAILABLE, &message))
        }
        _ => Err(refused(INVALID, "at least one worker is needed")),
    })
}

/// Each process is at least one coroutine; those of others cannot be counted from here.
fn processes(vm: &mut Vm) -> Result<Data, ErrorData> {
    Ok(count(state(vm).core().processes.len()))
}

/// The hosts that processes are spawned on.
fn hosts(vm: &mut Vm) -> Vec<Data> {
    let core = state(vm).core();
    let declared = core.entries.declares_hosts();
    let hosts = core.hosts.all();
    let hosts = hosts.iter().filter(|host| match host.kind {
        HostKind::Function => false,
        _ => !declared || host.index() != 0,
    });
    let host = |host: &Arc<crate::runtime::hosts::Host>| {
        let status = match host.state() {
            _ if host.index() == 0 => "running",
            HostState::Running => "running",
            HostState::Stopped => "stopped",
            HostState::Stopping => "stopping",
        };
        let alive = if host.index() == 0 { core.processes.len() } else { host.process_count() };
        Data::from([("id", Data::from(&*host.id)), ("status", status.into()), ("processes", count(alive))])
    };
    hosts.map(host).collect()
}

/// `system.hosts.processes(id)`: their PIDs.
fn host_processes(vm: &mut Vm, args: Args) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    tell(vm, "hosts", |vm| {
        let core = state(vm).core();
        let host = core.hosts.find(&id).ok_or_else(|| refused(NOT_FOUND, &format!("there is no host {id}")))?;
        let all = core.processes.all();
        let its = all.iter().filter(|process| process.pid.host() == host.index());
        let mut pids: Vec<Pid> = its.map(|process| process.pid).collect();
        pids.sort_unstable();
        Ok(Data::List(pids.iter().map(|pid| core.hosts.shown(*pid).into()).collect()))
    })
}

fn service(id: &str, noted: &Noted) -> Data {
    Data::from([
        ("id", Data::from(id)),
        ("status", noted.state.status.into()),
        ("desired", noted.state.desired.into()),
        ("retry_count", noted.state.retries.into()),
        ("last_update", noted.last_update.into()),
        ("started_at", noted.started_at.into()),
        ("details", (*noted.state.details).into()),
    ])
}

/// `system.supervisor.state(id)`
fn supervisor_state(vm: &mut Vm, args: Args) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    tell(vm, "supervisor", |vm| match state(vm).core().services.get(&id) {
        Some(noted) => Ok(service(&id, &noted)),
        None => Err(refused(NOT_FOUND, &format!("{id} is not supervised"))),
    })
}

/// A lock that a process holds.
struct Lock {
    name: Box<str>,
    owner: Pid,
    locks: Arc<Locks>,
}

impl Release for Lock {
    fn release(&self) {
        let mut locks = self.locks.lock();
        if locks.get(&self.name).is_some_and(|lock| std::ptr::eq(&**lock, self)) {
            let lock = locks.remove(&self.name);
            // The last to hold it could be this map.
            drop(locks);
            drop(lock);
        }
    }
}

/// `system.lock.acquire(name)`
fn acquire(vm: &mut Vm, args: Args) -> NativeResult {
    let name = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    if let Err(error) = access::check(vm, "system.lock", &name) {
        return fail_with(vm, Value::FALSE, error);
    }
    let owner = state(vm).process().pid;
    let locks = Arc::clone(&module::<System>(vm).0);
    let lock = Arc::new(Lock { name: name.as_ref().into(), owner, locks: Arc::clone(&locks) });
    let is_free = locks.lock().try_insert(name.as_ref().into(), Arc::clone(&lock)).is_ok();
    if !is_free {
        return fail_with(vm, Value::FALSE, refused(ALREADY_EXISTS, &format!("the lock {name} is held")));
    }
    state(vm).rare().held.add(&lock);
    succeed(vm, Value::TRUE)
}

/// `system.lock.release(name)`
fn release(vm: &mut Vm, args: Args) -> NativeResult {
    let name = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    if let Err(error) = access::check(vm, "system.lock", &name) {
        return fail_with(vm, Value::FALSE, error);
    }
    let owner = state(vm).process().pid;
    let held = module::<System>(vm).0.lock().get(&*name).filter(|lock| lock.owner == owner).cloned();
    match held {
        Some(lock) => {
            lock.release();
            succeed(vm, Value::TRUE)
        }
        None => fail_with(vm, Value::FALSE, refused(NOT_FOUND, &format!("the lock {name} is not held"))),
    }
}
