//! Writes JPEGs of any coefficients, for tests: no encoder at hand writes all that the decoder reads.

use crate::random::Random;

/// The symbols of first coefficients, all with codes of four bits.
const DC: std::ops::Range<u8> = 0..12;
/// How many codes of other coefficients have so many bits: short ones, some, and the longest.
const AC_COUNTS: [(usize, usize); 4] = [(2, 1), (6, 20), (11, 60), (16, 81)];

/// What a file is made of.
#[derive(Debug, Clone)]
pub(super) struct Written {
    /// Width and height in pixels.
    pub(super) size: (u16, u16),
    /// Sampling of luma, as a frame has it, or nothing for a grey picture.
    pub(super) sampling: Option<u8>,
    /// Units between restarts; 0: none.
    pub(super) restart: u16,
    /// The largest step of quantization.
    pub(super) step: u8,
    /// The largest number of a coefficient.
    pub(super) reach: usize,
    /// Decides the numbers.
    pub(super) seed: u64,
}

impl Written {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut random = Random::new("written", &[self.seed]);
        let mut file = vec![0xFF, 0xD8];
        let steps: Vec<u8> = (0..64).map(|_| 1 + random.below(self.step.into()) as u8).collect();
        segment(&mut file, 0xDB, &[&[0], &steps[..]].concat());
        segment(&mut file, 0xC0, &self.frame());
        let symbols: Vec<u8> = ac_symbols().collect();
        segment(&mut file, 0xC4, &[&[0][..], &counts(&[(4, 12)]), &DC.collect::<Vec<_>>()].concat());
        segment(&mut file, 0xC4, &[&[0x10][..], &counts(&AC_COUNTS), &symbols].concat());
        if self.restart > 0 {
            segment(&mut file, 0xDD, &self.restart.to_be_bytes());
        }
        let names: Vec<u8> = (1..=self.components()).flat_map(|name| [name, 0]).collect();
        segment(&mut file, 0xDA, &[&[self.components()], &names[..], &[0, 63, 0]].concat());
        self.data(&mut random, &mut file);
        file.extend([0xFF, 0xD9]);
        file
    }

    fn components(&self) -> u8 {
        if self.sampling.is_some() { 3 } else { 1 }
    }

    fn frame(&self) -> Vec<u8> {
        let ((width, height), count) = (self.size, self.components());
        let mut frame = vec![8];
        frame.extend(height.to_be_bytes().into_iter().chain(width.to_be_bytes()).chain([count]));
        frame.extend(
            [1, self.sampling.unwrap_or(0x11), 0]
                .into_iter()
                .chain([2, 0x11, 0, 3, 0x11, 0])
                .take(3 * usize::from(count)),
        );
        frame
    }

    fn data(&self, random: &mut Random, file: &mut Vec<u8>) {
        let sampling = self.sampling.unwrap_or(0x11);
        let (columns, rows) = (u16::from(sampling >> 4), u16::from(sampling & 15));
        let units = self.size.0.div_ceil(8 * columns) * self.size.1.div_ceil(8 * rows);
        let blocks = [usize::from(columns * rows), 1, 1];
        let mut bits = Bits { file, last: 0, count: 0 };
        let mut firsts = [0; 3];
        for unit in 0..units {
            if self.restart > 0 && unit > 0 && unit % self.restart == 0 {
                bits.end();
                bits.file.extend([0xFF, 0xD0 + ((unit / self.restart - 1) % 8) as u8]);
                firsts = [0; 3];
            }
            for (first, count) in firsts.iter_mut().zip(blocks).take(self.components().into()) {
                (0..count).for_each(|_| self.block(random, first, &mut bits));
            }
        }
        bits.end();
    }

    /// Few coefficients, some, or many; the first lies where a picture's does.
    fn block(&self, random: &mut Random, first: &mut i32, bits: &mut Bits) {
        let number = |random: &mut Random| random.below(2 * self.reach + 1) as i32 - self.reach as i32;
        let new = (*first + number(random)).clamp(-900, 900);
        bits.number(&code(&[(4, 12)], DC, |size| size as u8, new - *first), new - *first);
        *first = new;
        let end = [0, 9, 20, 63][random.below(4)];
        let share = random.unit();
        let mut run = 0;
        for _ in 0..end {
            let value = if random.chance(share) { number(random) } else { 0 };
            run += 1;
            if value == 0 {
                continue;
            }
            while run > 16 {
                bits.number(&code(&AC_COUNTS, ac_symbols(), |_| 0xF0, 0), 0);
                run -= 16;
            }
            bits.number(
                &code(&AC_COUNTS, ac_symbols(), |size| ((run - 1) << 4) as u8 | size as u8, value),
                value,
            );
            run = 0;
        }
        if end < 63 || run > 0 {
            bits.number(&code(&AC_COUNTS, ac_symbols(), |_| 0, 0), 0);
        }
    }
}

fn segment(file: &mut Vec<u8>, marker: u8, content: &[u8]) {
    file.extend([0xFF, marker]);
    file.extend((content.len() as u16 + 2).to_be_bytes());
    file.extend(content);
}

fn counts(counts: &[(usize, usize)]) -> [u8; 16] {
    let mut all = [0; 16];
    counts.iter().for_each(|(length, count)| all[length - 1] = *count as u8);
    all
}

/// The end of a block, a long run of zeros, and each run with each size; the most frequent ones first.
fn ac_symbols() -> impl Iterator<Item = u8> {
    let sizes = (1..=10).flat_map(|size| (0..16).map(move |run| run << 4 | size));
    std::iter::once(0).chain(sizes).chain([0xF0])
}

/// Bits and length of the code for a number, whose symbol is made of its size.
fn code(
    counts: &[(usize, usize)],
    mut symbols: impl Iterator<Item = u8>,
    symbol: impl Fn(u32) -> u8,
    number: i32,
) -> (u32, usize) {
    let symbol = symbol(size(number));
    let mut place = symbols.position(|one| one == symbol).expect("it is one of the symbols") as u32;
    let (mut next, mut before) = (0, 0);
    for (length, count) in counts {
        next <<= length - before;
        if place < *count as u32 {
            return (next + place, *length);
        }
        place -= *count as u32;
        next += *count as u32;
        before = *length;
    }
    unreachable!("there are as many codes as symbols")
}

/// Bits of a number.
fn size(number: i32) -> u32 {
    u32::BITS - number.unsigned_abs().leading_zeros()
}

/// Writes bits, upper first.
struct Bits<'a> {
    file: &'a mut Vec<u8>,
    last: u8,
    count: usize,
}

impl Bits<'_> {
    /// A code, and the number that it is for.
    fn number(&mut self, (code, length): &(u32, usize), number: i32) {
        self.push(*code, *length);
        let size = size(number);
        let bits = if number < 0 { number - 1 } else { number } as u32;
        self.push(bits & ((1 << size) - 1), size as usize);
    }

    fn push(&mut self, bits: u32, length: usize) {
        for place in (0..length).rev() {
            self.last = self.last << 1 | (bits >> place & 1) as u8;
            self.count += 1;
            if self.count == 8 {
                self.file.push(self.last);
                if self.last == 0xFF {
                    self.file.push(0);
                }
                self.count = 0;
            }
        }
    }

    /// Fills the last byte up with ones.
    fn end(&mut self) {
        while self.count > 0 {
            self.push(1, 1);
        }
    }
}
