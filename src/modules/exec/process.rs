//! A program of the operating system that runs for a process.
//!
//! It is the leader of a process group. The group is killed when its owner ends, or forgets it; and when the leader ends,
//! what is left of the group ends with it, so a group is only ever signalled while its leader lives, and its number means
//! no other.

use std::future::Future;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use smallvec::smallvec;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{oneshot, watch};

use crate::modules::fields::{self, error_value, invalid};
use crate::modules::fs::error_kind;
use crate::modules::stream::{Source, Stream};
use crate::modules::succeed;
use crate::runtime::errors::{ErrorData, INTERNAL};
use crate::runtime::module::object::{Object, check};
use crate::runtime::operation::run_future;
use crate::runtime::task::Continuation;
use crate::vm::Vm;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::userdata::Class;
use crate::vm::value::Value;

static PROCESS: Class = Class {
    name: "exec.Process",
    methods: &[
        Native::new("start", start),
        Native::new("stdout_stream", |vm, args| output(vm, args, |outputs| &mut outputs.stdout)),
        Native::new("stderr_stream", |vm, args| output(vm, args, |outputs| &mut outputs.stderr)),
        Native::new("write_stdin", write_stdin),
        Native::new("signal", signal),
        Native::new("wait", wait),
        Native::new("close", close),
    ],
    metamethods: &[],
};

/// What is to run.
pub struct Plan {
    /// What is looked for in the folders of programs, unless it is a path.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// All variables that it sees; of equal names the last counts.
    pub environment: Vec<(String, String)>,
    /// Where it runs.
    pub folder: PathBuf,
}

/// A program that runs, will run, or has run.
pub struct Process {
    plan: Plan,
    life: Arc<Life>,
    outputs: Mutex<Outputs>,
    /// `None` before the start, and when it is closed.
    input: tokio::sync::Mutex<Option<ChildStdin>>,
}

/// Where a program is in its life.
struct Life {
    phase: Mutex<Phase>,
    /// How it has ended.
    status: watch::Sender<Option<i64>>,
}

#[derive(Clone, Copy)]
enum Phase {
    Ready,
    Running(Pid),
    Ended,
    /// Closed before it was started.
    Closed,
}

#[derive(Default)]
struct Outputs {
    stdout: Output,
    stderr: Output,
}

/// One of the outputs: thrown away unless somebody has asked for it.
#[derive(Default)]
struct Output {
    stream: Option<Stream>,
    /// Gives the stream its source.
    sender: Option<oneshot::Sender<Pipe>>,
}

type Pipe = Box<dyn AsyncRead + Send + Unpin>;

impl Object for Process {
    fn class() -> &'static Class {
        &PROCESS
    }

    fn release(&self) {
        self.life.end_group(Signal::KILL);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.life.end_group(Signal::KILL);
    }
}

impl Life {
    /// Signals the group; what was not started never will be.
    fn end_group(&self, signal: Signal) {
        let mut phase = self.phase.lock();
        match *phase {
            Phase::Ready => *phase = Phase::Closed,
            // It may have ended just now.
            Phase::Running(group) => _ = kill_process_group(group, signal),
            Phase::Ended | Phase::Closed => {}
        }
    }

    /// Waits for the leader's end.
    async fn watch(&self, mut child: Child, group: Pid) {
        let status = child.wait().await;
        let mut phase = self.phase.lock();
        let _ = kill_process_group(group, Signal::KILL);
        *phase = Phase::Ended;
        drop(phase);
        self.status.send_replace(Some(status.map_or(-1, code)));
    }
}

/// The exit status as shells have it.
fn code(status: ExitStatus) -> i64 {
    match (status.code(), status.signal()) {
        (Some(code), _) => code.into(),
        (None, Some(signal)) => 128 + i64::from(signal),
        (None, None) => -1,
    }
}

impl Process {
    /// A program that is not started.
    pub fn new(plan: Plan) -> Process {
        let life = Life { phase: Mutex::new(Phase::Ready), status: watch::Sender::new(None) };
        Process { plan, life: Arc::new(life), outputs: Mutex::default(), input: tokio::sync::Mutex::default() }
    }

    async fn start(&self) -> Result<(), ErrorData> {
        let mut input = self.input.lock().await;
        let mut phase = self.life.phase.lock();
        match *phase {
            Phase::Ready => {}
            Phase::Closed => return Err(invalid("the process is closed")),
            Phase::Running(_) | Phase::Ended => return Err(invalid("the process was started already")),
        }
        let mut outputs = self.outputs.lock();
        let destination = |output: &Output| if output.sender.is_some() { Stdio::piped() } else { Stdio::null() };
        let plan = &self.plan;
        let mut child = Command::new(&plan.program)
            .args(&plan.arguments)
            .env_clear()
            .envs(plan.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&plan.folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(destination(&outputs.stdout))
            .stderr(destination(&outputs.stderr))
            .spawn()
            .map_err(|error| ErrorData::judged(error_kind(&error), &format!("{}: {error}", plan.program), false))?;
        let pid = child.id().and_then(|pid| Pid::from_raw(pid as i32));
        let group = pid.ok_or_else(|| ErrorData::judged(INTERNAL, "the process has no number", false))?;
        *phase = Phase::Running(group);
        *input = child.stdin.take();
        outputs.stdout.connect(child.stdout.take().map(|pipe: ChildStdout| Box::new(pipe) as Pipe));
        outputs.stderr.connect(child.stderr.take().map(|pipe: ChildStderr| Box::new(pipe) as Pipe));
        let life = Arc::clone(&self.life);
        tokio::spawn(async move { life.watch(child, group).await });
        Ok(())
    }
}

impl Output {
    /// Lets the stream begin. If nobody has it any more, the program will notice.
    fn connect(&mut self, pipe: Option<Pipe>) {
        if let (Some(sender), Some(pipe)) = (self.sender.take(), pipe) {
            let _ = sender.send(pipe);
        }
    }
}

/// What a stream reads from: at first only the promise of a pipe.
enum Promised {
    Coming(oneshot::Receiver<Pipe>),
    There(Pipe),
}

/// Bytes that one read takes.
const CHUNK: usize = 32 << 10;

impl Source for Promised {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Bytes>, ErrorData>> + Send + '_>> {
        Box::pin(async move {
            if let Promised::Coming(coming) = self {
                match coming.await {
                    Ok(pipe) => *self = Promised::There(pipe),
                    // It was closed before it was started.
                    Err(_) => return Ok(None),
                }
            }
            let Promised::There(pipe) = self else { return Ok(None) };
            let mut bytes = BytesMut::with_capacity(CHUNK);
            match pipe.read_buf(&mut bytes).await {
                Ok(0) => Ok(None),
                Ok(_) => Ok(Some(bytes.freeze())),
                Err(error) => Err(ErrorData::judged(INTERNAL, &error.to_string(), false)),
            }
        })
    }

