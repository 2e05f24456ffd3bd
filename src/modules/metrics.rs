//! The `metrics` module (`modules.md` §4.19): counters, gauges and histograms, for all processes of a runtime.
//!
//! They are kept in memory; `metrics.text()` shows them in the text format of Prometheus, for whatever reads that.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use parking_lot::Mutex;

use crate::runtime::errors::{ErrorData, INVALID};
use crate::runtime::module::convert::{FromArgument, Result};
use crate::runtime::module::function::function;
use crate::runtime::module::{Module, ModuleClass};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// The module, with all that was measured.
#[derive(Default)]
pub struct Metrics(Mutex<BTreeMap<String, Family>>);

impl Module for Metrics {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Io]
    }

    fn manifest(&self) -> &'static str {
        include_str!("metrics.d.lua")
    }
}

/// The library.
static LIBRARY: Library = Library {
    name: "metrics",
    global: false,
    natives: &[
        function("counter_inc", |metrics: &Metrics, (name, labels): (String, Option<Labels>)| {
            metrics.count(&name, 1.0, labels.unwrap_or_default())
        }),
        function("counter_add", |metrics: &Metrics, (name, value, labels): (String, f64, Option<Labels>)| {
            metrics.count(&name, value, labels.unwrap_or_default())
        }),
        function("gauge_set", |metrics: &Metrics, (name, value, labels): (String, f64, Option<Labels>)| {
            metrics.gauge(&name, labels.unwrap_or_default(), |_| value)
        }),
        function("gauge_inc", |metrics: &Metrics, (name, labels): (String, Option<Labels>)| {
            metrics.gauge(&name, labels.unwrap_or_default(), |value| value + 1.0)
        }),
        function("gauge_dec", |metrics: &Metrics, (name, labels): (String, Option<Labels>)| {
            metrics.gauge(&name, labels.unwrap_or_default(), |value| value - 1.0)
        }),
        function("histogram", |metrics: &Metrics, (name, value, labels): (String, f64, Option<Labels>)| {
            metrics.observe(&name, value, labels.unwrap_or_default())
        }),
        function("text", |metrics: &Metrics, ()| Ok(metrics.text())),
    ],
    constants: &[],
};

/// Series of one name; a program that makes labels up does not take all memory.
const MAX_SERIES: usize = 10_000;

/// The upper ends of the buckets of histograms: those of Prometheus.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Names with values, which tell the series of one name apart.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Labels(BTreeMap<String, String>);

impl FromIterator<(String, String)> for Labels {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(labels: I) -> Labels {
        Labels(labels.into_iter().collect())
    }
}

/// What is no string is ignored.
impl FromArgument for Labels {
    const EXPECTED: &'static str = "table";

    fn from_argument(vm: &mut Vm, value: Option<Value>) -> Option<Labels> {
        let table = value.filter(|value| value.is_table())?.as_table();
        let mut labels = BTreeMap::new();
        let mut at = 0;
        while let Some((after, key, value)) = vm.node_after(table, at) {
            at = after;
            if key.is_string() && value.is_string() {
                let text = |value| String::from_utf8_lossy(string_bytes(value)).into_owned();
                labels.insert(text(key), text(value));
            }
        }
        Some(Labels(labels))
    }
}

/// All series of a name.
enum Family {
    Counter(BTreeMap<Labels, f64>),
    Gauge(BTreeMap<Labels, f64>),
    Histogram(BTreeMap<Labels, Histogram>),
}

#[derive(Default)]
struct Histogram {
    /// Values below the end of each bucket, and not of the one before.
    counts: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

impl Family {
    fn sort(&self) -> &'static str {
        match self {
            Family::Counter(_) => "counter",
            Family::Gauge(_) => "gauge",
            Family::Histogram(_) => "histogram",
        }
    }
}

fn invalid(message: &str) -> ErrorData {
    ErrorData::judged(INVALID, message, false)
}

