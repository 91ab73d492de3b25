//! The vectors of AVX2 and of AVX-512 under one name: so many lanes of sixteen bytes, each for itself.

use std::arch::x86_64::{__m128i, __m256i, __m512i};

use pulp::{
    cast,
    x86::{V3, V4},
};

/// Bytes of a lane.
pub(super) const LANE: usize = 16;

/// Instructions on vectors of `LANES` lanes. All but the shifts work within lanes, as the instructions of these names do.
pub(super) trait Vectors<const LANES: usize>: Copy {
    type Vector: Copy;

    fn of_lanes(self, lanes: [[u8; LANE]; LANES]) -> Self::Vector;
    /// The first bytes of a slice that has as many.
    fn of_bytes(self, bytes: &[u8]) -> Self::Vector;
    fn lanes(self, vector: Self::Vector) -> [[u8; LANE]; LANES];
    fn zero(self) -> Self::Vector;
    fn set1_epi32(self, number: i32) -> Self::Vector;
    fn add_epi32(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn madd_epi16(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn slli_epi32<const BITS: u32>(self, a: Self::Vector) -> Self::Vector;
    fn srai_epi32<const BITS: u32>(self, a: Self::Vector) -> Self::Vector;
    fn shuffle_epi8(self, a: Self::Vector, places: Self::Vector) -> Self::Vector;
    fn unpacklo_epi8(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn unpackhi_epi8(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn packs_epi32(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn packus_epi16(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
}

/// Hands each instruction on to the one of a width.
macro_rules! instructions {
    ($vector:ty, $($name:ident($($given:ident),*) = $set:ident.$instruction:ident;)*) => {
        $(
            #[inline(always)]
            fn $name(self, $($given: $vector),*) -> $vector {
                self.$set.$instruction($($given),*)
            }
        )*
    };
}

impl Vectors<2> for V3 {
    type Vector = __m256i;

    instructions! { __m256i,
        zero() = avx._mm256_setzero_si256;
        add_epi32(a, b) = avx2._mm256_add_epi32;
        madd_epi16(a, b) = avx2._mm256_madd_epi16;
        shuffle_epi8(a, b) = avx2._mm256_shuffle_epi8;
        unpacklo_epi8(a, b) = avx2._mm256_unpacklo_epi8;
        unpackhi_epi8(a, b) = avx2._mm256_unpackhi_epi8;
        packs_epi32(a, b) = avx2._mm256_packs_epi32;
        packus_epi16(a, b) = avx2._mm256_packus_epi16;
    }

    #[inline(always)]
    fn of_lanes(self, [a, b]: [[u8; LANE]; 2]) -> __m256i {
        self.avx._mm256_set_m128i(cast(b), cast(a))
    }

    #[inline(always)]
    fn of_bytes(self, bytes: &[u8]) -> __m256i {
        cast(*bytes.first_chunk::<{ 2 * LANE }>().expect("rows are long enough"))
    }

    #[inline(always)]
    fn lanes(self, vector: __m256i) -> [[u8; LANE]; 2] {
        cast(vector)
    }

    #[inline(always)]
    fn set1_epi32(self, number: i32) -> __m256i {
        self.avx._mm256_set1_epi32(number)
    }

    #[inline(always)]
    fn slli_epi32<const BITS: u32>(self, a: __m256i) -> __m256i {
        // The width of the count differs between the two sets of instructions.
        self.avx2._mm256_sllv_epi32(a, self.avx._mm256_set1_epi32(BITS as i32))
    }

    #[inline(always)]
    fn srai_epi32<const BITS: u32>(self, a: __m256i) -> __m256i {
        self.avx2._mm256_srav_epi32(a, self.avx._mm256_set1_epi32(BITS as i32))
    }
}

impl Vectors<4> for V4 {
    type Vector = __m512i;

    instructions! { __m512i,
        zero() = avx512f._mm512_setzero_si512;
        add_epi32(a, b) = avx512f._mm512_add_epi32;
        madd_epi16(a, b) = avx512bw._mm512_madd_epi16;
        shuffle_epi8(a, b) = avx512bw._mm512_shuffle_epi8;
        unpacklo_epi8(a, b) = avx512bw._mm512_unpacklo_epi8;
        unpackhi_epi8(a, b) = avx512bw._mm512_unpackhi_epi8;
        packs_epi32(a, b) = avx512bw._mm512_packs_epi32;
        packus_epi16(a, b) = avx512bw._mm512_packus_epi16;
    }

    #[inline(always)]
    fn of_lanes(self, [a, b, c, d]: [[u8; LANE]; 4]) -> __m512i {
        let [a, b, c, d]: [__m128i; 4] = [cast(a), cast(b), cast(c), cast(d)];
        let all = self.avx512f._mm512_inserti32x4::<0>(self.zero(), a);
        let all = self.avx512f._mm512_inserti32x4::<1>(all, b);
        let all = self.avx512f._mm512_inserti32x4::<2>(all, c);
        self.avx512f._mm512_inserti32x4::<3>(all, d)
    }

    #[inline(always)]
    fn of_bytes(self, bytes: &[u8]) -> __m512i {
        cast(*bytes.first_chunk::<{ 4 * LANE }>().expect("rows are long enough"))
    }

    #[inline(always)]
    fn lanes(self, vector: __m512i) -> [[u8; LANE]; 4] {
        cast(vector)
    }

    #[inline(always)]
    fn set1_epi32(self, number: i32) -> __m512i {
        self.avx512f._mm512_set1_epi32(number)
    }

    #[inline(always)]
    fn slli_epi32<const BITS: u32>(self, a: __m512i) -> __m512i {
        self.avx512f._mm512_slli_epi32::<BITS>(a)
    }

    #[inline(always)]
    fn srai_epi32<const BITS: u32>(self, a: __m512i) -> __m512i {
        self.avx512f._mm512_srai_epi32::<BITS>(a)
    }
}
