//! Tests of the timer wheel (against a sorted model) and of the timer thread.

use super::*;
use crate::runtime::driver::SystemDriver;
use proptest::prelude::*;
use std::{sync::mpsc, time::Duration};

const TICK: u64 = 1 << TICK_SHIFT;

fn fired(wheel: &mut Wheel<u32>, now: u64) -> Vec<u32> {
    let mut out = Vec::new();
    wheel.advance(Moment(now), &mut out);
    out
}

#[test]
fn fires_at_the_deadline_and_not_before() {
    let mut wheel = Wheel::new(Moment(0));
    wheel.insert(Moment(TICK), 1);
    wheel.insert(Moment(TICK + 1), 2);
    assert_eq!(wheel.next_deadline(), Some(Moment(TICK)));
    assert!(fired(&mut wheel, TICK - 1).is_empty());
    assert_eq!(fired(&mut wheel, TICK), [1]);
    assert_eq!(wheel.next_deadline(), Some(Moment(2 * TICK)));
    assert_eq!(fired(&mut wheel, 2 * TICK), [2]);
    assert!(wheel.is_empty() && wheel.next_deadline().is_none());
}

#[test]
fn past_deadlines_fire_at_the_next_look() {
    let mut wheel = Wheel::new(Moment(100 * TICK));
    let key = wheel.insert(Moment(0), 1);
    wheel.insert(Moment(7), 2);
    assert_eq!(wheel.next_deadline(), Some(Moment(100 * TICK)));
    assert_eq!(wheel.cancel(key), Some(1));
    assert_eq!(fired(&mut wheel, 0), [2], "also when time stands still");
}

#[test]
fn one_tick_comes_out_by_deadline_then_by_insertion() {
    let mut wheel = Wheel::new(Moment(0));
    // Far away at first, so that the order has to survive the way down.
    let base = 5000 * TICK;
    for (entry, offset) in [(1, 30), (2, 10), (3, 30), (4, 10)] {
        wheel.insert(Moment(base + offset), entry);
    }
    assert!(fired(&mut wheel, base).is_empty());
    wheel.insert(Moment(base + 20), 5);
    assert_eq!(fired(&mut wheel, base + TICK), [2, 4, 5, 1, 3]);
}

#[test]
fn a_burst_gives_its_memory_back() {
    const BURST: u64 = 100_000;
    let mut wheel = Wheel::new(Moment(0));
    let early: Vec<TimerKey> = (0..BURST).map(|i| wheel.insert(Moment(TICK + i), i as u32)).collect();
    let late = wheel.insert(Moment(900 * TICK), 7);
    assert_eq!(fired(&mut wheel, 10 * TICK).len() as u64, BURST);
    assert_eq!(wheel.cancel(late), Some(7));
    assert!(wheel.nodes.capacity() <= 2 * KEPT, "{}", wheel.nodes.capacity());
    assert!(wheel.firing.capacity() <= 2 * KEPT);
    // The nodes that come after are no successors of those.
    let again: Vec<TimerKey> = (0..BURST).map(|i| wheel.insert(Moment(2000 * TICK), i as u32)).collect();
    assert!(early.iter().all(|key| wheel.cancel(*key).is_none()) && wheel.cancel(late).is_none());
    // The last node stays in use: the others wait for it.
    assert!(again[..again.len() - 1].iter().all(|key| wheel.cancel(*key).is_some()));
    assert_eq!(wheel.len(), 1);
    assert_eq!(fired(&mut wheel, 2000 * TICK), [BURST as u32 - 1]);
    assert!(wheel.is_empty() && wheel.nodes.capacity() <= 2 * KEPT, "{}", wheel.nodes.capacity());
    wheel.insert(Moment(3000 * TICK), 1);
    assert_eq!(fired(&mut wheel, 3000 * TICK), [1]);
}

#[test]
fn stale_keys_do_nothing() {
    let mut wheel = Wheel::new(Moment(0));
    let first = wheel.insert(Moment(TICK), 1);
    assert_eq!(fired(&mut wheel, TICK), [1]);
    assert_eq!(wheel.cancel(first), None);
    let second = wheel.insert(Moment(3 * TICK), 2);
    assert_ne!(first, second);
    assert_eq!(wheel.cancel(first), None, "the node has a new tenant");
    assert_eq!(wheel.cancel(second), Some(2));
    assert_eq!(wheel.cancel(second), None);
}

#[test]
fn the_end_of_time_is_in_range() {
    let mut wheel = Wheel::new(Moment(3));
    let key = wheel.insert(Moment(u64::MAX), 1);
    wheel.insert(Moment(u64::MAX), 2);
    assert!(fired(&mut wheel, u64::MAX - 1).is_empty());
    assert_eq!(wheel.next_deadline(), Some(Moment(u64::MAX)));
    assert_eq!(wheel.cancel(key), Some(1));
    assert_eq!(fired(&mut wheel, u64::MAX), [2]);
}

