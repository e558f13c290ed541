//! The published tree on IPFS: handed out as a content archive, and fetched again.

use std::{fs, path::PathBuf};

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use client::web;
use rewards::cid;
use serde::{Deserialize, Serialize};

use super::results::Results;
use crate::output::{self, Failure, say};

/// Bytes of a tree that is fetched: more than a million accounts have.
const MOST: usize = 1 << 30;

#[derive(Debug, Args)]
pub(crate) struct Pin {
    /// Folder of the results
    results: PathBuf,
    /// Archive to write [default: tree.car in the results]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Node or service to hand it to
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// File with the token that the service asks for
    #[arg(long, value_name = "FILE", requires = "to")]
    token_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was written and handed out.
#[derive(Debug, Serialize)]
struct Pinned {
    cid: String,
    archive: PathBuf,
    bytes: usize,
    /// Whether a service said that it keeps it.
    pinned: bool,
}

/// A line of the answer to an import.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(rename = "Root")]
    root: Option<Root>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Root {
    cid: Link,
    #[serde(default)]
    pin_error_msg: String,
}

#[derive(Debug, Deserialize)]
struct Link {
    #[serde(rename = "/")]
    cid: String,
}

impl Pin {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let results = Results::open(&self.results)?;
        let path = self.results.join("tree.json");
        let tree = fs::read(&path).with_context(|| path.display().to_string())?;
        let (cid, expected) = (cid::of(&tree), &results.manifest.cid);
        if cid != *expected {
            let text = anyhow!("{}: its CID is {cid}, the manifest says {expected}", path.display());
            return Err(Failure::Mismatch(text));
        }
        let archive = self.out.clone().unwrap_or_else(|| self.results.join("tree.car"));
        let car = cid::car(&tree);
        fs::write(&archive, &car).with_context(|| archive.display().to_string())?;
        if let Some(url) = &self.to {
            self.hand_over(url, &cid, &car)?;
        }
        let pinned = Pinned { cid, archive, bytes: car.len(), pinned: self.to.is_some() };
        if self.json {
            return output::json(&pinned);
        }
        say!("{}  {} bytes in {}", pinned.cid, pinned.bytes, pinned.archive.display());
        match &self.to {
            Some(url) => say!("kept by {}", web::shown(url)),
            None => say!("handed to nobody; --to URL does"),
        }
        Ok(())
    }

    fn hand_over(&self, url: &str, cid: &str, car: &[u8]) -> anyhow::Result<()> {
        let token = self.token_file.as_ref().map(|path| {
            let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
            anyhow::Ok(text.trim().to_owned())
        });
        let token = token.transpose()?;
        let url = format!("{}/api/v0/dag/import?pin-roots=true", url.trim_end_matches('/'));
        let answer = web::post_file(&url, token.as_deref(), "tree.car", car)?;
        let lines = serde_json::Deserializer::from_slice(&answer).into_iter::<Line>();
        let roots: Vec<_> = lines.filter_map(|line| line.ok()?.root).collect();
        let root = roots.iter().find(|root| root.cid.cid == cid);
        let root = root.with_context(|| {
            let kept: Vec<_> = roots.iter().map(|root| client::printable(&root.cid.cid)).collect();
            format!("{}: it does not say that it keeps {cid}, but [{}]", web::shown(&url), kept.join(", "))
        })?;
        ensure!(root.pin_error_msg.is_empty(), "{}: {}", web::shown(&url), client::printable(&root.pin_error_msg));
        Ok(())
    }
}

/// The file of a CID, from a gateway that nobody has to trust.
pub(super) fn fetch(gateway: &str, cid: &str) -> Result<Vec<u8>, Failure> {
    let is_cid = cid.len() > 20 && cid.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !is_cid {
        return Err(anyhow!("{cid:?}: not a CID of version 1, such as bafkrei…").into());
    }
    let bytes = web::get(&format!("{}/ipfs/{cid}", gateway.trim_end_matches('/')), MOST)?;
    let found = cid::of(&bytes);
    if found != cid {
        let text = anyhow!("{}: what it gives for {cid} has the CID {found}", web::shown(gateway));
        return Err(Failure::Mismatch(text));
    }
    Ok(bytes)
}
