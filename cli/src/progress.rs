//! Progress bars for long work, on a terminal's error stream; nothing elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use rewards_files::samples::Progress;

/// A bar that counts bytes or files.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn bytes(what: &'static str) -> Self {
        Self::with("{msg:>10} [{bar:32}] {bytes}/{total_bytes} {eta}", what)
    }

    pub(crate) fn count(what: &'static str) -> Self {
        Self::with("{msg:>10} [{bar:32}] {pos}/{len} {eta}", what)
    }

    fn with(template: &str, what: &'static str) -> Self {
        let bar = ProgressBar::new(0).with_message(what);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self(bar)
    }
}

impl Progress for Bar {
    /// Some work reads everything more than once.
    fn expect(&self, units: u64) {
        self.0.inc_length(units);
    }

    fn advance(&self, units: u64) {
        self.0.inc(units);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
