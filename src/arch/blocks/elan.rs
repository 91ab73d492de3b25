//! What the blocks of Wang et al., "YOLOv9" (2024), have in common: stages of one map, all of them joined.

use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::{MAX_CHANNELS, RowReader},
};

/// The channels of an aggregation: `c2` come out, `c3` go in, and each of two stages gives `c4`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stages {
    pub c2: usize,
    pub c3: usize,
    pub c4: usize,
}

impl Stages {
    /// Arguments 0 to 2. The reference scales the first alone.
    pub(super) fn read(row: &mut RowReader<'_>) -> Self {
        let c2 = row.channels(0);
        let [c3, c4] = [1, 2].map(|i| row.required(i, MAX_CHANNELS).unwrap_or(2));
        if !c3.is_multiple_of(2) {
            let message = format!("{} can't halve {c3} channels", row.module);
            row.misfit(1, message, "an even number is needed".to_owned());
        }
        Self { c2, c3, c4 }
    }

    /// A convolution to `c3` channels, whose halves are kept, two stages chained behind the second half, and a
    /// convolution of all four to `c2` channels. `stage` is told its name.
    pub(super) fn build(
        &self,
        to: &mut Builder,
        at: &str,
        x: ValueId,
        stage: impl Fn(&mut Builder, &str, ValueId) -> ValueId,
    ) -> ValueId {
        let x = to.conv(&format!("{at}.cv1"), x, self.c3, Window::POINT);
        let [kept, half] = to.halves(at, x);
        let second = stage(to, &format!("{at}.cv2"), half);
        let third = stage(to, &format!("{at}.cv3"), second);
        let joined = to.concat(at, &[kept, half, second, third]);
        to.conv(&format!("{at}.cv4"), joined, self.c2, Window::POINT)
    }
}
