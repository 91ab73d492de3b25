//! What a parameter is for.

/// What a parameter is for; weight decay and momentum depend on it (docs/reference.md, Optimizers).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Of a convolution or linear layer: decays.
    Weight,
    /// The scale of a norm: does not decay.
    Norm,
    /// A bias of any layer: does not decay.
    Bias,
    /// A running statistic: not learnt.
    Statistic,
}

impl Role {
    /// The role of the parameter `name`; `rank` is the number of its dimensions.
    pub fn of(name: &str, rank: usize) -> Self {
        match name.rsplit('.').next() {
            Some("running_mean" | "running_var") => Self::Statistic,
            Some("bias") => Self::Bias,
            // Layer scales (`gamma`) have one dimension too, but are no norm's: they decay.
            Some("weight") if rank == 1 => Self::Norm,
            _ => Self::Weight,
        }
    }
}
