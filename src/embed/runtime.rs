//! Processes from Rust: start them, send them messages, wait for their results.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::error::{Error, Result};
use crate::compile::NoModules;
use crate::modules::fs::{Fs, PackedFiles};
use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, INTERNAL};
use crate::runtime::mail::Outcome;
use crate::runtime::module::{Module, Modules};
use crate::runtime::spawn::{Chunk, Entries, Entry};
use crate::runtime::system::{self, System};
use crate::types::{Diagnostic, Options};
use crate::vm::image::Image;
use crate::{modules, runtime};

/// What adds a module, of whatever type, to the built-in ones.
type Addition = Box<dyn FnOnce(&mut Modules) + Send>;

/// Sets up a [`Runtime`]: which code can be spawned, and on how many threads it runs.
#[derive(Default)]
pub struct RuntimeBuilder {
    system: system::Builder,
    sources: HashMap<Box<str>, Box<[u8]>>,
    modules: Vec<Addition>,
    volumes: Vec<(Box<str>, Arc<PackedFiles>)>,
    sandbox: bool,
}

impl RuntimeBuilder {
    /// Adds code that can be spawned under an id, from Rust and by processes: the source of a chunk that returns a
    /// function, or a table with a function `main`. It is compiled when it is first needed; a later entry with the same
    /// id replaces an earlier one.
    pub fn entry(mut self, id: &str, source: impl AsRef<[u8]>) -> RuntimeBuilder {
        self.sources.insert(id.into(), source.as_ref().into());
        self
    }

    /// The number of worker threads; by default that of the processors.
    pub fn workers(mut self, workers: usize) -> RuntimeBuilder {
        self.system = self.system.workers(workers);
        self
    }

    /// Calls and backward jumps after which a process gives way to others; 100,000 by default.
    pub fn slice(mut self, units: i64) -> RuntimeBuilder {
        self.system = self.system.slice(units);
        self
    }

    /// Bytes each process may use; passing the limit raises `not enough memory` in it. There is none by default.
    pub fn memory_limit(mut self, bytes: usize) -> RuntimeBuilder {
        self.system = self.system.memory_limit(bytes);
        self
    }

    /// Runs all code in the `sandbox` profile: without files, the operating system and loading of code, with library
    /// tables that cannot be changed. `require` gives built-in modules only.
    pub fn sandbox(mut self, sandbox: bool) -> RuntimeBuilder {
        self.sandbox = sandbox;
        self
    }

    /// Adds a module of the host: `require` gives it to every process. One of the same name as a built-in module adds to
    /// that; where both have a field, this one counts.
    pub fn module(mut self, module: impl Module) -> RuntimeBuilder {
        self.modules.push(Box::new(move |modules| modules.add(module)));
        self
    }

    /// Gives processes files that they find with `fs.get` under an id, such as those that the program holds itself. They can
    /// be read only. Every other id means the files of the machine.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let runtime = moonlet::Runtime::builder()
    ///     .volume("app:texts", [("greetings/moon.txt", "hello, moon")])
    ///     .entry("app:main", "return function() return require('fs').get('app:texts'):readfile('greetings/moon.txt') end")
    ///     .build()?;
    /// assert_eq!(runtime.spawn("app:main", ())?.wait()?.as_str(), Some("hello, moon"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn volume(
        mut self,
        id: &str,
        files: impl IntoIterator<Item = (impl AsRef<Path>, impl AsRef<[u8]>)>,
    ) -> RuntimeBuilder {
        self.volumes.push((id.into(), Arc::new(files.into_iter().collect())));
        self
    }

    /// Where `require` looks for files, in the form of `package.path`.
    pub fn module_path(mut self, path: &str) -> RuntimeBuilder {
        self.system = self.system.module_path(path);
        self
    }

    /// Decides what processes may do; without it they may do everything. `guard` gets the name of an action, such as
    /// `http_client.request`, and the resource it is meant for, such as a URL. It is asked on many threads.
    pub fn guard(mut self, guard: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> RuntimeBuilder {
        self.system = self.system.guard(Arc::new(guard));
        self
    }

    /// Whether processes that run on nobody's behalf, without a scope, may do nothing that is guarded. By default they may do
    /// everything.
    pub fn strict_security(mut self, strict: bool) -> RuntimeBuilder {
        self.system = self.system.strict_security(strict);
        self
    }

    /// Starts the workers.
    ///
    /// # Errors
    /// If the operating system refuses a thread.
    pub fn build(self) -> io::Result<Runtime> {
        let mut modules = modules::built_in();
        if let Some(fs) = modules.of_type::<Fs>() {
            self.volumes.into_iter().for_each(|(id, files)| fs.add(&id, files));
        }
        self.modules.into_iter().for_each(|add| add(&mut modules));
        let image = modules::image(&modules, self.sandbox);
        let entries = Sources { sources: self.sources, known: Mutex::default() };
        Ok(Runtime { system: self.system.modules(modules).build(image, Box::new(entries))? })
    }
}

