//! Processes ended at random under load, and what the runtime has left afterwards: nothing.
//!
//! The program is `faults.lua`. It runs for a moment with the other tests; `MOONLET_FAULT_SECONDS=60` makes it the long run,
//! which ends ten thousand processes at least: `MOONLET_FAULT_SECONDS=60 cargo test --lib faults -- --nocapture`.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::System;
use super::core::RuntimeCore;
use super::spawn::Chunk;
use super::tests::image;
use super::transfer::Parcel;
use crate::app::script::ScriptEntries;
use crate::compile::NoModules;
use crate::vm::value::Value;

const SECONDS: &str = "MOONLET_FAULT_SECONDS";

/// What may be left of processes that are gone.
#[derive(Debug, PartialEq, Eq)]
struct Figures {
    processes: usize,
    names: usize,
    timers: usize,
    subscriptions: usize,
    /// Groups, subscriptions to them, memberships.
    groups: [usize; 3],
    queued: usize,
    /// Every process holds the core, also one that is out of the table but not of memory.
    holders_of_the_core: usize,
}

impl Figures {
    fn of(core: &Arc<RuntimeCore>) -> Figures {
        Figures {
            processes: core.processes.len(),
            names: core.names.len(),
            timers: core.timers.len(),
            subscriptions: core.bus.len(),
            groups: core.groups.counts(),
            queued: core.scheduler.queue_depth(),
            holders_of_the_core: Arc::strong_count(core),
        }
    }
}

/// Lets processes that nobody waits for come to their end.
fn settle(core: &Arc<RuntimeCore>, expected: &Figures) {
    let started = Instant::now();
    while Figures::of(core) != *expected && started.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// The memory of this program, in megabytes; 0 where that cannot be known.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4 / 1024
}

#[test]
fn faults_leave_nothing_behind() {
    let long: Option<i64> = std::env::var(SECONDS).ok().map(|text| text.parse().expect("a number of seconds"));
    let (seconds, ends, population) = long.map_or((0, 300, 40), |seconds| (seconds, 10_000, 300));
    for workers in [1, 2, 8] {
        let image = image();
        let chunk = Chunk::compile(&image, include_bytes!("faults.lua"), "@faults.lua", &NoModules);
        let chunk = chunk.expect("the program compiles");
        let entries = Box::new(ScriptEntries::new(Path::new("faults.lua")));
        let system = System::builder().workers(workers).slice(10_000).build(Arc::clone(&image), entries);
        let system = system.expect("threads can be started");
        let before = Figures::of(system.core());
        // The second round must not need more than the first left behind.
        for round in 0..2 {
            let (started, seed) = (Instant::now(), i64::from(round) + 1);
            let arguments = [seconds / 6, ends / 2, population, seed].map(Value::int);
            let begin = |vm: &mut _| Ok((chunk.closure(vm), arguments.into_iter().collect()));
            let told = match system.run_program(&"app:faults".into(), &begin, false) {
                Ok(Parcel::Text(text)) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
                Ok(other) => panic!("{other:?}"),
                Err(error) => panic!("with {workers} workers, round {round}: {}\n{}", error.message, error.stack),
            };
            settle(system.core(), &before);
            assert_eq!(Figures::of(system.core()), before, "{workers} workers, round {round}");
            if long.is_some() {
                println!("{workers} workers, {:.1} s: {told}; {} MB", started.elapsed().as_secs_f64(), resident());
            }
        }
    }
}
