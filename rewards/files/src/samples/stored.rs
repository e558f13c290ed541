//! How files are stored: their format, and how text is compressed. Both stand in the name.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use super::Format;

/// How a text file is compressed as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// It is not; Parquet compresses its pages itself.
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstandard,
}

/// How a file is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its format.
    pub format: Format,
    /// Its compression.
    pub compression: Compression,
}

impl Stored {
    /// All endings of names that are read.
    pub const ENDINGS: [&'static str; 10] = [
        ".parquet",
        ".csv",
        ".jsonl",
        ".ndjson",
        ".csv.gz",
        ".jsonl.gz",
        ".ndjson.gz",
        ".csv.zst",
        ".jsonl.zst",
        ".ndjson.zst",
    ];

    /// What a file's name promises; nothing for other endings, and for names that are only an ending.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (plain, compression) = match name.rsplit_once('.')? {
            (plain, "gz") => (plain, Compression::Gzip),
            (plain, "zst") => (plain, Compression::Zstandard),
            _ => (name, Compression::None),
        };
        let format = Format::of(Path::new(plain))?;
        let is_text = format != Format::Parquet || compression == Compression::None;
        is_text.then_some(Self { format, compression })
    }

    /// Opens a text file, decompressed.
    pub(crate) fn open(self, path: &Path) -> io::Result<Box<dyn BufRead>> {
        const BUFFER: usize = 1 << 18;
        let file = BufReader::with_capacity(BUFFER, File::open(path)?);
        Ok(match self.compression {
            Compression::None => Box::new(file),
            Compression::Gzip => Box::new(BufReader::with_capacity(BUFFER, flate2::bufread::MultiGzDecoder::new(file))),
            Compression::Zstandard => Box::new(BufReader::with_capacity(BUFFER, zstd::Decoder::with_buffer(file)?)),
        })
    }
}

/// Reads CSV and remembers the last byte: a file that was cut off within a field would look like one with another value.
pub(crate) struct Ended<R> {
    inner: R,
    last: Option<u8>,
}

impl<R> Ended<R> {
    pub(crate) const fn new(inner: R) -> Self {
        Self { inner, last: None }
    }

    /// What is wrong with a file that was read to its end.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.last {
            None | Some(b'\n' | b'\r') => Ok(()),
            Some(_) => Err("the last line does not end: the file may have been cut off".to_owned()),
        }
    }
}

impl<R: Read> Read for Ended<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.last = buffer[..length].last().copied().or(self.last);
        Ok(length)
    }
}
