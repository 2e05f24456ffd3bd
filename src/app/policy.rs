//! The life of a supervised entry as its definition wants it (`runtime.md` §8.6): defaults, and delays before restarts.

use std::time::Duration;

use super::definition::Definition;
use crate::runtime::data::Data;
use crate::runtime::time;

/// What a definition says under `lifecycle`.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    /// Whether it starts with the application.
    pub auto_start: bool,
    /// How long a start may take.
    pub start_timeout: Duration,
    /// How long it may take to end when it is asked to.
    pub stop_timeout: Duration,
    /// After how long its failures count no more.
    pub stable_threshold: Duration,
    /// Whether the application cannot do without it.
    pub required: bool,
    initial_delay: Duration,
    max_delay: Duration,
    backoff_factor: f64,
    jitter: f64,
    /// Starts within one unstable time; 0: any number.
    max_attempts: u32,
}

impl Lifecycle {
    /// That of a definition.
    pub fn of(definition: &Definition) -> Lifecycle {
        let lifecycle = definition.data.get("lifecycle");
        let field = |name| lifecycle.and_then(|lifecycle| lifecycle.get(name));
        let restart = |name| field("restart").and_then(|restart| restart.get(name));
        let time = |data: Option<&Data>, default: u64| {
            data.and_then(time::Duration::of_data).unwrap_or(Duration::from_secs(default))
        };
        let number = |data: Option<&Data>, default| match data {
            Some(Data::Integer(i)) => *i as f64,
            Some(Data::Float(f)) => *f,
            _ => default,
        };
        Lifecycle {
            auto_start: field("auto_start") == Some(&Data::Boolean(true)),
            start_timeout: time(field("start_timeout"), 10),
            stop_timeout: time(field("stop_timeout"), 10),
            stable_threshold: time(field("stable_threshold"), 5),
            required: field("startup").and_then(Data::as_str) != Some("optional"),
            initial_delay: time(restart("initial_delay"), 1),
            max_delay: time(restart("max_delay"), 90),
            backoff_factor: number(restart("backoff_factor"), 2.0),
            jitter: number(restart("jitter"), 0.1).min(1.0),
            max_attempts: number(restart("max_attempts"), 0.0) as u32,
        }
    }

    /// The delay before the next start when there were so many in the present unstable time. `random` is uniform in 0..=1.
    /// `None` if there is to be none.
    pub fn delay(&self, starts: u32, random: f64) -> Option<Duration> {
        if self.max_attempts > 0 && starts >= self.max_attempts {
            return None;
        }
        let growth = self.backoff_factor.powi(starts.saturating_sub(1).min(1000) as i32);
        let delay = (self.initial_delay.as_secs_f64() * growth).min(self.max_delay.as_secs_f64());
        let delay = delay * (1.0 + self.jitter * (2.0 * random - 1.0));
        Some(Duration::try_from_secs_f64(delay.max(0.0)).unwrap_or(self.max_delay))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use hashbrown::HashMap;

    use super::super::problem::Place;
    use super::*;

    fn lifecycle(fields: Data) -> Lifecycle {
        Lifecycle::of(&Definition {
            id: "app:it".into(),
            kind: "process.service".into(),
            meta: Data::Map(Vec::new()),
            data: Data::from([("lifecycle", fields)]),
            place: Place::none(),
            lines: HashMap::new(),
            source_file: None,
        })
    }

    #[test]
    fn delays_grow_to_their_limit() {
        let restart =
            Data::from([("initial_delay", Data::from("100ms")), ("max_delay", "1s".into()), ("jitter", 0.into())]);
        let policy = lifecycle(Data::from([("restart", restart)]));
        let delays: Vec<u128> =
            (1..=6).map(|k| policy.delay(k, 0.3).expect("any number of attempts").as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(policy.delay(u32::MAX, 0.5), Some(Duration::from_secs(1)));
    }

    #[test]
    fn jitter_goes_both_ways() {
        let policy = lifecycle(Data::Nil);
        let at = |random| policy.delay(1, random).expect("any number of attempts").as_millis();
        assert_eq!((at(0.0), at(0.5), at(1.0)), (900, 1000, 1100));
    }

    #[test]
    fn attempts_end() {
        let policy = lifecycle(Data::from([("restart", Data::from([("max_attempts", 2)]))]));
        assert!(policy.delay(1, 0.5).is_some() && policy.delay(2, 0.5).is_none());
        assert!(policy.required && !policy.auto_start);
        assert!(!lifecycle(Data::from([("startup", "optional")])).required);
    }
}
