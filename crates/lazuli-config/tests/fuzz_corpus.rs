//! The fuzz targets on stable Rust: every seed, and seeds changed a little, the same ones in every run.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test, and a fuzz target in it"
)]

use std::path::{Path, PathBuf};

#[path = "../fuzz/src/lib.rs"]
mod targets;

/// Texts that change the meaning of what is around them.
const WORDS: [&str; 56] = [
    "{", "}", "[", "]", "(", ")", "\"", "${", "%{", "~}", "${~", "<<E\n", "<<-E\n", "\nE\n", "\n", "=", "=>",
    "==", "?", ":", "...", ".", ".*", "[*]", ",", "#", "//", "/*", "*/", "\\", "\\u", "$${", "%%{", "if",
    "for", "in", "endif", "else", "endfor", "null", "true", "1", "1e9", "0.", "-", "!", "&&", "\r\n", "\t",
    "\u{feff}", "é", "\u{301}", "\0", "local.", "var.", "each.key",
];

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n.max(1) as u64).unwrap()
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(testdata.join("fuzz").join(target))
        .unwrap()
        .chain(std::fs::read_dir(testdata.join("fmt")).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|end| end == "in"))
        .collect();
    paths.sort();
    assert!(paths.len() > 50);
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// A seed with up to four changes.
fn changed(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut text = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(text.len() + 1);
        let end = (at + dice.below(12)).min(text.len());
        match dice.below(5) {
            0 => {
                text.drain(at..end);
            }
            1 => {
                let again = text[at..end].to_vec();
                text.splice(at..at, again);
            }
            2 => {
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len() + 1);
                let to = (from + dice.below(60)).min(other.len());
                text.splice(at..end, other[from..to].iter().copied());
            }
            _ => {
                text.splice(at..end, WORDS[dice.below(WORDS.len())].bytes());
            }
        }
    }
    // Cut characters would make most of these no text at all.
    String::from_utf8_lossy(&text).replace('\u{fffd}', "").into_bytes()
}

fn run(name: &str, times: usize, target: fn(&[u8])) {
    let seeds = seeds(name);
    for seed in &seeds {
        target(seed);
    }
    let mut dice = Dice(0x5eed_0123_4567_89ab);
    for _ in 0..times {
        let text = changed(&seeds, &mut dice);
        let shown = String::from_utf8_lossy(&text).into_owned();
        if let Err(panic) = std::panic::catch_unwind(|| target(&text)) {
            println!("the input was {shown:?}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn parsing_survives_everything() {
    run("parse", 3000, targets::parse);
}

#[test]
fn evaluation_survives_everything() {
    run("evaluate", 2000, targets::evaluate);
}

#[test]
fn formatting_survives_everything_and_is_done_after_once() {
    run("fmt", 3000, targets::fmt);
}