    fn size(&self) -> Option<u64> {
        None
    }
}

/// Answers with true, or with `false, error`.
fn done(vm: &mut Vm, result: Result<(), ErrorData>) -> Continuation {
    Ok(match result {
        Ok(()) => smallvec![Value::TRUE, Value::NIL],
        Err(error) => smallvec![Value::FALSE, error_value(vm, error)],
    })
}

/// `process:start()`
fn start(vm: &mut Vm, args: Args) -> NativeResult {
    let process = check::<Process>(vm, args, 0)?;
    run_future(vm, "process start", async move { process.start().await }, done)
}

/// `process:stdout_stream()` and `process:stderr_stream()`
fn output(vm: &mut Vm, args: Args, which: fn(&mut Outputs) -> &mut Output) -> NativeResult {
    let process = check::<Process>(vm, args, 0)?;
    let phase = *process.life.phase.lock();
    if !matches!(phase, Phase::Ready) {
        return fields::fail(vm, invalid("streams are to be asked for before the start"));
    }
    let mut outputs = process.outputs.lock();
    let output = which(&mut outputs);
    let stream = output.stream.get_or_insert_with(|| {
        let (sender, coming) = oneshot::channel();
        output.sender = Some(sender);
        Stream::new(Box::new(Promised::Coming(coming)))
    });
    let stream = stream.clone().into_value(vm);
    drop(outputs);
    succeed(vm, stream)
}

/// `process:write_stdin(text)`
fn write_stdin(vm: &mut Vm, args: Args) -> NativeResult {
    let process = check::<Process>(vm, args, 0)?;
    let text = args.check_bytes(vm, 1)?.to_vec();
    let write = async move {
        let mut input = process.input.lock().await;
        if matches!(*process.life.phase.lock(), Phase::Ready) {
            return Err(invalid("the process is not started"));
        }
        if text.is_empty() {
            *input = None;
            return Ok(());
        }
        let Some(pipe) = &mut *input else { return Err(invalid("the input is closed")) };
        let written = async {
            pipe.write_all(&text).await?;
            pipe.flush().await
        };
        let written = written.await;
        if written.is_err() {
            // Nobody reads any more.
            *input = None;
        }
        written.map_err(|error| ErrorData::judged(INTERNAL, &error.to_string(), false))
    };
    run_future(vm, "process input", write, done)
}

/// `process:signal(n)`
fn signal(vm: &mut Vm, args: Args) -> NativeResult {
    let process = check::<Process>(vm, args, 0)?;
    let number = args.check_int(vm, 1)?;
    let Some(signal) = i32::try_from(number).ok().and_then(Signal::from_named_raw) else {
        return fields::fail_with(vm, Value::FALSE, invalid(format!("{number} is no signal")));
    };
    // While the lock is held, the end of the program is not noted, so the number is still its own.
    let phase = process.life.phase.lock();
    let sent = match *phase {
        Phase::Running(pid) => kill_process(pid, signal)
            .map_err(|error| ErrorData::judged(INTERNAL, &std::io::Error::from(error).to_string(), false)),
        _ => Err(invalid("the process is not running")),
    };
    drop(phase);
    match sent {
        Ok(()) => succeed(vm, Value::TRUE),
        Err(error) => fields::fail_with(vm, Value::FALSE, error),
    }
}

/// `process:wait()`
fn wait(vm: &mut Vm, args: Args) -> NativeResult {
    let process = check::<Process>(vm, args, 0)?;
    if matches!(*process.life.phase.lock(), Phase::Ready | Phase::Closed) {
        return fields::fail(vm, invalid("the process is not started"));
    }
    let mut status = process.life.status.subscribe();
    let ended = async move { status.wait_for(Option::is_some).await.map_or(None, |status| *status) };
    run_future(vm, "process end", ended, |_, status| Ok(smallvec![Value::int(status.unwrap_or(-1)), Value::NIL]))
}

/// `process:close(force?)`
fn close(vm: &mut Vm, args: Args) -> NativeResult {
    let process = check::<Process>(vm, args, 0)?;
    process.life.end_group(if args.get(vm, 1).is_true() { Signal::KILL } else { Signal::TERM });
    // Streams of what was never started end. A write that is under way fails when the program has ended.
    *process.outputs.lock() = Outputs::default();
    if let Ok(mut input) = process.input.try_lock() {
        *input = None;
    }
    succeed(vm, Value::TRUE)
}
