//! The module `json` beside `serde_json`, which makes values of its own of the same text, and beside a writer and reader in
//! Lua, which is taken from `../shared/bench` (or `$MOONLET_BENCH`) and left out if it is not there.
//!
//! `cargo bench --bench json`. The document is that of the Lua writer and reader: 250 records, 36 KB.

#![allow(missing_docs)] // the macros of criterion make public functions

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use moonlet::Runtime;
use serde_json::{Value, json};

/// Numbers that look random, below `n`.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0 * 16_807 % 2_147_483_647;
        self.0 % n
    }
}

fn document() -> Value {
    let mut numbers = Numbers(11);
    let mut item = |i: u64| {
        let tags: Vec<String> = (0..numbers.below(4)).map(|_| format!("tag{}", numbers.below(50))).collect();
        json!({
            "id": i, "name": format!("item number {i}"), "price": numbers.below(100_000) as f64 / 100.0,
            "stock": numbers.below(1000), "active": numbers.below(2) == 1, "tags": tags,
            "size": { "w": numbers.below(100), "h": numbers.below(100), "note": "quote \" here" },
        })
    };
    let items: Vec<Value> = (1..=250).map(&mut item).collect();
    json!({ "items": items, "version": 3, "title": "A \"sample\" \\ document\nwith\tescapes \u{1}" })
}

/// The functions of the Lua writer and reader, without the program that follows them.
fn in_lua() -> Option<String> {
    let folder = std::env::var_os("MOONLET_BENCH").map_or_else(|| PathBuf::from("../shared/bench"), PathBuf::from);
    let source = std::fs::read_to_string(folder.join("lua/json_codec.lua")).ok()?;
    Some(source.split("-- document").next()?.to_owned())
}

/// How long a process takes for so many rounds.
fn run(runtime: &Runtime, text: &str, rounds: u64) -> Duration {
    let process = runtime.spawn("bench:main", (text, rounds as i64)).expect("it compiles");
    let begin = Instant::now();
    process.wait().expect("it ends");
    begin.elapsed()
}

fn json(criterion: &mut Criterion) {
    let document = document();
    let text = document.to_string();
    let mut codecs =
        vec![("module", "local json = require('json') local encode, decode = json.encode, json.decode".to_owned())];
    codecs.extend(in_lua().map(|source| ("lua", source)));
    for (what, body) in [("decode", "decode(text)"), ("encode", "encode(value)")] {
        let mut group = criterion.benchmark_group(what);
        group.throughput(Throughput::Bytes(text.len() as u64));
        for (name, codec) in &codecs {
            let source = format!(
                "{codec}
                return function(text, rounds)
                    local value = decode(text)
                    for _ = 1, rounds do {body} end
                end"
            );
            let runtime = Runtime::builder().workers(1).entry("bench:main", source).build();
            let runtime = runtime.expect("a thread can be started");
            group.bench_function(*name, |bencher| bencher.iter_custom(|rounds| run(&runtime, &text, rounds)));
        }
        match what {
            "decode" => group.bench_function("serde_json", |bencher| {
                bencher.iter(|| serde_json::from_str::<Value>(black_box(&text)).expect("it is JSON"));
            }),
            _ => group.bench_function("serde_json", |bencher| bencher.iter(|| black_box(&document).to_string())),
        };
        group.finish();
    }
}

criterion_group!(benches, json);
criterion_main!(benches);
