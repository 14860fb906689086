//! DEFLATE (RFC 1951), the finding of repetitions: with the same choices as the compressor that Terraform uses, so that
//! the compressed bytes, and with them what depends on them, are the same.
//!
//! Repetitions of four bytes and more are found by hash chains; a repetition is taken only when the next byte does not
//! begin a longer one. Blocks have a fixed number of tokens.

use super::huffman::{BitWriter, Token};

const WINDOW: usize = 1 << 15;
const MIN_MATCH: usize = 4;
const MAX_MATCH: usize = 258;
const BLOCK_TOKENS: usize = 1 << 14;
const HASH_BITS: u32 = 17;

/// A repetition this long makes the search for a better one shorter.
const GOOD: usize = 8;
/// A repetition this long is taken without looking for a better one at the next byte.
const LAZY: usize = 16;
/// A repetition this long ends the search.
const NICE: usize = 128;
/// How many places are looked at.
const CHAIN: usize = 128;

/// The bytes compressed, as one stream.
pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor {
        bytes,
        heads: vec![0; 1 << HASH_BITS],
        previous: vec![0; WINDOW],
        base: 0,
        tokens: Vec::with_capacity(BLOCK_TOKENS),
        block_start: Some(0),
        writer: BitWriter::default(),
    };
    compressor.run();
    // The data is flushed, which is an empty block, and ends in another.
    compressor.writer.stored(&[], false);
    compressor.writer.stored(&[], true);
    compressor.writer.finish()
}

struct Compressor<'b> {
    bytes: &'b [u8],
    /// For every hash, the last place with it plus one; zero when there is none.
    heads: Vec<usize>,
    /// For every place in the window, the place before with its hash, plus one.
    previous: Vec<usize>,
    /// Where the window begins: nothing before is referred to.
    base: usize,
    tokens: Vec<Token>,
    /// Where the block begins; `None` when that has left the window.
    block_start: Option<usize>,
    writer: BitWriter,
}

#[derive(Clone, Copy)]
struct Match {
    length: usize,
    distance: usize,
}

const NO_MATCH: Match = Match { length: MIN_MATCH - 1, distance: 0 };

impl Compressor<'_> {
    fn run(&mut self) {
        let mut at = 0;
        let mut found = NO_MATCH;
        let mut head = 0;
        let mut byte_waits = false;
        let mut end = self.bytes.len().min(2 * WINDOW);
        loop {
            let ahead = end - at;
            if ahead < MIN_MATCH + MAX_MATCH && end < self.bytes.len() {
                self.base += WINDOW;
                self.block_start = self.block_start.filter(|start| *start >= self.base);
                end = self.bytes.len().min(self.base + 2 * WINDOW);
                continue;
            }
            if ahead == 0 {
                break;
            }
            if at + MIN_MATCH <= end {
                head = self.insert(at);
            }
            let before = std::mem::replace(&mut found, NO_MATCH);
            let oldest = at.saturating_sub(WINDOW).max(self.base);
            if head > oldest && ahead > before.length && before.length < LAZY {
                found = self.longest(at, head - 1, ahead);
            }
            if before.length >= MIN_MATCH && found.length <= before.length {
                // The repetition that began at the byte before is no worse.
                self.tokens.push(Token::Match { length: before.length, distance: before.distance });
                let after = at + before.length - 1;
                for inside in at + 1..after {
                    if inside + MIN_MATCH <= end {
                        self.insert(inside);
                    }
                }
                at = after;
                byte_waits = false;
                found = NO_MATCH;
                self.full_block(at);
            } else {
                if byte_waits {
                    self.tokens.push(Token::Literal(self.bytes[at - 1]));
                    self.full_block(at);
                }
                at += 1;
                byte_waits = true;
            }
        }
        if byte_waits {
            self.tokens.push(Token::Literal(self.bytes[at - 1]));
        }
        if !self.tokens.is_empty() {
            self.block(at);
        }
    }

    /// Notes the place under its hash; what was noted last before.
    fn insert(&mut self, at: usize) -> usize {
        let word = self.bytes[at..at + 4].iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        let hash = (word.wrapping_mul(0x1e35_a7bd) >> (32 - HASH_BITS)) as usize;
        let head = std::mem::replace(&mut self.heads[hash], at + 1);
        self.previous[at % WINDOW] = head;
        head
    }

    /// The longest repetition of what is at a place, along the chain that begins at `head`.
    fn longest(&self, at: usize, head: usize, ahead: usize) -> Match {
        let most = ahead.min(MAX_MATCH);
        let nice = most.min(NICE);
        let mut best = NO_MATCH;
        let tries = if best.length >= GOOD { CHAIN / 4 } else { CHAIN };
        let here = &self.bytes[at..at + most];
        let mut place = head;
        for _ in 0..tries {
            if here.get(best.length) == self.bytes.get(place + best.length) {
                let length = here.iter().zip(&self.bytes[place..]).take_while(|(a, b)| a == b).count();
                if length > best.length && (length > MIN_MATCH || at - place <= 4096) {
                    best = Match { length, distance: at - place };
                    if length >= nice {
                        break;
                    }
                }
            }
            if place + WINDOW == at {
                break; // its entry is overwritten already
            }
            let Some(earlier) = self.previous[place % WINDOW].checked_sub(1) else { break };
            if earlier + WINDOW < at || earlier < self.base {
                break;
            }
            place = earlier;
        }
        best
    }

    fn full_block(&mut self, end: usize) {
        if self.tokens.len() == BLOCK_TOKENS {
            self.block(end);
        }
    }

    fn block(&mut self, end: usize) {
        let plain = self.block_start.and_then(|start| self.bytes.get(start..end));
        self.writer.block(&self.tokens, plain);
        self.tokens.clear();
        self.block_start = Some(end);
    }
}