/// The series with these labels.
fn series<T: Default>(all: &mut BTreeMap<Labels, T>, labels: Labels) -> Result<&mut T> {
    if all.len() >= MAX_SERIES && !all.contains_key(&labels) {
        return Err(invalid("too many different labels"));
    }
    Ok(all.entry(labels).or_default())
}

impl Metrics {
    /// Does something with what a name stands for; `new` makes that.
    fn with(&self, name: &str, new: Family, change: impl FnOnce(&mut Family) -> Option<Result<()>>) -> Result<bool> {
        if name.is_empty() {
            return Err(invalid("empty name"));
        }
        let sort = new.sort();
        let mut all = self.0.lock();
        let family = all.entry(name.to_owned()).or_insert(new);
        match change(family) {
            Some(result) => result.map(|()| true),
            None => Err(invalid(&format!("{name} is a {}, not a {sort}", family.sort()))),
        }
    }

    /// Adds to a counter.
    ///
    /// # Errors
    /// `Invalid` for what is negative, and a name of something else.
    pub fn count(&self, name: &str, value: f64, labels: Labels) -> Result<bool> {
        if value.is_nan() || value < 0.0 {
            return Err(invalid("a counter cannot go down"));
        }
        self.with(name, Family::Counter(BTreeMap::new()), |family| match family {
            Family::Counter(all) => Some(series(all, labels).map(|counter| *counter += value)),
            _ => None,
        })
    }

    fn gauge(&self, name: &str, labels: Labels, change: impl FnOnce(f64) -> f64) -> Result<bool> {
        self.with(name, Family::Gauge(BTreeMap::new()), |family| match family {
            Family::Gauge(all) => Some(series(all, labels).map(|gauge| *gauge = change(*gauge))),
            _ => None,
        })
    }

    /// Adds a value to a histogram.
    ///
    /// # Errors
    /// `Invalid` for a name of something else.
    pub fn observe(&self, name: &str, value: f64, labels: Labels) -> Result<bool> {
        self.with(name, Family::Histogram(BTreeMap::new()), |family| match family {
            Family::Histogram(all) => Some(series(all, labels).map(|histogram| {
                if let Some(bucket) = BUCKETS.iter().position(|end| value <= *end) {
                    histogram.counts[bucket] += 1;
                }
                histogram.count += 1;
                histogram.sum += value;
            })),
            _ => None,
        })
    }

    /// All in the text format of Prometheus.
    fn text(&self) -> String {
        let mut text = String::new();
        for (name, family) in &*self.0.lock() {
            let name = legal(name);
            let _ = writeln!(text, "# TYPE {name} {}", family.sort());
            let mut line = |name: &str, labels: &Labels, bucket: Option<&str>, value: f64| {
                let shown = labels.0.iter().map(|(name, value)| (legal(name), escaped(value)));
                let shown = shown.chain(bucket.map(|bucket| ("le".to_owned(), bucket.to_owned())));
                let shown: Vec<String> = shown.map(|(name, value)| format!("{name}=\"{value}\"")).collect();
                let shown = if shown.is_empty() { String::new() } else { format!("{{{}}}", shown.join(",")) };
                // Writing to a string does not fail.
                let _ = writeln!(text, "{name}{shown} {value}");
            };
            match family {
                Family::Counter(all) | Family::Gauge(all) => {
                    all.iter().for_each(|(labels, value)| line(&name, labels, None, *value));
                }
                Family::Histogram(all) => {
                    for (labels, histogram) in all {
                        let mut below = 0;
                        for (end, count) in BUCKETS.iter().zip(histogram.counts) {
                            below += count;
                            line(&format!("{name}_bucket"), labels, Some(&end.to_string()), below as f64);
                        }
                        line(&format!("{name}_bucket"), labels, Some("+Inf"), histogram.count as f64);
                        line(&format!("{name}_sum"), labels, None, histogram.sum);
                        line(&format!("{name}_count"), labels, None, histogram.count as f64);
                    }
                }
            }
        }
        text
    }
}

/// A name with nothing in it that the format does not allow.
fn legal(name: &str) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let name: String = name.chars().map(|c| if legal(c) { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
