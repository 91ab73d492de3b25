//! The modules that a row may name: one file each, which says what its arguments are and what operations it becomes.
//!
//! A new one is such a file and its line in `modules!` below.

mod a2c2f;
mod attention;
mod bottleneck;
mod c1;
mod c2;
mod c2f;
mod c2f_cib;
mod c2f_psa;
mod c2psa;
mod c3;
mod c3ghost;
mod c3k;
mod c3k2;
mod classify;
mod conv;
mod dw_conv;
mod elan;
mod elan1;
mod focus;
mod ghost_bottleneck;
mod ghost_conv;
mod psa;
mod rep_c3;
mod rep_conv;
mod rep_ncsp_elan4;
mod resnet_layer;
mod sc_down;
mod spp;
mod spp_elan;
mod sppf;
mod torch_vision;

use serde_json::{Value, json};

pub use self::{
    a2c2f::A2c2f, bottleneck::Bottleneck, c1::C1, c2::C2, c2f::C2f, c2f_cib::C2fCib, c2f_psa::C2fPsa,
    c2psa::C2psa, c3::C3, c3ghost::C3Ghost, c3k::C3k, c3k2::C3k2, classify::Classify, conv::Conv,
    dw_conv::DwConv, elan1::Elan1, focus::Focus, ghost_bottleneck::GhostBottleneck, ghost_conv::GhostConv,
    psa::Psa, rep_c3::RepC3, rep_ncsp_elan4::RepNcspElan4, resnet_layer::ResNetLayer, sc_down::ScDown,
    spp::Spp, spp_elan::SppElan, sppf::Sppf, torch_vision::TorchVision,
};
use super::{
    computation::{Builder, ValueId},
    row::RowReader,
};

modules! {
    Conv,
    DwConv,
    Focus,
    GhostConv,
    Bottleneck,
    GhostBottleneck,
    C1,
    C2,
    C2f,
    C2fCib,
    C2fPsa,
    C3,
    C3Ghost,
    C3k,
    C3k2,
    RepC3,
    C2psa,
    Psa,
    A2c2f,
    Spp,
    Sppf,
    SppElan,
    Elan1,
    RepNcspElan4,
    ScDown,
    ResNetLayer,
    TorchVision,
    Classify,
}

/// A module with its numbers: docs/reference.md, Blocks, defines each.
pub(super) trait Block: Sized {
    /// Its name in a row.
    const NAME: &'static str;
    /// What its arguments are called.
    const ARGUMENTS: &'static [&'static str];
    /// What a row's repeats mean to it.
    const REPEATS: Repeats;

    /// Reads the arguments of a row; tells the row what is wrong with them.
    fn read(row: &mut RowReader<'_>) -> Self;

    /// How many channels it gives; the head, one for each class.
    fn channels(&self) -> usize;

    /// What the reference makes it with: channels in and out, inner repeats, and the row's other arguments.
    fn arguments(&self, row: &RowReader<'_>) -> Vec<Value> {
        let [c1, c2, n] = [row.c1, self.channels(), row.n].map(|number| json!(number));
        match Self::REPEATS {
            Repeats::Inside => row.arguments(&[c1, c2, n], 1),
            Repeats::Outside | Repeats::Never => row.arguments(&[c1, c2], 1),
        }
    }

    /// Adds its operations, whose parameters' names begin with `at`; what it gives for `x`.
    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId;
}

/// What the repeats of a row mean to its module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    /// It stands there so often, one after another.
    Outside,
    /// It stands there once, and holds so many inner blocks.
    Inside,
    /// It stands there once.
    Never,
}

/// A module's entry in the table of modules.
pub(super) struct Kind {
    name: &'static str,
    /// What its arguments are called.
    pub arguments: &'static [&'static str],
    /// What a row's repeats mean to it.
    pub repeats: Repeats,
    /// Reads a row's arguments, as [`Block::read`] says.
    pub read: fn(&mut RowReader<'_>) -> Module,
}

impl Kind {
    /// The module of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// The names of all modules.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|kind| kind.name)
    }
}

/// Makes [`Module`], an enum of these blocks, and their table.
macro_rules! modules {
    ($($block:ident),* $(,)?) => {
        /// A module of a row, with its numbers.
        #[derive(Debug, Clone, PartialEq)]
        #[expect(missing_docs, reason = "each variant is the block of its name")]
        pub enum Module {
            $($block($block)),*
        }

        /// Every module that a row may name.
        const KINDS: &[Kind] = &[$(Kind {
            name: $block::NAME,
            arguments: $block::ARGUMENTS,
            repeats: $block::REPEATS,
            read: |row| Module::$block($block::read(row)),
        }),*];

        impl Module {
            /// How many channels it gives; the head, one for each class.
            pub(super) fn channels(&self) -> usize {
                match self { $(Self::$block(block) => block.channels()),* }
            }

            /// The arguments that the row has by now, as [`Block::arguments`] says.
            pub(super) fn arguments(&self, row: &RowReader<'_>) -> Vec<Value> {
                match self { $(Self::$block(block) => block.arguments(row)),* }
            }

            /// Adds the module's operations, as [`Block::build`] says.
            pub(super) fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
                match self { $(Self::$block(block) => block.build(to, at, x)),* }
            }
        }
    };
}
use modules;