/// A system of processes on a few threads. Dropping it terminates all of them; [`Runtime::shutdown`] asks them first.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let runtime = moonlet::Runtime::builder()
///     .entry("app:sum", "return function(list) local s = 0 for _, n in ipairs(list) do s = s + n end return s end")
///     .build()?;
/// let process = runtime.spawn("app:sum", (vec![1, 2, 3],))?;
/// assert_eq!(process.wait()?, moonlet::Data::Integer(6));
/// # Ok(())
/// # }
/// ```
pub struct Runtime {
    system: System,
}

impl Runtime {
    /// A builder with the default settings and no entries.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// Starts a process that calls the function of an entry with `arguments`. Its chunk is run at once, by the calling
    /// thread, its function by a worker.
    ///
    /// # Errors
    /// [`Error::Process`] if there is no such entry, or its chunk does not compile or fails.
    pub fn spawn(&self, id: &str, arguments: impl IntoArguments) -> Result<Process> {
        let arguments = Data::pack(self.system.core(), &arguments.into_arguments()).ok_or(Error::Memory)?;
        let (sender, outcome) = mpsc::channel();
        // The receiver is gone if nobody waits.
        let on_exit = Box::new(move |outcome| drop(sender.send(outcome)));
        let process = self.system.spawn(id, &arguments, on_exit).map_err(|error| failure(&error))?;
        Ok(Process { process, outcome })
    }

    /// Sends a message to the process with this PID or registered name, as `process.send` does. Does not block.
    ///
    /// # Errors
    /// [`Error::Process`] of kind `NotFound` if there is no such process.
    pub fn send(&self, to: &str, topic: &str, payload: impl Into<Data>) -> Result<()> {
        let core = self.system.core();
        let process = core.resolve(to.as_bytes()).map_err(|error| failure(&error))?;
        send(&process, topic, payload.into())
    }

    /// What all processes share.
    #[cfg(all(test, not(loom), any(feature = "http", feature = "sql")))]
    pub(crate) fn core(&self) -> &Arc<crate::runtime::core::RuntimeCore> {
        self.system.core()
    }

    /// What the checker finds in a program for these processes: it knows the modules of the host by their manifests.
    ///
    /// # Errors
    /// The manifest of a module is not well-formed.
    pub fn check(&self, source: &[u8], options: Options) -> std::result::Result<Vec<Diagnostic>, String> {
        super::types::check(&modules::manifests(&self.system.core().modules), source, options)
    }

    /// Serves HTTP requests with functions: each one is answered by a process of an entry, see
    /// [`http::Endpoint`](super::http::Endpoint). The server runs until it is stopped or dropped.
    ///
    /// # Errors
    /// If the service is not well described, or its address cannot be had.
    #[cfg(feature = "http")]
    pub fn serve(&self, service: super::http::Service) -> io::Result<super::http::Server> {
        modules::http::service::start(self.system.core(), service)
    }

    /// The number of processes that have not ended.
    pub fn process_count(&self) -> usize {
        self.system.core().processes.len()
    }

    /// Ends all processes and stops the threads: processes get a CANCEL event; those that are left after `deadline` are
    /// terminated. Blocks until all have ended.
    pub fn shutdown(self, deadline: Duration) {
        self.system.shutdown(deadline);
    }
}

/// A process that was started from Rust. It goes on if this is dropped.
pub struct Process {
    process: Arc<runtime::process::Process>,
    outcome: Receiver<Outcome>,
}

