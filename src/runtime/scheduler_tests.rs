//! Tests of the worker pool: exact counts under load, fairness, hand-over costs, shutdown.

use super::*;
use crate::runtime::{
    driver::SystemDriver,
    queue::{Envelope, Queue},
};
use std::{
    sync::{
        OnceLock, Weak,
        atomic::{AtomicU64, AtomicUsize},
        mpsc,
    },
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(30);

type Step = Box<dyn Fn(&Arc<Actor>, &WorkerContext<Actor>) -> StepOutcome + Send + Sync>;

/// A process whose step is a closure.
struct Actor {
    state: RunState,
    inbox: Queue<u64>,
    step: Step,
    steps: AtomicU64,
    panics: AtomicU64,
}

impl Actor {
    fn new(step: impl Fn(&Arc<Actor>, &WorkerContext<Actor>) -> StepOutcome + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Actor {
            state: RunState::new(),
            inbox: Queue::new(),
            step: Box::new(step),
            steps: AtomicU64::new(0),
            panics: AtomicU64::new(0),
        })
    }

    fn send(self: &Arc<Self>, handle: &Handle<Actor>, message: u64) {
        self.inbox.push(message).expect("inboxes stay open in these tests");
        handle.wake(self);
    }
}

impl Runnable for Actor {
    fn state(&self) -> &RunState {
        &self.state
    }

