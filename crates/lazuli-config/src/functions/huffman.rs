//! DEFLATE (RFC 1951), the writing: tokens as Huffman codes, each block in the form that is smallest.

/// A byte, or a repetition of bytes that were there before.
#[derive(Debug, Clone, Copy)]
pub(super) enum Token {
    Literal(u8),
    Match { length: usize, distance: usize },
}

const END: usize = 256;
const LITERALS: usize = 286;
const DISTANCES: usize = 30;
const MAX_STORED: usize = 65535;
/// The order in which the lengths of the codes of code lengths are written.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Bits, the lowest first.
#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    bits: u64,
    count: u32,
}

/// A code: its bits in the order they are written, and how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Code {
    bits: u16,
    length: u8,
}

impl BitWriter {
    fn write(&mut self, bits: usize, count: u32) {
        self.bits |= (bits as u64) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push((self.bits & 0xff) as u8);
            self.bits >>= 8;
            self.count -= 8;
        }
    }

    fn code(&mut self, code: Code) {
        self.write(usize::from(code.bits), u32::from(code.length));
    }

    fn align(&mut self) {
        self.write(0, (8 - self.count) % 8);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.align();
        self.bytes
    }

    /// A block of bytes as they are.
    pub(super) fn stored(&mut self, bytes: &[u8], last: bool) {
        self.write(usize::from(last), 3);
        self.align();
        self.write(bytes.len(), 16);
        self.write(!bytes.len() & 0xffff, 16);
        self.bytes.extend(bytes);
    }

    /// A block; `plain` is what the tokens stand for, if that is at hand.
    pub(super) fn block(&mut self, tokens: &[Token], plain: Option<&[u8]>) {
        let mut literals = [0u32; LITERALS];
        let mut distances = [0u32; DISTANCES];
        let mut extra = 0;
        literals[END] = 1;
        for token in tokens {
            match token {
                Token::Literal(byte) => literals[usize::from(*byte)] += 1,
                Token::Match { length, distance } => {
                    let (length, distance) = (length_symbol(*length), distance_symbol(*distance));
                    literals[length.symbol] += 1;
                    distances[distance.symbol] += 1;
                    extra += u64::from(length.extra + distance.extra);
                }
            }
        }
        let literal_count = count_of(&literals);
        let distance_count = match count_of(&distances) {
            0 => {
                distances[0] = 1; // a table of distances has at least one
                1
            }
            count => count,
        };
        let dynamic = (codes(&literals, 15), codes(&distances, 15));
        let lengths: Vec<u8> = dynamic.0[..literal_count]
            .iter()
            .chain(&dynamic.1[..distance_count])
            .map(|code| code.length)
            .collect();
        let runs = runs(&lengths);
        let mut run_frequencies = [0u32; 19];
        for run in &runs {
            run_frequencies[run.symbol] += 1;
        }
        let run_codes = codes(&run_frequencies, 7);
        let used =
            ORDER.iter().rposition(|symbol| run_frequencies[*symbol] > 0).map_or(4, |i| (i + 1).max(4));
        let header = 17 + 3 * used as u64 + runs.iter().map(|run| u64::from(run.extra)).sum::<u64>();
        let dynamic_size = header
            + size(&run_frequencies, &run_codes)
            + size(&literals, &dynamic.0)
            + size(&distances, &dynamic.1)
            + extra;
        let fixed = (fixed_literals(), fixed_distances());
        let fixed_size = 3 + size(&literals, &fixed.0) + size(&distances, &fixed.1) + extra;
        let smaller = fixed_size.min(dynamic_size);
        if let Some(plain) = plain.filter(|p| p.len() <= MAX_STORED && (p.len() as u64 + 5) * 8 < smaller) {
            return self.stored(plain, false);
        }
        let (literal_codes, distance_codes) = if dynamic_size < fixed_size {
            self.write(4, 3);
            self.write(literal_count - 257, 5);
            self.write(distance_count - 1, 5);
            self.write(used - 4, 4);
            for symbol in &ORDER[..used] {
                self.write(usize::from(run_codes[*symbol].length), 3);
            }
            for run in &runs {
                self.code(run_codes[run.symbol]);
                self.write(run.value, run.extra);
            }
            dynamic
        } else {
            self.write(2, 3);
            fixed
        };
        for token in tokens {
            match token {
                Token::Literal(byte) => self.code(literal_codes[usize::from(*byte)]),
                Token::Match { length, distance } => {
                    for (symbol, codes) in [
                        (length_symbol(*length), &literal_codes),
                        (distance_symbol(*distance), &distance_codes),
                    ] {
                        self.code(codes[symbol.symbol]);
                        self.write(symbol.value, symbol.extra);
                    }
                }
            }
        }
        self.code(literal_codes[END]);
    }
}

