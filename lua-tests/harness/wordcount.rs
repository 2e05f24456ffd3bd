//! `examples/wordcount` on trees made here: its totals against a count in Rust, and what it says of what it cannot read.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use libtest_mimic::{Failed, Trial};

use crate::folder::Folder;
use crate::program::{Outcome, Program, root};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("wordcount::counts_text", counts_text),
        Trial::test("wordcount::counts_any_bytes", counts_any_bytes),
        Trial::test("wordcount::takes_files_and_relative_paths", takes_files_and_relative_paths),
        Trial::test("wordcount::names_what_it_cannot_read", names_what_it_cannot_read),
        Trial::test("wordcount::without_a_path", without_a_path),
    ]
}

/// `wordcount` started in `folder`, without paths yet.
fn wordcount(folder: &Path) -> Program {
    Program::moonlet(folder).arg("run").arg(root().join("examples/wordcount/main.lua"))
}

/// What the program has to find, counted here one byte at a time.
#[derive(Default)]
struct Count {
    files: usize,
    lines: usize,
    words: usize,
    bytes: usize,
    frequency: HashMap<Vec<u8>, usize>,
}

impl Count {
    fn add(&mut self, text: &[u8]) {
        let mut word = Vec::new();
        for &byte in text {
            self.lines += usize::from(byte == b'\n');
            if matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c) {
                self.end_word(&mut word);
            } else {
                word.push(byte);
            }
        }
        self.end_word(&mut word);
        self.files += 1;
        self.bytes += text.len();
    }

    fn end_word(&mut self, word: &mut Vec<u8>) {
        if !word.is_empty() {
            self.words += 1;
            *self.frequency.entry(std::mem::take(word)).or_default() += 1;
        }
    }

    fn totals(&self) -> String {
        format!("{} files, {} lines, {} words, {} bytes", self.files, self.lines, self.words, self.bytes)
    }

    /// The lines of the most frequent words.
    fn top(&self) -> String {
        let mut words: Vec<_> = self.frequency.iter().collect();
        words.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
        let line = |(word, count): &(&Vec<u8>, &usize)| format!("{count:8} {}\n", String::from_utf8_lossy(word));
        words.iter().take(20).map(line).collect()
    }

    fn check(&self, outcome: &Outcome) -> Result<(), Failed> {
        let totals = self.totals();
        if outcome.stdout().lines().any(|line| line == totals) {
            Ok(())
        } else {
            Err(outcome.failure(&format!("expected the totals {totals:?}")))
        }
    }
}

/// `n` words with a steep distribution, some of them several bytes per character, in lines of uneven length.
fn prose(seed: u64, n: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::new();
    for _ in 0..n {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let rank = (state >> 8) % ((state >> 40) % 200 + 1);
        text.push_str(&if rank % 7 == 3 { format!("wört{rank}") } else { format!("word{rank}") });
        text.push_str(match state % 11 {
            0 => "\n",
            1 => "\r\n",
            2 => "\t ",
            _ => " ",
        });
    }
    text
}

fn counts_text() -> Result<(), Failed> {
    let folder = Folder::new("wordcount-text")?;
    let mut count = Count::default();
    for i in 0..60 {
        let text = prose(i, 40 * i as usize);
        folder.write(format!("tree/{}/{}/{i}.txt", i % 7, i % 3), &text)?;
        count.add(text.as_bytes());
    }
    let outcome =
        wordcount(folder.path()).arg(folder.path().join("tree")).run()?.expect_status(0)?.expect_no_errors()?;
    count.check(&outcome)?;
    let took_part = outcome.stdout().lines().last().unwrap_or_default().to_owned();
    if !outcome.stdout().starts_with(&count.top()) || !took_part.contains("processes took part") {
        return Err(outcome.failure(&format!("expected the words\n{}", count.top())));
    }
    Ok(())
}

fn counts_any_bytes() -> Result<(), Failed> {
    let folder = Folder::new("wordcount-bytes")?;
    let every_byte: Vec<u8> = (0..=255u8).cycle().take(100_000).collect();
    let files: [(&[u8], &[u8]); 6] = [
        (b"tree/binary", &every_byte),
        (b"tree/empty", b""),
        (b"tree/no newline at the end", b"one two"),
        (b"tree/only spaces", b" \t\x0b\x0c\r\n \n"),
        (b"tree/not \xff\xfe UTF-8", b"three\nwords here\n"),
        (b"tree/new\nline/\xe9t\xe9", b"caf\xe9 \xff\n"),
    ];
    let mut count = Count::default();
    for (name, content) in files {
        folder.write(OsStr::from_bytes(name), content)?;
        count.add(content);
    }
    // A link to a file is that file; links to folders, be they loops, are not entered.
    symlink("no newline at the end", folder.path().join("tree/link"))?;
    count.add(b"one two");
    symlink("..", folder.path().join("tree/loop"))?;
    let outcome = wordcount(folder.path()).arg("tree").run()?.expect_status(0)?.expect_no_errors()?;
    count.check(&outcome)
}

fn takes_files_and_relative_paths() -> Result<(), Failed> {
    let folder = Folder::new("wordcount-paths")?;
    folder.write("here/a.txt", "a b c\n")?;
    let absolute = folder.write("b.txt", "d\n")?;
    folder.write("here/below/c.txt", "e f")?;
    let mut count = Count::default();
    for text in ["a b c\n", "d\n", "e f", "a b c\n"] {
        count.add(text.as_bytes());
    }
    let program = wordcount(&folder.path().join("here")).arg("./").arg(absolute).arg("../here/a.txt");
    count.check(&program.run()?.expect_status(0)?.expect_no_errors()?)
}

fn names_what_it_cannot_read() -> Result<(), Failed> {
    let folder = Folder::new("wordcount-bad")?;
    folder.write("good.txt", "still counted\n")?;
    symlink("nowhere", folder.path().join("dangling"))?;
    let _socket = UnixListener::bind(folder.path().join("socket"))?;
    let secret = folder.write("secret", "nobody may read this\n")?;
    let mut permissions = fs::metadata(&secret)?.permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0);
    fs::set_permissions(&secret, permissions)?;
    let mut count = Count::default();
    count.add(b"still counted\n");

    let program = wordcount(folder.path()).arg("missing").arg(".").arg(OsStr::from_bytes(b"\xff"));
    let mut outcome = program.run()?.expect_status(1)?;
    for name in ["missing", "./dangling", "./socket", "\u{fffd}"] {
        outcome = outcome.expect_once_in_stderr(&format!("wordcount: {name}: "))?;
    }
    // Permissions do not stop the superuser.
    match fs::read(&secret) {
        Ok(text) => count.add(&text),
        Err(_) => outcome = outcome.expect_once_in_stderr("wordcount: ./secret: ")?,
    }
    count.check(&outcome)
}

fn without_a_path() -> Result<(), Failed> {
    wordcount(&root()).run()?.expect_status(2)?.expect_stdout("")?.expect_once_in_stderr("usage: moonlet run ")?;
    Ok(())
}
