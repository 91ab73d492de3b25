//! PICTURES: charts, the confusion matrix, contact sheets, predictions on images. They are drawn from plain numbers
//! and names, and the same ones give the same bytes on every machine.

pub(crate) mod annotate;
pub(crate) mod chart;
pub(crate) mod confusion_matrix;
pub(crate) mod contact_sheet;
mod font;
pub(crate) mod png;
pub(crate) mod reliability;
mod svg;
