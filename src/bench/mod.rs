//! BENCHMARKS: what models cost and how good they are, a row of a table each.
//!
//! A row is made in [`Step`]s, each for a process of its own: one writes the model's file, another measures what is in
//! it, so that the memory of one is never counted to the other, and what fails ends nothing else.

mod fresh;
mod labelled;
mod machine;
mod measure;
mod memory;
mod row;
mod step;
mod timing;
mod written;

pub use self::{
    fresh::Fresh,
    labelled::Labelled,
    machine::{Machine, system},
    measure::Measure,
    row::{Measured, Row},
    step::Step,
    written::Written,
};
