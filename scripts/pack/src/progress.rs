//! What is going on, on standard error: one line that is rewritten in a terminal, and in a log a line every few seconds.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// How often a log says how far things are.
const LOG: Duration = Duration::from_secs(5);
/// How often the line in a terminal is drawn again.
const TERMINAL: Duration = Duration::from_millis(200);

/// Back to the start of the line, and nothing on it.
const ERASE: &str = "\r\x1b[K";

/// Says how far things are until it is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// What is done at the moment.
    now: String,
    since: Instant,
    terminal: bool,
}

impl Progress {
    /// Starts to speak.
    pub(crate) fn start() -> Self {
        let terminal = stderr().is_terminal();
        let state = Arc::new(Mutex::new(State { now: String::new(), since: Instant::now(), terminal }));
        let listener = Arc::downgrade(&state);
        thread::spawn(move || {
            let pause = if terminal { TERMINAL } else { LOG };
            loop {
                thread::sleep(pause);
                let Some(state) = listener.upgrade() else { return };
                state.lock().unwrap_or_else(PoisonError::into_inner).say();
            }
        });
        Self(state)
    }

    /// Says something that stays in sight.
    pub(crate) fn say(&self, what: &str) {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(stderr(), "{}  {what}", if state.terminal { ERASE } else { "" });
    }

    /// Replaces what is said to be going on; with nothing, there is silence.
    pub(crate) fn set(&self, now: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now = now.into();
    }
}

impl State {
    fn say(&self) {
        if self.now.is_empty() {
            return;
        }
        let seconds = self.since.elapsed().as_secs();
        let line = format!("  {}, {}:{:02}", self.now, seconds / 60, seconds % 60);
        // Nobody to tell is no reason to stop.
        let _ = if self.terminal { write!(stderr(), "{ERASE}{line}") } else { writeln!(stderr(), "{line}") };
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if self.terminal {
            let _ = write!(stderr(), "{ERASE}");
        }
    }
}