    fn run(self: &Arc<Self>, worker: &WorkerContext<Self>) -> StepOutcome {
        self.steps.store(self.steps.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        (self.step)(self, worker)
    }

    fn on_panic(self: &Arc<Self>, _payload: Box<dyn Any + Send>) {
        assert!(self.state.is_dead());
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}

fn scheduler(workers: usize) -> Scheduler<Actor> {
    Scheduler::new(workers, "test", &SystemDriver::new()).expect("threads can be started")
}

#[test]
fn yields_waits_and_finishes() {
    let scheduler = scheduler(1);
    let (sender, receiver) = mpsc::channel();
    let actor = Actor::new(move |this, _| match this.steps.load(Ordering::Relaxed) {
        1..5 => StepOutcome::Yielded,
        5 => {
            sender.send(5).unwrap();
            StepOutcome::Waiting
        }
        n => {
            sender.send(n).unwrap();
            StepOutcome::Finished
        }
    });
    scheduler.handle().spawn(actor.clone());
    assert_eq!(receiver.recv_timeout(LONG), Ok(5));
    scheduler.handle().wake(&actor);
    assert_eq!(receiver.recv_timeout(LONG), Ok(6));
    scheduler.handle().wake(&actor);
    scheduler.shutdown();
    assert!(actor.state.is_dead());
    assert_eq!(scheduler.handle().counters().executed, 6);
    assert_eq!(Arc::strong_count(&actor), 1);
}

#[test]
fn what_is_woken_later_runs_after_the_step() {
    let scheduler = scheduler(2);
    let (sender, receiver) = mpsc::channel();
    let later = [1, 2, 3].map(|number| {
        let sender = sender.clone();
        Actor::new(move |_, worker| {
            sender.send((number, worker.index(), worker.keeps_some_near())).unwrap();
            StepOutcome::Finished
        })
    });
    let handle = scheduler.handle().clone();
    scheduler.handle().spawn(Actor::new(move |_, worker| {
        later.iter().for_each(|actor| handle.wake_later(actor));
        // The other worker has nothing to do, and would have had the time.
        thread::sleep(Duration::from_millis(20));
        sender.send((0, worker.index(), worker.keeps_some_near())).unwrap();
        StepOutcome::Finished
    }));
    let order: Vec<_> = (0..4).map(|_| receiver.recv_timeout(LONG).expect("all of them run")).collect();
    // They stay on the worker.
    let worker = order[0].1;
    assert_eq!(order, [(0, worker, false), (1, worker, true), (2, worker, true), (3, worker, false)]);
    // Without a worker there is no step to wait for.
    let (sender, receiver) = mpsc::channel();
    let alone = Actor::new(move |_, _| {
        sender.send(()).unwrap();
        StepOutcome::Finished
    });
    scheduler.handle().wake_later(&alone);
    receiver.recv_timeout(LONG).expect("it runs");
}

#[test]
fn what_is_near_is_shared_when_a_step_uses_up_its_slice() {
    let scheduler = scheduler(2);
    let (sender, receiver) = mpsc::channel();
    let first = Actor::new(move |this, _| match this.steps.load(Ordering::Relaxed) {
        1 => StepOutcome::Yielded,
        _ => StepOutcome::Finished,
    });
    // The second is not done before the third has run, for which it takes another worker.
    let third_ran = Arc::new(AtomicBool::new(false));
    let ran = Arc::clone(&third_ran);
    let second = Actor::new(move |_, _| {
        let start = Instant::now();
        while !ran.load(Ordering::Acquire) && start.elapsed() < LONG {
            thread::yield_now();
        }
        sender.send(ran.load(Ordering::Acquire)).unwrap();
        StepOutcome::Finished
    });
    let third = Actor::new(move |_, _| {
        third_ran.store(true, Ordering::Release);
        StepOutcome::Finished
    });
    let handle = scheduler.handle().clone();
    scheduler.handle().spawn(Actor::new(move |_, _| {
        [&first, &second, &third].into_iter().for_each(|actor| handle.wake_later(actor));
        StepOutcome::Finished
    }));
    assert!(receiver.recv_timeout(2 * LONG).expect("it ends"));
}

#[test]
fn a_panic_kills_the_process_and_spares_the_worker() {
    let scheduler = scheduler(1);
    let actor = Actor::new(|_, _| panic!("on purpose"));
    scheduler.handle().spawn(actor.clone());
    let (sender, receiver) = mpsc::channel();
    let other = Actor::new(move |_, _| {
        sender.send(()).unwrap();
        StepOutcome::Finished
    });
    scheduler.handle().spawn(other);
    receiver.recv_timeout(LONG).expect("the worker goes on");
    assert!(actor.state.is_dead());
    assert_eq!(actor.panics.load(Ordering::Relaxed), 1);
}

#[test]
fn a_kill_reaches_running_and_waiting_processes() {
    let scheduler = scheduler(2);
    let (sender, receiver) = mpsc::channel();
    let actors = [StepOutcome::Yielded, StepOutcome::Waiting].map(|outcome| {
        let sender = sender.clone();
        Actor::new(move |this, _| {
            if !this.state.kill_requested() {
                return outcome;
            }
            sender.send(()).unwrap();
            StepOutcome::Finished
        })
    });
    actors.iter().for_each(|actor| scheduler.handle().spawn(actor.clone()));
    thread::sleep(Duration::from_millis(10));
    for actor in &actors {
        scheduler.handle().kill(actor);
        receiver.recv_timeout(LONG).expect("killed");
    }
}

/// On one worker each of many steps lasts until all have begun, and one that was woken has run.
#[test]
fn long_steps_give_way() {
    const STEPS: usize = 10;
    let scheduler = scheduler(1);
    let (begun, woken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (sender, receiver) = mpsc::channel();
    let sleeper = Actor::new({
        let woken = woken.clone();
        move |_, _| {
            woken.store(true, Ordering::Relaxed);
            StepOutcome::Waiting
        }
    });
    for _ in 0..STEPS {
        let (handle, sleeper) = (scheduler.handle().clone(), sleeper.clone());
        let (begun, woken, sender) = (begun.clone(), woken.clone(), sender.clone());
        scheduler.handle().spawn(Actor::new(move |_, _| {
            begun.fetch_add(1, Ordering::Relaxed);
            handle.wake(&sleeper);
            while begun.load(Ordering::Relaxed) < STEPS || !woken.load(Ordering::Relaxed) {
                handle.give_way();
            }
            sender.send(()).unwrap();
            StepOutcome::Finished
        }));
    }
    (0..STEPS).for_each(|_| receiver.recv_timeout(LONG).expect("no step holds up the others"));
}

/// Every actor forwards each message to a pseudo-random other one until its hops are used up. All are counted.
#[test]
fn stress_messages_are_neither_lost_nor_doubled() {
    const ACTORS: usize = 64;
    const TOKENS: usize = 200;
    const HOPS: u64 = 300;
    for workers in [1, 2, 4] {
        let scheduler = scheduler(workers);
        let peers: Arc<OnceLock<Vec<Weak<Actor>>>> = Arc::default();
        let (arrived, hops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        let (sender, receiver) = mpsc::channel();
        let actors: Vec<_> = (0..ACTORS)
            .map(|me| {
                let (peers, arrived, hops, sender) = (peers.clone(), arrived.clone(), hops.clone(), sender.clone());
                let handle = scheduler.handle().clone();
                Actor::new(move |this, _| {
                    for left in this.inbox.take_all().map(Envelope::into_inner) {
                        hops.fetch_add(1, Ordering::Relaxed);
                        if left == 0 {
                            if arrived.fetch_add(1, Ordering::Relaxed) + 1 == TOKENS {
                                sender.send(()).unwrap();
                            }
                            continue;
                        }
                        let target = (me as u64 * 31 + left * 17) as usize % ACTORS;
                        peers.get().unwrap()[target].upgrade().unwrap().send(&handle, left - 1);
                    }
                    StepOutcome::Waiting
                })
            })
            .collect();
        peers.set(actors.iter().map(Arc::downgrade).collect()).unwrap();
        thread::scope(|scope| {
            for part in 0..4 {
                let (actors, handle) = (&actors, scheduler.handle());
                scope.spawn(move || (part..TOKENS).step_by(4).for_each(|i| actors[i % ACTORS].send(handle, HOPS)));
            }
        });
        receiver.recv_timeout(LONG).expect("every token arrives");
        assert_eq!(hops.load(Ordering::Relaxed), TOKENS as u64 * (HOPS + 1));
        scheduler.shutdown();
        assert!(actors.iter().all(|actor| actor.inbox.is_empty() && Arc::strong_count(actor) == 1));
    }
}

/// A tree of processes that spawn processes: every one runs exactly once, with idle workers falling asleep in between.
#[test]
fn stress_spawning_from_processes() {
    fn tree(handle: Handle<Actor>, depth: u32, leaves: Arc<AtomicUsize>, done: mpsc::Sender<()>) -> Arc<Actor> {
        Actor::new(move |_, _| {
            if depth == 0 {
                if leaves.fetch_add(1, Ordering::Relaxed) + 1 == 1 << 10 {
                    done.send(()).unwrap();
                }
            } else {
                for _ in 0..2 {
                    handle.spawn(tree(handle.clone(), depth - 1, leaves.clone(), done.clone()));
                }
            }
            StepOutcome::Finished
        })
    }
    let scheduler = scheduler(3);
    for round in 1..=20 {
        let (sender, receiver) = mpsc::channel();
        let leaves = Arc::new(AtomicUsize::new(0));
        scheduler.handle().spawn(tree(scheduler.handle().clone(), 10, leaves.clone(), sender));
        receiver.recv_timeout(LONG).expect("all leaves run");
        assert_eq!(leaves.load(Ordering::Relaxed), 1 << 10);
        if round % 5 == 0 {
            thread::sleep(Duration::from_millis(2));
        }
    }
    scheduler.shutdown();
    assert_eq!(scheduler.handle().counters().executed, 20 * ((1 << 11) - 1));
}

/// Single pushes into a sleeping pool, again and again: a lost wake-up would hang.
#[test]
fn stress_waking_a_sleeping_pool() {
    let scheduler = scheduler(2);
    let (sender, receiver) = mpsc::channel();
    let actor = Actor::new(move |this, _| {
        this.inbox.take_all().map(Envelope::into_inner).for_each(|message| sender.send(message).unwrap());
        StepOutcome::Waiting
    });
    for i in 0..5_000 {
        if i % 100 == 0 {
            thread::sleep(Duration::from_micros(300));
        }
        actor.send(scheduler.handle(), i);
        assert_eq!(receiver.recv_timeout(LONG), Ok(i));
    }
    // On a busy machine no worker may have come as far as to sleep.
    let begin = Instant::now();
    while scheduler.handle().counters().parked == 0 {
        assert!(begin.elapsed() < LONG, "nobody ever sleeps");
        thread::sleep(Duration::from_millis(2));
        actor.send(scheduler.handle(), 0);
        assert_eq!(receiver.recv_timeout(LONG), Ok(0));
    }
}

/// Two processes that always wake each other, with `rounds` hops each; tells when they are through.
fn ping_pong(handle: &Handle<Actor>, rounds: u64) -> (Arc<Actor>, Arc<Actor>, mpsc::Receiver<()>) {
    let (sender, receiver) = mpsc::channel();
    let peers: Arc<OnceLock<[Weak<Actor>; 2]>> = Arc::default();
    let [ping, pong] = [1, 0].map(|other: usize| {
        let (peers, handle, sender) = (peers.clone(), handle.clone(), sender.clone());
        Actor::new(move |this, _| {
            for left in this.inbox.take_all().map(Envelope::into_inner) {
                match left {
                    0 => sender.send(()).unwrap(),
                    _ => peers.get().unwrap()[other].upgrade().unwrap().send(&handle, left - 1),
                }
            }
            StepOutcome::Waiting
        })
    });
    peers.set([Arc::downgrade(&ping), Arc::downgrade(&pong)]).unwrap();
    ping.send(handle, 2 * rounds);
    (ping, pong, receiver)
}

#[test]
fn ping_pong_starves_nobody_and_wakes_nobody() {
    let scheduler = scheduler(2);
    let handle = scheduler.handle();
    let (_ping, _pong, done) = ping_pong(handle, 100_000);
    thread::sleep(Duration::from_millis(1));
    let before = handle.counters();
    done.recv_timeout(LONG).expect("the game ends");
    let after = handle.counters();
    assert!(after.parked - before.parked < 100, "{before:?} {after:?}: the second worker is woken for messages");
    assert!(after.stolen < 100, "{after:?}");

    // On one worker, a third process from outside and a local one get their turn during the game.
    let scheduler = self::scheduler(1);
    let handle = scheduler.handle();
    let (ping, _pong, done) = ping_pong(handle, 3_000_000);
    let (sender, receiver) = mpsc::channel();
    let yielding = Actor::new(move |this, _| match this.steps.load(Ordering::Relaxed) {
        100 => {
            sender.send(()).unwrap();
            StepOutcome::Finished
        }
        _ => StepOutcome::Yielded,
    });
    handle.spawn(yielding);
    receiver.recv_timeout(LONG).expect("gets its turn");
    assert!(done.try_recv().is_err(), "the game is still on after {:?} steps", ping.steps);
    scheduler.shutdown();
}

/// Busy processes on every worker do not keep one from outside waiting for long.
#[test]
fn the_injector_is_served_under_load() {
    let scheduler = scheduler(2);
    for _ in 0..8 {
        scheduler.handle().spawn(Actor::new(|_, worker| {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(1) && !worker.is_stopping() {}
            StepOutcome::Yielded
        }));
    }
    thread::sleep(Duration::from_millis(30));
    let (sender, receiver) = mpsc::channel();
    for _ in 0..10 {
        let sender = sender.clone();
        let start = Instant::now();
        scheduler.handle().spawn(Actor::new(move |_, _| {
            sender.send(()).unwrap();
            StepOutcome::Finished
        }));
        receiver.recv_timeout(LONG).expect("served");
        assert!(start.elapsed() < Duration::from_secs(1), "waits for slices, not for queues");
    }
}

#[test]
fn shutdown_drops_what_is_queued() {
    let scheduler = scheduler(2);
    let actors: Vec<_> = (0..100).map(|_| Actor::new(|_, _| StepOutcome::Yielded)).collect();
    actors.iter().for_each(|actor| scheduler.handle().spawn(actor.clone()));
    thread::sleep(Duration::from_millis(2));
    scheduler.shutdown();
    scheduler.shutdown();
    let late = Actor::new(|_, _| unreachable!("the scheduler has stopped"));
    scheduler.handle().spawn(late.clone());
    assert!(scheduler.handle().is_stopping());
    assert_eq!(scheduler.handle().queue_depth(), 0);
    assert!(actors.iter().chain([&late]).all(|actor| Arc::strong_count(actor) == 1));
}

#[test]
fn workers_that_are_not_wanted_stand_by() {
    let scheduler = scheduler(4);
    let handle = scheduler.handle();
    assert_eq!((handle.want(1), handle.wanted(), handle.workers()), (4, 1, 4));
    let (sender, indexes) = mpsc::channel();
    let report = |_: &Arc<Actor>, worker: &WorkerContext<Actor>, sender: &mpsc::Sender<usize>| {
        sender.send(worker.index()).expect("somebody listens");
        StepOutcome::Finished
    };
    for _ in 0..1000 {
        let sender = sender.clone();
        handle.spawn(Actor::new(move |actor, worker| report(actor, worker, &sender)));
    }
    let others = (0..1000).filter(|_| indexes.recv_timeout(LONG).expect("each has its turn") != 0).count();
    assert!(others <= 3, "each of the others may have been about to begin a step: {others}");

    // What is queued for a worker goes to others when it is not wanted any more: here by a step of its own.
    assert_eq!(handle.want(100), 1);
    let (handle, all) = (handle.clone(), Arc::new(std::sync::Barrier::new(4)));
    for _ in 0..4 {
        let (sender, handle, all) = (sender.clone(), handle.clone(), all.clone());
        handle.clone().spawn(Actor::new(move |actor, worker| {
            // All four are in a step at once.
            all.wait();
            handle.want(1);
            for _ in 0..10 {
                let sender = sender.clone();
                handle.spawn(Actor::new(move |actor, worker| report(actor, worker, &sender)));
            }
            report(actor, worker, &sender)
        }));
    }
    for _ in 0..44 {
        indexes.recv_timeout(LONG).expect("nothing is lost");
    }
    // Those who stand by do not keep it from stopping.
    scheduler.shutdown();
}
