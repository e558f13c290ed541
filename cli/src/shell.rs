//! What shells and `man` know of the commands, made from their definitions.

use std::{fs, io, path::PathBuf};

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{Arguments, output::Failure};

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "tidepool", &mut script);
        Ok(io::Write::write_all(&mut io::stdout().lock(), &script)?)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Folder, which is made if it is not there
    folder: PathBuf,
}

impl Man {
    /// Writes a page for each command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        fs::create_dir_all(&self.folder).with_context(|| self.folder.display().to_string())?;
        // A page about `help` would say nothing.
        let command = Arguments::command().disable_help_subcommand(true);
        Ok(clap_mangen::generate_to(command, &self.folder)?)
    }
}
