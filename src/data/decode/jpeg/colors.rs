//! From luma and two of colour to red, green and blue: a row at a time, one pixel after the other. The integers are
//! zune-jpeg's. (ITU-T T.871, section 7, in units of 2^-14.)

/// How much of each colour a pixel has for one more of blue or of red, in units of 2^-14; green is lessened by both.
pub(super) const BLUE: i32 = 29032;
pub(super) const RED: i32 = 22970;
pub(super) const GREEN: [i32; 2] = [-5638, -11700];
pub(super) const BITS: u32 = 14;
/// Just below a half.
pub(super) const HALF: i32 = (1 << (BITS - 1)) - 1;

/// How many bytes behind a row's last must be there: they are read, and come to nothing.
pub(super) const BEHIND: usize = 32;

/// A row of each component. The two of colour have one number more in front; where they are half as wide as luma, each
/// is for two pixels, and the neighbours count a quarter.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) luma: &'a [u8],
    pub(super) blue: &'a [u8],
    pub(super) red: &'a [u8],
    pub(super) is_half: bool,
}

/// Makes the pixels of a row, as many as `out` has, from pixel `from` on, which is even.
pub(super) fn convert(row: Row<'_>, from: usize, out: &mut [u8]) {
    for (x, pixel) in (from..).zip(out.as_chunks_mut::<3>().0) {
        let of = |colour: &[u8]| if row.is_half { between(colour, x) } else { i32::from(colour[x + 1]) };
        *pixel = rgb(i32::from(row.luma[x]), of(row.blue), of(row.red));
    }
}

/// The colour of a pixel in a row that has half as many.
fn between(colour: &[u8], x: usize) -> i32 {
    let near = x / 2 + 1;
    let far = if x.is_multiple_of(2) { near - 1 } else { near + 1 };
    (3 * i32::from(colour[near]) + i32::from(colour[far]) + 2) >> 2
}

fn rgb(luma: i32, blue: i32, red: i32) -> [u8; 3] {
    let (blue, red) = (blue - 128, red - 128);
    let of = |colour: i32| (luma + ((colour + HALF) >> BITS)).clamp(0, 255) as u8;
    [of(RED * red), of(GREEN[0] * blue + GREEN[1] * red), of(BLUE * blue)]
}