impl Process {
    /// Its PID as programs see it, such as `{app:processes|0x00002}`.
    pub fn pid(&self) -> String {
        self.process.core.hosts.shown(self.process.pid)
    }

    /// Sends it a message. Does not block.
    ///
    /// # Errors
    /// [`Error::Process`] of kind `NotFound` if it has ended.
    pub fn send(&self, topic: &str, payload: impl Into<Data>) -> Result<()> {
        send(&self.process, topic, payload.into())
    }

    /// Ends it as soon as it gives way or waits, without a chance to clean up.
    pub fn terminate(&self) {
        self.process.core.scheduler.kill(&self.process);
    }

    /// Waits for its end: the first value its function returned. Blocks the calling thread.
    ///
    /// # Errors
    /// [`Error::Process`] with what it failed with, or if it was terminated.
    pub fn wait(self) -> Result<Data> {
        self.finish(self.outcome.recv().ok())
    }

    /// Waits for its end, but no longer than `timeout`; gives itself back if it has not ended by then. Blocks the calling
    /// thread.
    ///
    /// # Errors
    /// As [`wait`](Process::wait).
    pub fn wait_timeout(self, timeout: Duration) -> std::result::Result<Result<Data>, Process> {
        match self.outcome.recv_timeout(timeout) {
            Ok(outcome) => Ok(self.finish(Some(outcome))),
            Err(mpsc::RecvTimeoutError::Disconnected) => Ok(self.finish(None)),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(self),
        }
    }

    fn finish(&self, outcome: Option<Outcome>) -> Result<Data> {
        let outcome = outcome.unwrap_or_else(|| Err(ErrorData::internal("the runtime was shut down")));
        match outcome {
            Ok(parcel) => Data::unpack(&self.process.core, &parcel).ok_or(Error::Memory),
            Err(error) => Err(failure(&error)),
        }
    }
}

fn send(to: &Arc<runtime::process::Process>, topic: &str, payload: Data) -> Result<()> {
    let payload = Data::pack(&to.core, &[payload]).ok_or(Error::Memory)?;
    System::send(to, topic, payload).map_err(|error| failure(&error))
}

fn failure(error: &ErrorData) -> Error {
    Error::Process { kind: error.kind.to_string(), message: error.full_text(), traceback: error.stack.clone() }
}

/// The arguments of a process: a tuple of what becomes [`Data`], or a list of it.
pub trait IntoArguments {
    /// The arguments in order.
    fn into_arguments(self) -> Vec<Data>;
}

impl IntoArguments for Vec<Data> {
    fn into_arguments(self) -> Vec<Data> {
        self
    }
}

macro_rules! tuple {
    ($($name:ident)*) => {
        impl<$($name: Into<Data>),*> IntoArguments for ($($name,)*) {
            fn into_arguments(self) -> Vec<Data> {
                #[allow(non_snake_case)]
                let ($($name,)*) = self;
                vec![$($name.into()),*]
            }
        }
    };
}

tuple!();
tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);

/// Entries from memory, compiled when they are first needed.
struct Sources {
    sources: HashMap<Box<str>, Box<[u8]>>,
    known: Mutex<HashMap<Box<str>, Entry>>,
}

