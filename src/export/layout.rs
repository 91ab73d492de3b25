//! Where maps have their channels, images among them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a map has its channels, an image among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Layout {
    /// `[batch, channels, height, width]`
    #[default]
    #[serde(rename = "nchw")]
    ChannelsFirst,
    /// `[batch, height, width, channels]`
    #[serde(rename = "nhwc")]
    ChannelsLast,
}

impl Layout {
    /// Whether channels are where most formats have them.
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde asks so
    pub fn is_nchw(&self) -> bool {
        *self == Self::ChannelsFirst
    }

    /// Its initials, as a file tells them.
    pub(super) fn initials(self) -> &'static str {
        match self {
            Self::ChannelsFirst => "NCHW",
            Self::ChannelsLast => "NHWC",
        }
    }
}