#[derive(Clone, Debug)]
enum Step {
    Insert { delay: u64 },
    Cancel { which: usize },
    Advance { by: u64 },
    AdvanceToNext,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Spread over all levels: a random magnitude, then a random number of that magnitude.
    let span = || (0_u32..52).prop_flat_map(|bits| 0..(1_u64 << bits) + 1);
    let step = prop_oneof![
        5 => span().prop_map(|delay| Step::Insert { delay }),
        2 => any::<usize>().prop_map(|which| Step::Cancel { which }),
        2 => span().prop_map(|by| Step::Advance { by }),
        3 => Just(Step::AdvanceToNext),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The model is a list of (deadline, number); a timer fires in the advance in which the present, rounded down to a
    /// tick, reaches its deadline, rounded up.
    #[test]
    fn agrees_with_a_sorted_list(start in 0_u64..1 << 60, steps in steps()) {
        let mut now = start;
        let mut wheel = Wheel::new(Moment(now));
        let mut model: Vec<(u64, u32)> = Vec::new();
        let mut keys: Vec<TimerKey> = Vec::new();
        for step in steps {
            match step {
                Step::Insert { delay } => {
                    let number = keys.len() as u32;
                    keys.push(wheel.insert(Moment(now + delay), number));
                    model.push((now + delay, number));
                    continue;
                }
                Step::Cancel { which } => {
                    if !keys.is_empty() {
                        let number = which % keys.len();
                        let at = model.iter().position(|(_, n)| *n == number as u32);
                        let expected = at.map(|at| model.remove(at).1);
                        prop_assert_eq!(wheel.cancel(keys[number]), expected);
                    }
                    continue;
                }
                Step::Advance { by } => now += by,
                Step::AdvanceToNext => {
                    let Some(next) = wheel.next_deadline() else {
                        prop_assert!(model.is_empty());
                        continue;
                    };
                    let earliest = model.iter().map(|(deadline, _)| *deadline).min().expect("something is pending");
                    prop_assert!(next.0 <= earliest.next_multiple_of(TICK).max(now), "would sleep past a deadline");
                    now = now.max(next.0);
                }
            }
            let reached = now / TICK * TICK;
            let mut due: Vec<_> = model.extract_if(.., |(deadline, _)| *deadline <= reached).collect();
            // What was already past when it was inserted within the current tick comes out too; the model's rounding
            // agrees, only the order between such and others is by list.
            due.sort_by_key(|(deadline, number)| (*deadline, *number));
            let mut got = fired(&mut wheel, now);
            let mut expected: Vec<u32> = due.iter().map(|(_, number)| *number).collect();
            got.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(got, expected);
            prop_assert_eq!(wheel.len(), model.len());
        }
    }

    /// Timers set at one moment come out sorted, however far apart.
    #[test]
    fn comes_out_in_order(deadlines in prop::collection::vec(0_u64..1 << 45, 1..200)) {
        let mut wheel = Wheel::new(Moment(0));
        for (number, deadline) in deadlines.iter().enumerate() {
            wheel.insert(Moment(deadline + 1), number as u32);
        }
        let got = fired(&mut wheel, 1 << 46);
        let mut expected: Vec<u32> = (0..deadlines.len() as u32).collect();
        expected.sort_by_key(|number| deadlines[*number as usize]);
        prop_assert_eq!(got, expected);
    }
}

#[test]
fn the_service_is_never_early_and_seldom_late() {
    let driver: Arc<dyn Driver> = Arc::new(SystemDriver::new());
    let (sender, receiver) = mpsc::channel();
    let service = TimerService::new(driver.clone(), {
        let driver = driver.clone();
        move |deadline: Moment| sender.send((deadline, driver.now())).expect("the test listens")
    });
    // The later first: each insert has to pull the thread's sleep forward.
    for millis in [30, 20, 10, 5, 1, 0] {
        let deadline = driver.now().after(Duration::from_millis(millis));
        service.insert(deadline, deadline);
    }
    for _ in 0..6 {
        let (deadline, at) = receiver.recv_timeout(Duration::from_secs(10)).expect("every timer fires");
        assert!(at >= deadline, "early");
    }
    assert!(service.is_empty());
}

#[test]
fn the_service_forgets_cancelled_timers_and_stops() {
    let driver: Arc<dyn Driver> = Arc::new(SystemDriver::new());
    let (sender, receiver) = mpsc::channel();
    let service = TimerService::new(driver.clone(), move |entry: u32| sender.send(entry).expect("the test listens"));
    let soon = driver.now().after(Duration::from_millis(20));
    let cancelled = service.insert(soon, 1);
    service.insert(soon, 2);
    service.insert(driver.now().after(Duration::from_secs(3600)), 3);
    assert_eq!(service.cancel(cancelled), Some(1));
    assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok(2));
    assert_eq!(service.len(), 1);
    drop(service);
    assert!(receiver.recv().is_err(), "the callback is gone with the thread");
}

#[test]
fn stress_many_threads_insert_and_cancel() {
    let driver: Arc<dyn Driver> = Arc::new(SystemDriver::new());
    let (sender, receiver) = mpsc::channel();
    let service = TimerService::new(driver.clone(), move |entry: u32| sender.send(entry).expect("the test listens"));
    let kept: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..4_u64)
            .map(|seed| {
                let (service, driver) = (&service, &driver);
                scope.spawn(move || {
                    let mut kept = 0;
                    for i in 0..2000_u64 {
                        let delay = Duration::from_micros((i * 7919 + seed * 131) % 20_000);
                        let key = service.insert(driver.now().after(delay), i as u32);
                        if i % 3 != 0 || service.cancel(key).is_none() {
                            kept += 1;
                        }
                    }
                    kept
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().expect("no thread panics")).sum()
    });
    for _ in 0..kept {
        receiver.recv_timeout(Duration::from_secs(10)).expect("every kept timer fires once");
    }
    assert!(service.is_empty() && receiver.try_recv().is_err());
}
