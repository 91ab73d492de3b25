//! Flatbuffers, the binary tables that LiteRT, MNN and ExecuTorch keep their models in; by hand, since the code that its
//! own compiler makes is not safe, and since a file that is written from its front can align numbers as it likes.

mod budget;
mod operator;
mod read;
mod write;

pub(super) use self::{
    budget::Budget,
    operator::Operator,
    read::{List, Number, Record, numbers},
    write::{Child, Table},
};

#[cfg(test)]
mod tests;
