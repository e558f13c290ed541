//! Writing files so that nobody ever sees half of one: under a temporary name in the same folder, then renamed.

use std::{
    collections::BTreeSet,
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use tempfile::NamedTempFile;

use crate::Error;

/// How temporary names begin.
const PREFIX: &str = ".tidepool-";

/// Files on their way, for [`abandon`].
static PENDING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Whether a name is that of a file on its way.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Removes all files on their way: for a process that is told to end at once.
pub fn abandon() {
    let Ok(pending) = PENDING.lock() else { return };
    pending.iter().for_each(|path| drop(fs::remove_file(path)));
}

/// Removes what processes left in a folder that were killed. The files of living ones are locked.
fn clean(folder: &Path) {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in names.filter(|entry| entry.file_name().to_str().is_some_and(is_temporary)) {
        let is_left = fs::File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
        if is_left {
            drop(fs::remove_file(entry.path())); // If it cannot be removed, it is no worse than before.
        }
    }
}

/// A file on its way; dropped without [`Pending::keep`], it never existed.
#[derive(Debug)]
pub struct Pending {
    path: PathBuf,
    /// Nothing once it is where it belongs.
    file: Option<NamedTempFile>,
}

fn forget(temporary: &Path) {
    if let Ok(mut pending) = PENDING.lock() {
        pending.remove(temporary);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            forget(file.path());
        }
    }
}

impl Pending {
    /// Starts a file that will replace what is at `path`.
    pub fn new(path: &Path) -> Result<Self, Error> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(Error::at(folder))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        // Temporary files are private by default; results are for everybody, as far as the user's mask allows.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        // One at a time: between its creation and its lock, a file would look like one that was left behind.
        let mut pending = PENDING.lock().unwrap_or_else(PoisonError::into_inner);
        clean(folder);
        let file = builder.tempfile_in(folder).map_err(Error::at(path))?;
        drop(file.as_file().try_lock()); // Where there are no locks, what is left stays.
        pending.insert(file.path().to_owned());
        drop(pending);
        Ok(Self { path: path.to_owned(), file: Some(file) })
    }

    /// Puts the file where it belongs, complete and on the disk.
    pub fn keep(mut self) -> Result<(), Error> {
        self.flush().map_err(Error::at(&self.path))?;
        let Some(file) = self.file.take() else { return Ok(()) };
        file.as_file().sync_all().map_err(Error::at(&self.path))?;
        let temporary = file.path().to_owned();
        let kept = file.persist(&self.path).map_err(|error| Error::at(&self.path)(error.error)).map(drop);
        forget(&temporary);
        kept
    }

    /// Where it belongs.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), io::Write::flush)
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
