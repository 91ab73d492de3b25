//! How long training waits for images: a network that waits needs more threads for them, or smaller files.

use std::time::Instant;

use super::Fit;

impl Fit<'_> {
    /// What `next` gives; the time that it takes counts as waiting for images.
    pub(super) fn awaited<T>(&mut self, next: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let given = next();
        self.position.waited += begun.elapsed().as_secs_f64();
        given
    }

    /// Says how much of the time training waited for images.
    pub(super) fn tell_waiting(&self) {
        self.input.progress.note(waited(self.position.waited, self.seconds()));
    }
}

/// The share of `all` seconds that `waited` of them are, in words.
fn waited(waited: f64, all: f64) -> String {
    let percent = if all > 0.0 { 100.0 * waited / all } else { 0.0 };
    format!("waited for images {percent:.0} % of the time")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_told_in_whole_percent() {
        let told = [(0.0, 0.0), (0.0, 3.0), (1.0, 3.0), (3.0, 3.0)].map(|(part, all)| waited(part, all));
        insta::assert_snapshot!(told.join("\n"), @r"
        waited for images 0 % of the time
        waited for images 0 % of the time
        waited for images 33 % of the time
        waited for images 100 % of the time
        ");
    }
}
