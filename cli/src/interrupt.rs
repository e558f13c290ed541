//! What is left behind when somebody ends the command: nothing that is half-written.

/// Waits for signals that end a process, on a thread of its own; then removes files on their way and ends with the code that shells expect.
pub(crate) fn clean_up() {
    #[cfg(unix)]
    std::thread::spawn(|| {
        if let Some(signal) = wait() {
            rewards_files::output::abandon();
            std::process::exit(128 + signal);
        }
    });
}

/// The number of the signal; nothing if signals cannot be waited for, which then end the process as they always do.
#[cfg(unix)]
fn wait() -> Option<i32> {
    use tokio::signal::unix::{SignalKind, signal};

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(async {
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
    })
}