/// A symbol of an alphabet with the bits that follow it.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    symbol: usize,
    value: usize,
    extra: u32,
}

/// RFC 1951, section 3.2.5.
fn length_symbol(length: usize) -> Symbol {
    match length {
        258 => Symbol { symbol: 285, value: 0, extra: 0 },
        _ if length < 11 => Symbol { symbol: 254 + length, value: 0, extra: 0 },
        _ => {
            let rest = length - 3;
            let extra = rest.ilog2() - 2;
            let symbol = 257 + 4 * extra as usize + (rest >> extra);
            Symbol { symbol, value: rest & ((1 << extra) - 1), extra }
        }
    }
}

fn distance_symbol(distance: usize) -> Symbol {
    let rest = distance - 1;
    if rest < 4 {
        return Symbol { symbol: rest, value: 0, extra: 0 };
    }
    let extra = rest.ilog2() - 1;
    Symbol { symbol: 2 * extra as usize + (rest >> extra), value: rest & ((1 << extra) - 1), extra }
}

/// One more than the last symbol that occurs.
fn count_of(frequencies: &[u32]) -> usize {
    frequencies.iter().rposition(|f| *f > 0).map_or(0, |last| last + 1)
}

/// How many bits the symbols take.
fn size(frequencies: &[u32], codes: &[Code]) -> u64 {
    frequencies.iter().zip(codes).map(|(f, code)| u64::from(*f) * u64::from(code.length)).sum()
}

/// The lengths of codes as symbols: themselves, and 16 to 18 for runs.
fn runs(lengths: &[u8]) -> Vec<Symbol> {
    let mut runs = Vec::new();
    for group in lengths.chunk_by(|a, b| a == b) {
        let length = usize::from(group[0]);
        let mut left = group.len();
        let alone = Symbol { symbol: length, value: 0, extra: 0 };
        if length == 0 {
            while left >= 11 {
                let run = left.min(138);
                runs.push(Symbol { symbol: 18, value: run - 11, extra: 7 });
                left -= run;
            }
            if left >= 3 {
                runs.push(Symbol { symbol: 17, value: left - 3, extra: 3 });
                left = 0;
            }
        } else {
            runs.push(alone);
            left -= 1;
            while left >= 3 {
                let run = left.min(6);
                runs.push(Symbol { symbol: 16, value: run - 3, extra: 2 });
                left -= run;
            }
        }
        runs.extend(std::iter::repeat_n(alone, left));
    }
    runs
}

fn fixed_literals() -> Vec<Code> {
    let lengths: Vec<u8> = (0..288)
        .map(|symbol| match symbol {
            0..=143 => 8,
            144..=255 => 9,
            256..=279 => 7,
            _ => 8,
        })
        .collect();
    assigned(&lengths)
}

fn fixed_distances() -> Vec<Code> {
    assigned(&[5; DISTANCES])
}

