//! What is left behind when somebody ends the command: nothing that is half-written.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the command ends by itself when it is asked to.
static LEFT_TO_COMMAND: AtomicBool = AtomicBool::new(false);

/// From now on the command waits for signals, and ends by itself.
pub(crate) fn leave_to_command() {
    LEFT_TO_COMMAND.store(true, Ordering::Relaxed);
}

/// Waits until somebody asks the process to end.
#[cfg(unix)]
pub(crate) async fn asked_to_stop() {
    next().await;
}

/// Waits until somebody asks the process to end.
#[cfg(not(unix))]
pub(crate) async fn asked_to_stop() {
    let _ = tokio::signal::ctrl_c().await;
}

/// Waits for signals that end a process, on a thread of its own; then removes files on their way and ends with the code that shells expect.
pub(crate) fn clean_up() {
    #[cfg(unix)]
    std::thread::spawn(|| {
        if let Some(signal) = wait()
            && !LEFT_TO_COMMAND.load(Ordering::Relaxed)
        {
            rewards_files::output::abandon();
            // Whoever asks for a password puts the terminal right first: else it would show nothing that is typed from then on.
            std::thread::sleep(std::time::Duration::from_millis(100));
            std::process::exit(128 + signal);
        }
    });
}

/// The number of the signal; nothing if signals cannot be waited for, which then end the process as they always do.
#[cfg(unix)]
fn wait() -> Option<i32> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(next())
}

#[cfg(unix)]
async fn next() -> Option<i32> {
    use tokio::signal::unix::{SignalKind, signal};

    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [mut interrupt, mut terminate, mut hangup] =
        [signal(kinds[0]).ok()?, signal(kinds[1]).ok()?, signal(kinds[2]).ok()?];
    Some(
        tokio::select! {
            _ = interrupt.recv() => kinds[0],
            _ = terminate.recv() => kinds[1],
            _ = hangup.recv() => kinds[2],
        }
        .as_raw_value(),
    )
}
