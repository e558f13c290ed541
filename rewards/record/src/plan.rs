//! The instants of an epoch, as far as its secret is known here.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::B256;
use rewards::{
    parameters::EpochParameters,
    sampling::{Instants, LINK_MINUTES, Sampling},
};
use rewards_files::Error;
use serde::{Deserialize, Serialize};

/// A link of a chain of secrets, as a file has it: all hours up to it can be sampled with it, and none after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Hour of the epoch.
    pub hour: u32,
    /// Its link.
    pub link: B256,
}

/// Instants, and where more of them come from.
#[derive(Debug)]
pub struct Plan {
    parameters: EpochParameters,
    sampling: Sampling,
    /// Nothing if all is known.
    path: Option<PathBuf>,
    instants: Instants,
    /// The minute that was asked for last without success: a file is read again at most once for each.
    missed: Option<u32>,
}

/// Reads a secret: 32 bytes in hexadecimal.
///
/// # Errors
///
/// If it is something else. What is in the file is not part of the message.
pub fn read_secret(path: &Path) -> Result<B256, Error> {
    let text = fs::read_to_string(path).map_err(Error::at(path))?;
    text.trim().parse().map_err(|_| Error::refused(format_args!("{}: not 32 bytes in hexadecimal", path.display())))
}

impl Plan {
    /// Reads the secret, or the link that is known so far, and holds it against the commitment.
    ///
    /// # Errors
    ///
    /// If there is no commitment, or the secret is another one.
    pub fn open(parameters: &EpochParameters, sampling: &Sampling, path: &Path) -> Result<Self, Error> {
        if sampling.commitment.is_none() {
            return Err(Error::refused(
                "the plan has no commitment: publish one before the epoch (tidepool rewards sample-plan --commitment)",
            ));
        }
        let instants = read(parameters, sampling, path)?;
        Ok(Self {
            parameters: parameters.clone(),
            sampling: sampling.clone(),
            path: Some(path.to_owned()),
            instants,
            missed: None,
        })
    }

    /// The plan of a secret that decides all instants.
    ///
    /// # Errors
    ///
    /// If it is not the one committed to.
    pub fn of(parameters: &EpochParameters, sampling: &Sampling, secret: B256) -> Result<Self, Error> {
        let known = Sampling { secret: Some(secret), ..sampling.clone() };
        let instants = Instants::of(parameters.epoch, parameters.start() * 1000, &known).map_err(Error::refused)?;
        Ok(Self { parameters: parameters.clone(), sampling: known, path: None, instants, missed: None })
    }

    /// The first millisecond of a minute.
    #[must_use]
    pub fn minute_ms(&self, minute: u32) -> u64 {
        self.instants.minute_ms(minute)
    }

    /// The instant of a minute of a market. If it is not known, the file is read again: it may have the link of another day by now.
    pub fn instant_ms(&mut self, minute: u32, market: &str) -> Option<u64> {
        let known = self.instants.instant_ms(minute, market);
        if known.is_some() || self.missed == Some(minute) {
            return known;
        }
        self.missed = Some(minute);
        // A file that is being written is read at the next minute.
        self.instants = read(&self.parameters, &self.sampling, self.path.as_deref()?).ok()?;
        self.instants.instant_ms(minute, market)
    }
}

fn read(parameters: &EpochParameters, sampling: &Sampling, path: &Path) -> Result<Instants, Error> {
    let start_ms = parameters.start() * 1000;
    let wrong = |error: rewards::sampling::WrongSecret| Error::refused(format_args!("{}: {error}", path.display()));
    let Some(hours) = sampling.hours else {
        let sampling = Sampling { secret: Some(read_secret(path)?), ..sampling.clone() };
        return Instants::of(parameters.epoch, start_ms, &sampling).map_err(wrong);
    };
    let text = fs::read_to_string(path).map_err(Error::at(path))?;
    let link = match serde_json::from_str::<Link>(&text) {
        Ok(link) => link,
        // The end of the chain, for those who keep it where they sample.
        Err(_) => Link { hour: hours.saturating_sub(1), link: read_secret(path)? },
    };
    if link.hour >= hours {
        let text = format!("{}: hour {}, the epoch has the hours 0 to {}", path.display(), link.hour, hours - 1);
        return Err(Error::refused(text));
    }
    Instants::until(parameters.epoch, start_ms, sampling, link.hour, link.link).map_err(wrong)
}

/// The hour whose link decides a minute.
#[must_use]
pub const fn hour_of(minute: u32) -> u32 {
    minute / LINK_MINUTES
}
