//! Whose an order is: 20 bytes, in whatever spelling an exchange has them.

use std::{collections::HashMap, path::Path};

use alloy_primitives::Address;
use bech32::FromBase32;
use rewards::book::parse_address;
use rewards_files::{Error, rows};

/// The owner is none that has an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("owner `{text}`: {reason}")]
pub struct NotAnOwner {
    text: String,
    reason: &'static str,
}

/// Finds the addresses of owners.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    /// What the exchange calls them, for exchanges with names of their own.
    listed: HashMap<String, Address>,
}

impl Owners {
    /// Reads a table `owner, account`.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or an owner has two rows.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let mut listed = HashMap::new();
        let problems = rows::read(path, &["owner", "account"], |row| {
            let [owner, account] = row else { return Err("two fields".to_owned()) };
            let account = parse_address(account).map_err(|flaw| flaw.to_string())?;
            match listed.insert(owner.clone(), account) {
                Some(_) => Err(format!("a second account of `{owner}`")),
                None => Ok(()),
            }
        })?;
        if problems.is_empty() { Ok(Self { listed }) } else { Err(Error::Malformed(problems)) }
    }

    /// The address of an owner: as listed; 0x and 40 hexadecimal digits; bech32 of 20 bytes whatever its prefix (`dydx1…`, `inj1…`). Where there is
    /// a list, who is not on it and has no address of these forms is nobody: the zero address.
    ///
    /// # Errors
    ///
    /// If it is none of these, and there is no list.
    pub fn address(&self, text: &str) -> Result<Address, NotAnOwner> {
        if let Some(account) = self.listed.get(text) {
            return Ok(*account);
        }
        let found = if text.starts_with("0x") || text.starts_with("0X") {
            parse_address(text).map_err(|_| "not 0x and 40 hexadecimal digits")
        } else {
            of_bech32(text)
        };
        match found {
            Ok(account) => Ok(account),
            Err(_) if !self.listed.is_empty() => Ok(Address::ZERO),
            Err(reason) => Err(NotAnOwner { text: text.chars().take(100).collect(), reason }),
        }
    }
}

fn of_bech32(text: &str) -> Result<Address, &'static str> {
    let (_, digits, variant) = bech32::decode(text).map_err(|_| "neither an address nor bech32")?;
    let bytes = Vec::<u8>::from_base32(&digits).map_err(|_| "bech32 of no whole bytes")?;
    if variant != bech32::Variant::Bech32 {
        return Err("bech32m: account addresses are bech32");
    }
    Address::try_from(bytes.as_slice()).map_err(|_| "bech32 of more or fewer than 20 bytes")
}
