//! Seals: the digests of a folder's files as `sha256sum` writes them. A sealed folder is read as it was when it was sealed, or not at all.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::Path,
};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::{
    Error, Problems,
    folder::{Listing, SEAL},
    output,
};

/// SHA-256 of each file, by its name below the folder.
pub type Digests = BTreeMap<String, String>;

/// The digests of all listed files.
pub(crate) fn digests(folder: &Path, listing: &Listing) -> Result<Digests, Error> {
    let files: Vec<_> = listing.all().collect();
    let digest = |path: &&Path| Ok((name_below(folder, path), sha256_of(path).map_err(Error::at(path))?));
    files.par_iter().map(digest).collect()
}

fn name_below(folder: &Path, path: &Path) -> String {
    let name = path.strip_prefix(folder).unwrap_or(path);
    name.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// SHA-256 of a file, in hexadecimal.
pub(crate) fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(alloy_primitives::hex::encode(hasher.finalize())),
            length => hasher.update(&buffer[..length]),
        }
    }
}

/// Compares a folder with its seal; whether it has one.
pub(crate) fn check(folder: &Path, listing: &Listing, digests: &Digests, problems: &mut Problems) -> bool {
    let Some(path) = listing.get(SEAL) else { return false };
    let sealed = match fs::read_to_string(path).map_err(|error| error.to_string()).and_then(|text| parse(&text)) {
        Ok(sealed) => sealed,
        Err(reason) => {
            problems.add(path, None, reason);
            return true;
        }
    };
    for (name, found) in digests {
        match sealed.get(name) {
            Some(expected) if expected == found => {}
            Some(expected) => {
                problems.add(&folder.join(name), None, format_args!("SHA-256 {found}, sealed with {expected}"))
            }
            None => problems.add(
                &folder.join(name),
                None,
                format_args!("was not there when the folder was sealed: {SEAL} does not list it"),
            ),
        }
    }
    for name in sealed.keys().filter(|name| !digests.contains_key(*name)) {
        problems.add(&folder.join(name), None, format_args!("is missing: {SEAL} lists it"));
    }
    true
}

/// Reads lines of a digest, two characters, and a name.
fn parse(text: &str) -> Result<Digests, String> {
    let mut sealed = Digests::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let is_digest = |digest: &str| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        let parts = line.split_at_checked(64).filter(|(digest, _)| is_digest(digest));
        let parts =
            parts.and_then(|(digest, name)| Some((digest, name.strip_prefix("  ").or(name.strip_prefix(" *"))?)));
        let (digest, name) = parts.ok_or_else(|| format!("line {}: not a digest and a name", number + 1))?;
        let name = name.strip_prefix("./").unwrap_or(name);
        if sealed.insert(name.to_owned(), digest.to_lowercase()).is_some() {
            return Err(format!("line {}: {name} is listed twice", number + 1));
        }
    }
    Ok(sealed)
}

/// Seals a folder: writes the digests of its files.
///
/// # Errors
///
/// If something lies in it that does not belong there, or it is sealed with other digests and `replace` does not say that this is wanted.
pub fn seal(folder: &Path, replace: bool) -> Result<Digests, Error> {
    let (listing, problems) = Listing::of(folder)?;
    if !problems.is_empty() {
        return Err(Error::Malformed(problems));
    }
    let digests = digests(folder, &listing)?;
    if !replace && listing.get(SEAL).is_some() {
        let mut problems = Problems::default();
        check(folder, &listing, &digests, &mut problems);
        return if problems.is_empty() { Ok(digests) } else { Err(Error::Malformed(problems)) };
    }
    let text: String = digests.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
    output::write(&folder.join(SEAL), text.as_bytes())?;
    Ok(digests)
}
