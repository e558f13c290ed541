//! From text to Parquet.

use std::path::{Path, PathBuf};

use rewards::book::{Flaw, Record};

use super::{Format, Place, SampleWriter, Samples, Stored, Visitor};
use crate::{Error, folder::stem};

/// Writes what it is shown.
struct Copy {
    writer: Option<SampleWriter>,
    failure: Option<Error>,
}

impl Visitor for Copy {
    fn visit(&mut self, _: Place, record: &Record<'_>) -> Result<(), Flaw> {
        if let (Some(writer), None) = (&mut self.writer, &self.failure) {
            self.failure = writer.write(record).err();
        }
        Ok(())
    }
}

/// Puts a Parquet file in the place of each text file of samples in a folder: how many. Stopped at any moment and done again, it ends the same.
///
/// # Errors
///
/// If a file cannot be read or written, or a sample is malformed: its file stays.
pub fn to_parquet(folder: &Path) -> Result<usize, Error> {
    let entries = std::fs::read_dir(folder).map_err(Error::at(folder))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let is_text = |path: &PathBuf| Stored::of(path).is_some_and(|stored| stored.format != Format::Parquet);
    let mut texts: Vec<_> = paths.map_err(Error::at(folder))?.into_iter().filter(is_text).collect();
    texts.sort();
    texts.iter().try_for_each(|path| one_to_parquet(path))?;
    Ok(texts.len())
}

fn one_to_parquet(path: &Path) -> Result<(), Error> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let parquet = path.with_file_name(format!("{}.parquet", stem(name)));
    // One visitor, which sees all samples in their order.
    let writer = std::sync::Mutex::new(Some(SampleWriter::create(&parquet)?));
    let scan = Samples::open(&[path.to_owned()])?
        .scan(1, &(), || Copy { writer: writer.lock().ok().and_then(|mut writer| writer.take()), failure: None })?;
    if !scan.problems.is_empty() {
        return Err(Error::Malformed(scan.problems));
    }
    for copy in scan.visitors {
        if let Some(error) = copy.failure {
            return Err(error);
        }
        copy.writer.map_or(Ok(()), SampleWriter::finish)?;
    }
    std::fs::remove_file(path).map_err(Error::at(path))
}
