//! PICTURES: charts, the confusion matrix, contact sheets, predictions on images. They are drawn from plain numbers
//! and names, and the same ones give the same bytes on every machine.

pub mod annotate;
pub mod chart;
pub mod confusion_matrix;
pub mod contact_sheet;
mod font;
pub mod png;
pub mod reliability;
mod svg;