impl Entries for Sources {
    fn resolve(&self, image: &Image, id: &str) -> std::result::Result<Entry, ErrorData> {
        let mut known = self.known.lock();
        if let Some(entry) = known.get(id) {
            return Ok(entry.clone());
        }
        let source = self.sources.get(id).ok_or_else(|| ErrorData::no_factory(id))?;
        let chunk = Chunk::compile(image, source, &format!("={id}"), &NoModules)
            .map_err(|message| ErrorData::plain(INTERNAL, &format!("failed to execute script: {message}")))?;
        let entry = Entry::new(id, chunk, "main");
        known.insert(id.into(), entry.clone());
        Ok(entry)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn runtime(source: &str) -> Runtime {
        Runtime::builder().workers(2).entry("app:it", source).build().expect("threads can be started")
    }

    fn kind_of(error: Error) -> (String, String) {
        match error {
            Error::Process { kind, message, .. } => (kind, message),
            other => panic!("not an error of a process: {other}"),
        }
    }

    #[test]
    fn data_goes_there_and_back() {
        let runtime = runtime("return function(...) return { n = select('#', ...), ... } end");
        let nested = Data::from([("list", Data::from(vec!["a", "b"])), ("none", Data::Map(vec![]))]);
        let answer = runtime.spawn("app:it", (true, 2.5, nested.clone(), &b"\xff\0"[..], "é")).unwrap().wait().unwrap();
        assert_eq!(answer.get("n"), Some(&Data::Integer(5)));
        let Data::Map(entries) = answer else { panic!("a table with a field is a map") };
        let at = |i: i64| entries.iter().find(|(key, _)| *key == Data::Integer(i)).map(|(_, value)| value.clone());
        assert_eq!((at(1), at(2)), (Some(Data::Boolean(true)), Some(Data::Float(2.5))));
        assert_eq!(at(4), Some(Data::Text(b"\xff\0"[..].into())));
        assert_eq!(at(5).unwrap().as_str(), Some("é"));
        let there = at(3).unwrap();
        assert_eq!((there.get("list"), there.get("none")), (nested.get("list"), nested.get("none")));
        assert_eq!(runtime.spawn("app:it", ()).unwrap().wait().unwrap().get("n"), Some(&Data::Integer(0)));
    }

    #[test]
    fn tables_within_themselves_and_functions_become_text() {
        let runtime = runtime("return function() local t = {f = print} t.t = t return t end");
        let mut data = &runtime.spawn("app:it", ()).unwrap().wait().unwrap();
        assert!(data.get("f").unwrap().as_str().unwrap().starts_with("function: "));
        let mut depth = 0;
        while let Some(inner) = data.get("t") {
            (data, depth) = (inner, depth + 1);
        }
        assert!(depth > 10 && data.as_str().unwrap().starts_with("table: "), "{data:?}");
    }

    #[test]
    fn files_of_the_host() {
        let source = r#"return function()
            local fs = require("fs")
            local files = assert(fs.get("app:files"))
            assert(files:readfile("a/b.bin") == "\0\xff" and files:readfile("/c") == "text" and files:isdir("a"))
            local names = {}
            for entry in files:readdir("/") do names[#names + 1] = entry.name end
            assert(table.concat(names, " ") == "a c" and files:stat("c").modified == 0)
            local written, err = files:writefile("c", "new")
            assert(written == false and errors.is(err, errors.PERMISSION_DENIED))
            assert(fs.get("app:empty"):exists("/") and not fs.get("app:empty"):exists("c"))
            assert(fs.get("app:machine"):isdir("/") and not fs.get("app:machine"):exists("/a/b.bin"))
            return true
        end"#;
        let runtime = Runtime::builder()
            .workers(1)
            .entry("app:it", source)
            .volume("app:files", [("a/b.bin", &b"\0\xff"[..]), ("/c", b"old"), ("c", b"text")])
            .volume("app:empty", Vec::<(&str, &str)>::new())
            .build()
            .expect("threads can be started");
        assert_eq!(runtime.spawn("app:it", ()).unwrap().wait().unwrap(), Data::from(true));
    }

    #[test]
    fn failures_are_told_apart() {
        let runtime = Runtime::builder()
            .workers(1)
            .entry("app:raises", "return function() error('by itself') end")
            .entry("app:fails", "return function() return nil, errors.new{message = 'm', kind = 'Invalid'} end")
            .entry("app:syntax", "return function(")
            .entry("app:forever", "return { main = function() while true do end end }")
            .build()
            .unwrap();
        let spawn = |id| runtime.spawn(id, ()).map_err(kind_of);
        assert_eq!(spawn("app:other").err().unwrap(), ("NotFound".into(), "factory not found".into()));
        assert!(spawn("app:syntax").err().unwrap().1.contains("app:syntax:1:"));
        let raised = runtime.spawn("app:raises", ()).unwrap().wait().unwrap_err();
        assert!(matches!(&raised, Error::Process { traceback, .. } if traceback.contains("app:raises")), "{raised:?}");
        assert!(raised.to_string().ends_with("by itself"), "{raised}");
        assert_eq!(kind_of(runtime.spawn("app:fails", ()).unwrap().wait().unwrap_err()).0, "Invalid");

        let forever = runtime.spawn("app:forever", ()).unwrap();
        let Err(forever) = forever.wait_timeout(Duration::from_millis(1)) else { panic!("it never ends") };
        assert_eq!(runtime.process_count(), 1);
        runtime.send(&forever.pid(), "topic", ()).unwrap();
        forever.terminate();
        let pid = forever.pid();
        assert!(forever.wait().is_err());
        assert_eq!(kind_of(runtime.send(&pid, "topic", ()).unwrap_err()).0, "NotFound");
        assert_eq!(kind_of(runtime.send("no such name", "topic", ()).unwrap_err()).0, "NotFound");
    }

    #[test]
    fn in_strict_runtimes_nobody_acts_without_a_scope() {
        let source = "return function() return select(2, process.send(process.pid(), 'x')):kind() end";
        let runtime = Runtime::builder().workers(1).strict_security(true).entry("app:it", source).build().unwrap();
        assert_eq!(runtime.spawn("app:it", ()).unwrap().wait().unwrap().as_str(), Some("PermissionDenied"));
    }

    #[test]
    fn memory_is_limited() {
        let builder = Runtime::builder().workers(1).memory_limit(1 << 20);
        let runtime = builder.entry("app:it", "return function(n) return ('x'):rep(n) end").build().unwrap();
        let error = runtime.spawn("app:it", (1 << 24,)).unwrap().wait().unwrap_err();
        assert!(error.to_string().contains("not enough memory"), "{error}");
        let large = vec!["y".repeat(1 << 16); 64];
        assert!(matches!(runtime.spawn("app:it", (large,)), Err(Error::Memory)));
    }

    #[test]
    fn shutdown_ends_what_is_left() {
        let runtime = runtime("return function() process.inbox():receive() end");
        let process = runtime.spawn("app:it", ()).unwrap();
        runtime.shutdown(Duration::from_millis(1));
        assert!(process.wait().is_err());
    }

    /// Runs a function in a sandbox.
    fn run_in_sandbox(source: &str) -> Result<Data> {
        let runtime = Runtime::builder().sandbox(true).workers(1).entry("app:main", source).build().unwrap();
        runtime.spawn("app:main", ())?.wait()
    }

    #[test]
    fn a_sandbox_has_the_runtime_and_no_system() {
        let source = r#"return function()
            assert(io == nil and debug == nil and load == nil and os.execute == nil and os.getenv == nil)
            assert(not pcall(function() process.send = nil end) and not pcall(function() os.time = nil end))
            assert(require("process") == process and require("time").sleep and require("errors") == errors)
            local ok, message = pcall(require, "no.such.module")
            assert(message:find("module 'no.such.module' not found", 1, true))
            local ch = channel.new()
            assert(process.spawn(function(ch) ch:send(os.platform) end, "h", ch))
            return (ch:receive())
        end"#;
        assert_eq!(run_in_sandbox(source).unwrap(), Data::from("moonlet"));
    }

    #[test]
    fn os_of_the_sandbox() {
        let source = r#"return function()
            assert(math.type(os.time()) == "integer" and os.clock() >= 0 and os.difftime(5, 3) == 2)
            local given = {year = 2024, month = 14, day = 1, hour = "x", isdst = true}
            local at = os.time(given)
            assert(os.date("%Y-%m-%d %X", at) == "2025-02-01 00:00:00", os.date("%Y-%m-%d %X", at))
            assert(given.month == 14 and given.sec == nil, "the argument is untouched")
            local today = os.date("*t")
            assert(os.date("%d", os.time{}) == ("%02d"):format(today.day), "missing fields are today's")
            assert(os.time{year = 2024, month = 1, day = 1.5} == os.time{year = 2024, month = 1, day = 1})
            assert(os.date("!%c", 1718461845) == "Sat Jun 15 14:30:45 2024")
            assert(os.date("!%x %X %p %j %%", 1718461845) == "06/15/24 14:30:45 PM 167 %")
            assert(os.date("!%Q %Ez %", 0) == "%Q %Ez %" and os.date("!%y %U %W %w", 0) == "70 00 00 4")
            local t = os.date("!*t", 1718461845)
            assert(t.year == 2024 and t.month == 6 and t.day == 15 and t.hour == 14 and t.min == 30 and t.sec == 45)
            assert(t.wday == 7 and t.yday == 167 and t.isdst == false)
            return true
        end"#;
        assert_eq!(run_in_sandbox(source).unwrap(), Data::from(true));
    }
}
