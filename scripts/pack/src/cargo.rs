//! Cargo at work, and how far it is.

use std::{
    io::{BufReader, Read},
    path::PathBuf,
    process::{Child, ChildStderr, Command, Stdio},
    thread::{self, JoinHandle},
};

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

use crate::{progress::Progress, tools::describe};

/// One run of cargo that compiles something.
#[derive(Debug)]
pub(crate) struct Run {
    child: Child,
    /// Collects what cargo says that is not about its progress.
    messages: JoinHandle<String>,
    what: String,
}

/// Something that cargo made.
#[derive(Debug, Deserialize)]
pub(crate) struct Artifact {
    pub(crate) target: Target,
    #[serde(default)]
    pub(crate) filenames: Vec<PathBuf>,
    /// If it is a binary.
    pub(crate) executable: Option<PathBuf>,
}

/// A library or binary of a package.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
    pub(crate) name: String,
}

impl Target {
    /// Every library that is also built as a dynamic one is a program.
    pub(crate) fn is_program(&self) -> bool {
        self.kind.iter().any(|kind| kind == "cdylib")
    }
}

/// The messages of cargo that are read here; `reason` says which one it is.
#[derive(Debug, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact(Artifact),
    #[serde(other)]
    Other,
}

impl Run {
    /// Starts `cargo build …`, and passes its progress on as progress in doing `what`.
    pub(crate) fn start(command: &mut Command, what: &str, progress: &Progress) -> Result<Self> {
        command
            .arg("--message-format=json-render-diagnostics")
            .env("CARGO_TERM_PROGRESS_WHEN", "always")
            .env("CARGO_TERM_PROGRESS_WIDTH", "120")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot run {}", command.get_program().display()))?;
        let errors = child.stderr.take().context("cargo has no standard error")?;
        let (progress, doing) = (progress.clone(), what.to_owned());
        let messages = thread::spawn(move || listen(errors, &doing, &progress));
        Ok(Self { child, messages, what: describe(command) })
    }

    /// Hands each artefact to `each` as soon as it is there, while cargo goes on. Fails, with what cargo said, if cargo does.
    pub(crate) fn finish(mut self, mut each: impl FnMut(Artifact) -> Result<()>) -> Result<()> {
        let output = self.child.stdout.take().context("cargo has no standard output")?;
        let mut outcome = Ok(());
        for message in serde_json::Deserializer::from_reader(BufReader::new(output)).into_iter::<Message>() {
            // What came before a failure is looked at; the pipe is read to its end, or cargo would wait for its reader.
            if let Message::CompilerArtifact(artifact) = message?
                && outcome.is_ok()
            {
                outcome = each(artifact);
            }
        }
        let status = self.child.wait()?;
        let said = self.messages.join().map_err(|_| anyhow!("nobody listened to cargo"))?;
        ensure!(status.success(), "{} failed\n{said}", self.what);
        outcome
    }
}

/// Reads what cargo says on standard error: progress is passed on, the rest returned.
fn listen(errors: ChildStderr, what: &str, progress: &Progress) -> String {
    let mut said = String::new();
    let mut line = Vec::new();
    for byte in BufReader::new(errors).bytes().map_while(Result::ok) {
        if byte != b'\r' && byte != b'\n' {
            line.push(byte);
            continue;
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        line.clear();
        match far(&text) {
            Some(far) => progress.set(format!("{what}: {far}")),
            None if !text.trim().is_empty() => said.push_str(&(text + "\n")),
            None => {}
        }
    }
    said
}

/// `    Building [===>   ] 12/60: core, syn` as `12 of 60 (core, syn)`.
fn far(line: &str) -> Option<String> {
    let (_, rest) = line.trim_start().strip_prefix("Building [")?.split_once("] ")?;
    let (counts, names) = rest.split_once(':').unwrap_or((rest, ""));
    let (done, all) = counts.split_once('/')?;
    let names = names.trim();
    Some(if names.is_empty() { format!("{done} of {all}") } else { format!("{done} of {all} ({names})") })
}

#[cfg(test)]
mod tests {
    use super::far;

    #[test]
    fn progress_is_told_from_other_lines() {
        assert_eq!(far("    Building [==>   ] 12/60: core, syn").as_deref(), Some("12 of 60 (core, syn)"));
        assert_eq!(far("    Building [=====>] 60/60").as_deref(), Some("60 of 60"));
        for line in ["   Compiling syn v2.0.119", "error: Building [", "", "    Building"] {
            assert_eq!(far(line), None, "{line}");
        }
    }
}
