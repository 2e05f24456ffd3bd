//! Time and memory of parsing and checking generated projects, beside `luac5.3 -p` where it is installed.
//!
//! `cargo bench --bench checking`. Each project is measured in a process of its own, so that its peak of memory is its
//! own; the rounds of what is compared alternate, and the fastest round of each counts, because others use the machine,
//! too.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use moonlet::modules::all_manifests;
use moonlet::syntax::parse_recovering;
use moonlet::types::{Options, Project, Sources};

const ROUNDS: usize = 15;
const PROJECTS: [(&str, u32); 5] =
    [("plain", 25_000), ("plain", 50_000), ("plain", 100_000), ("typed", 100_000), ("typed", 200_000)];
/// Set for the process that measures one project: its folder.
const FOLDER: &str = "MOONLET_BENCH_FOLDER";

/// The modules of a project are files in one folder.
struct Folder(PathBuf);

impl Sources for Folder {
    fn find(&self, module: &str, _: &Path) -> Option<PathBuf> {
        Some(self.0.join(format!("{module}.lua"))).filter(|path| path.is_file())
    }

    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        fs::read(path).ok()
    }
}

fn main() {
    if let Ok(folder) = env::var(FOLDER) {
        return measure(Path::new(&folder));
    }
    println!(
        "{:>8} {:>8} {:>9} {:>9} {:>9} {:>12} {:>11} {:>9}",
        "project", "lines", "luac -p", "parse", "check", "parse/luac", "check/parse", "peak"
    );
    for (kind, lines) in PROJECTS {
        let folder = env::temp_dir().join(format!("moonlet-checking-{kind}-{lines}-{}", std::process::id()));
        let generator = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/generate-project");
        let made = Command::new(generator).arg(&folder).arg(lines.to_string()).arg(kind).status();
        assert!(made.expect("python3 is installed").success(), "the project is generated");
        print!("{kind:>8} {lines:>8} ");
        std::io::stdout().flush().expect("standard output is open");
        let this = env::current_exe().expect("this program has a path");
        let status = Command::new(this).env(FOLDER, &folder).status().expect("this program can be run");
        fs::remove_dir_all(&folder).expect("the project is removed");
        assert!(status.success(), "the measurement succeeds");
    }
}

fn measure(folder: &Path) {
    let entries = fs::read_dir(folder).expect("the folder was made");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    files.sort();
    let mut luac: Option<Duration> = None;
    let (mut parse, mut check) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        luac = time_luac(&files).map(|time| luac.map_or(time, |best| best.min(time)));
        parse = parse.min(time(|| {
            for file in &files {
                let source = fs::read(file).expect("it was written");
                let (ast, errors) = parse_recovering(&source);
                assert!(errors.is_empty() && !ast.block.stats.is_empty(), "{}", file.display());
            }
        }));
        check = check.min(time(|| {
            let sources = Box::new(Folder(folder.to_owned()));
            let mut project =
                Project::new(&all_manifests(), sources, Options::default()).expect("they are well-formed");
            for file in &files {
                project.check(file, fs::read(file).expect("it was written"));
            }
            for file in &files {
                let checked = project.take(file).expect("it was checked");
                assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics.first());
            }
        }));
    }
    let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    let ratio = |a: Duration, b: Duration| format!("{:.2}", a.as_secs_f64() / b.as_secs_f64());
    let (luac_time, luac_ratio) = match luac {
        Some(luac) => (ms(luac), ratio(parse, luac)),
        None => ("-".to_owned(), "-".to_owned()),
    };
    let (parse_time, check_time, check_ratio) = (ms(parse), ms(check), ratio(check, parse));
    println!("{luac_time:>9} {parse_time:>9} {check_time:>9} {luac_ratio:>12} {check_ratio:>11} {:>9}", peak());
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The time of `luac5.3 -p`, its start included; `None` if it is not installed or does not take the files, which have
/// annotations.
fn time_luac(files: &[PathBuf]) -> Option<Duration> {
    let start = Instant::now();
    let mut command = Command::new("luac5.3");
    let status = command.arg("-p").args(files).stderr(Stdio::null()).status().ok()?;
    status.success().then(|| start.elapsed())
}

/// The most memory this process had, where the system tells.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: Option<u64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kilobytes.map_or_else(|| "-".to_owned(), |kilobytes| format!("{} MB", kilobytes / 1024))
}