/// The best codes of at most so many bits for symbols that occur so often.
fn codes(frequencies: &[u32], most: usize) -> Vec<Code> {
    let mut symbols: Vec<(u32, usize)> =
        frequencies.iter().enumerate().filter(|(_, f)| **f > 0).map(|(symbol, f)| (*f, symbol)).collect();
    let mut lengths = vec![0; frequencies.len()];
    if symbols.len() <= 2 {
        for (_, symbol) in symbols {
            lengths[symbol] = 1;
        }
        return assigned(&lengths);
    }
    symbols.sort_unstable();
    let sorted: Vec<u32> = symbols.iter().map(|(f, _)| *f).collect();
    let mut symbols = symbols.into_iter().rev();
    for (length, count) in (1..).zip(counts_by_length(&sorted, most)) {
        for (_, symbol) in symbols.by_ref().take(count) {
            lengths[symbol] = length;
        }
    }
    assigned(&lengths)
}

/// RFC 1951, section 3.2.2, with the bits turned round: codes are written from their highest bit.
fn assigned(lengths: &[u8]) -> Vec<Code> {
    let mut codes = vec![Code::default(); lengths.len()];
    let mut next = 0u16;
    for length in 1..=15 {
        for (symbol, _) in lengths.iter().enumerate().filter(|(_, l)| **l == length) {
            codes[symbol] = Code { bits: next.reverse_bits() >> (16 - length), length };
            next = next.wrapping_add(1);
        }
        next <<= 1;
    }
    codes
}

/// One row of the table of packages, of which only the end is kept.
#[derive(Clone, Default)]
struct Row {
    /// Weight of the last item taken.
    last: u64,
    /// Weight of the next symbol.
    next_symbol: u64,
    /// Weight of the next pair of items of the row below.
    next_pair: u64,
    /// How many items are still wanted.
    wanted: usize,
    /// How many symbols lie left of the last item, in this row and in those below.
    symbols: Vec<usize>,
}

/// How many symbols have a code of one bit, of two bits and so on, by packages and merges (Larmore and Hirschberg), done
/// lazily from the top row. Frequencies come in ascending order, at least three. Where several answers are equally good
/// a pair is taken before a symbol.
fn counts_by_length(sorted: &[u32], most: usize) -> Vec<usize> {
    let n = sorted.len();
    let most = most.min(n - 1);
    let weight = |i: usize| sorted.get(i).map_or(u64::MAX, |f| u64::from(*f));
    let mut rows = vec![Row::default(); most + 2];
    for (level, row) in rows.iter_mut().enumerate().take(most + 1).skip(1) {
        // The first two items of every row are the first two symbols.
        row.last = weight(1);
        row.next_symbol = weight(2);
        row.next_pair = if level == 1 { u64::MAX } else { weight(0) + weight(1) };
        row.symbols = vec![0; most + 1];
        row.symbols[level] = 2;
    }
    rows[0].symbols = vec![0; most + 1];
    rows[most].wanted = 2 * n - 4;
    let mut level = most;
    loop {
        if rows[level].next_pair == u64::MAX && rows[level].next_symbol == u64::MAX {
            // Nothing is left here, nor will be.
            rows[level].wanted = 0;
            level += 1;
            rows[level].next_pair = u64::MAX;
            continue;
        }
        let before = rows[level].last;
        if rows[level].next_symbol < rows[level].next_pair {
            let row = &mut rows[level];
            row.last = row.next_symbol;
            row.symbols[level] += 1;
            row.next_symbol = weight(row.symbols[level]);
        } else {
            let below = rows[level - 1].symbols[..level].to_vec();
            let row = &mut rows[level];
            row.last = row.next_pair;
            row.symbols[..level].copy_from_slice(&below);
            rows[level - 1].wanted = 2; // to know the next pair
        }
        rows[level].wanted -= 1;
        if rows[level].wanted == 0 {
            if level == most {
                break;
            }
            rows[level + 1].next_pair = before + rows[level].last;
            level += 1;
        } else {
            while level > 0 && rows[level - 1].wanted > 0 {
                level -= 1;
            }
        }
    }
    let symbols = &rows[most].symbols;
    (1..=most).rev().map(|level| symbols[level] - symbols[level - 1]).collect()
}
