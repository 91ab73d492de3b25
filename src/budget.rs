//! Work that is counted down, so that no input makes more of it than its size allows.

/// How much may still be done: values visited, bytes made, comparisons.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    left: u64,
}

/// The budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the input asks for more work than its size allows")]
pub(crate) struct Spent;

impl Budget {
    /// Allows `amount` units of work.
    pub(crate) fn new(amount: u64) -> Self {
        Self { left: amount }
    }

    /// Takes `amount` of what is left.
    ///
    /// # Errors
    /// When less is left; then nothing is left.
    pub(crate) fn take(&mut self, amount: u64) -> Result<(), Spent> {
        let left = self.left.checked_sub(amount);
        self.left = left.unwrap_or(0);
        left.map(drop).ok_or(Spent)
    }

    /// How much may still be done.
    pub(crate) fn left(self) -> u64 {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_down_and_stays_at_nothing() {
        let mut budget = Budget::new(5);
        assert_eq!(budget.take(3), Ok(()));
        assert_eq!(budget.take(2), Ok(()));
        assert_eq!(budget.take(1), Err(Spent));
        let mut budget = Budget::new(1);
        assert_eq!(budget.take(u64::MAX), Err(Spent));
        assert_eq!(budget.take(1), Err(Spent));
    }
}
