//! Writing files so that nobody ever sees half of one: under a temporary name in the same folder, then renamed.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::Error;

/// A file on its way; dropped without [`Pending::keep`], it never existed.
#[derive(Debug)]
pub struct Pending {
    path: PathBuf,
    file: NamedTempFile,
}

impl Pending {
    /// Starts a file that will replace what is at `path`.
    pub fn new(path: &Path) -> Result<Self, Error> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(Error::at(folder))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".tidepool-");
        // Temporary files are private by default; results are for everybody, as far as the user's mask allows.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder).map_err(Error::at(path))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Puts the file where it belongs, complete and on the disk.
    pub fn keep(mut self) -> Result<(), Error> {
        self.file.flush().map_err(Error::at(&self.path))?;
        self.file.as_file().sync_all().map_err(Error::at(&self.path))?;
        self.file.persist(&self.path).map_err(|error| Error::at(&self.path)(error.error))?;
        Ok(())
    }

    /// Where it belongs.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a whole file, unless it is there already with the same bytes: doing something again changes nothing.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    let mut file = Pending::new(path)?;
    file.write_all(bytes).map_err(Error::at(path))?;
    file.keep()
}
