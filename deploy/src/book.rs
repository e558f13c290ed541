//! The book of a deployment: a folder with a file for each contract, in the shape that hardhat-deploy gave them, so that the tools of the
//! field read it; and what Stylus needs beside that.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use abi::decode::interface;
use alloy_json_abi::JsonAbi;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::{
    Action, Creation, Deployment, Step, routes,
    upgrade::{self, Upgrade},
};

/// File of what was changed since the deployment.
const UPGRADES: &str = "upgrades.json";

/// A folder of a deployment, `deployments/<chain id>` by default.
#[derive(Clone, Debug)]
pub struct Book {
    folder: PathBuf,
}

impl Book {
    /// The book in a folder, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn create(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// A book that is there.
    ///
    /// # Errors
    ///
    /// If there is none in the folder.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let book = Self { folder: folder.to_owned() };
        if !book.path("addresses.json").is_file() {
            bail!("{}: no book of a deployment there (addresses.json)", folder.display());
        }
        Ok(book)
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Addresses by name.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn addresses(&self) -> anyhow::Result<BTreeMap<String, Address>> {
        let path = self.path("addresses.json");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// The plan as it was used.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn plan(&self) -> anyhow::Result<String> {
        let path = self.path("plan.toml");
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    }

    /// A file of it as JSON.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn read_json(&self, name: &str) -> anyhow::Result<Value> {
        let path = self.path(name);
        let text = fs::read(&path).with_context(|| path.display().to_string())?;
        serde_json::from_slice(&text).with_context(|| path.display().to_string())
    }

    /// Upgrades since the deployment, the first one first.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn upgrades(&self) -> anyhow::Result<Vec<Upgrade>> {
        if !self.path(UPGRADES).exists() {
            return Ok(Vec::new());
        }
        serde_json::from_value(self.read_json(UPGRADES)?).context(UPGRADES)
    }

    /// Writes down all upgrades.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub fn write_upgrades(&self, upgrades: &[Upgrade]) -> anyhow::Result<()> {
        self.write_json(UPGRADES, &json!(upgrades))
    }

    /// Rows of the table of storage that the pool was deployed with.
    ///
    /// # Errors
    ///
    /// If the file of the pool does not have them.
    pub fn layout(&self) -> anyhow::Result<Vec<String>> {
        let mut pool = self.read_json("Pool.json")?;
        let rows = pool.get_mut("storageLayout").map(Value::take).unwrap_or_default();
        serde_json::from_value(rows).context("Pool.json: it has no storageLayout, a list of rows")
    }

    /// The call that the pool's router was constructed with.
    ///
    /// # Errors
    ///
    /// If the file of the pool does not have it.
    pub fn construction(&self) -> anyhow::Result<Bytes> {
        let mut pool = self.read_json("Pool.json")?;
        let call = pool.pointer_mut("/stylus/constructorCall").map(Value::take).unwrap_or_default();
        serde_json::from_value(call).context("Pool.json: it has no stylus.constructorCall")
    }

    /// Writes a file whole or not at all.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let (path, draft) = (self.path(name), self.path(&format!(".{name}.draft")));
        let write = || {
            let mut file = File::create(&draft)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&draft, &path)
        };
        write().with_context(|| path.display().to_string())
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write_json(&self, name: &str, value: &Value) -> anyhow::Result<()> {
        self.write(name, &format!("{}\n", serde_json::to_string_pretty(value)?))
    }

    /// Writes down names and addresses.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub fn write_addresses(&self, deployment: &Deployment) -> anyhow::Result<()> {
        let addresses: BTreeMap<_, _> = deployment.contracts().map(|(id, address)| (file_name(id), address)).collect();
        self.write_json("addresses.json", &json!(addresses))
    }
}

/// What is known of the transaction that created a contract.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Its hash.
    pub hash: B256,
    /// Its receipt, as the node gives it.
    pub receipt: Value,
}

/// What is known of a program on its chain.
#[derive(Clone, Debug)]
pub struct Activation {
    /// Version of Stylus that it was activated for.
    pub version: u16,
    /// Whether it has its place in the cache.
    pub cached: bool,
    /// Who compiled it.
    pub compiler: String,
}

/// A contract as it stands in its file; nothing for a step that creates none.
pub fn contract(step: &Step, origin: Option<&Origin>, activation: Option<&Activation>) -> Option<Value> {
    let address = step.action.creates()?;
    let (hash, receipt) = origin.map_or((Value::Null, Value::Null), |it| (json!(it.hash), it.receipt.clone()));
    let mut value = json!({
        "address": address,
        "abi": abi(&step.id),
        "transactionHash": hash,
        "receipt": receipt,
        "numDeployments": 1,
        "metadata": json!({ "language": "Rust (Stylus)" }).to_string(),
    });
    let object = value.as_object_mut()?;
    match &step.action {
        Action::Create(creation) => {
            object.insert("args".to_owned(), json!([creation.init_data]));
            object.insert("bytecode".to_owned(), json!(Bytes::from(crate::init_code(&creation.code))));
            object.insert("deployedBytecode".to_owned(), json!(creation.code));
            object.insert("stylus".to_owned(), stylus(creation, activation));
            if creation.program == "liquidity-staking" {
                object.insert("storageLayout".to_owned(), json!(upgrade::layout_rows()));
            }
        }
        Action::Clone { init_code, code, salt, .. } => {
            object.insert("args".to_owned(), json!([]));
            object.insert("bytecode".to_owned(), json!(init_code));
            object.insert("deployedBytecode".to_owned(), json!(code));
            object.insert("salt".to_owned(), json!(salt));
        }
        Action::Call { .. } | Action::Bid { .. } => return None,
    }
    Some(value)
}

fn stylus(creation: &Creation, activation: Option<&Activation>) -> Value {
    json!({
        "program": creation.program,
        "codeHash": keccak256(&creation.code),
        "codeSize": creation.code.len(),
        "salt": creation.salt,
        "constructorCall": creation.init_data,
        "version": activation.map(|activation| activation.version),
        "cached": activation.map(|activation| activation.cached),
        "compiler": activation.map(|activation| activation.compiler.clone()),
    })
}

/// Name of a contract's file, without `.json`: `Pool`, `MerkleDistributor`, `Borrower-first-maker`.
pub fn file_name(id: &str) -> String {
    if id == "liquidity-staking" {
        return "Pool".to_owned();
    }
    if let Some(name) = id.strip_prefix("borrower ") {
        return format!("Borrower-{name}");
    }
    let capitalised = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    };
    id.split('-').map(capitalised).collect()
}

/// Everything that a contract answers, by the id of the step that creates it.
pub fn abi(id: &str) -> JsonAbi {
    let one = |name| interface(name).unwrap_or_default();
    let with_roles = |name| {
        let (mut abi, roles) = (one(name), one("IRoles"));
        abi.functions.extend(roles.functions);
        abi.events.extend(roles.events);
        abi.errors.extend(roles.errors);
        abi
    };
    match id {
        "liquidity-staking" => routes::pool_abi(),
        "merkle-distributor" => with_roles("IMerkleDistributor"),
        "rewards-oracle" => with_roles("IRewardsOracle"),
        "claims-proxy" => one("IClaimsProxy"),
        "treasury-claim-proxy" => one("ITreasuryClaimProxy"),
        "trusted-borrower-l2-proxy" => one("ITrustedBorrowerL2Proxy"),
        id if id.starts_with("borrower ") => one("ITrustedBorrowerL2Proxy"),
        id => routes::FACETS
            .into_iter()
            .find(|(program, _)| *program == id)
            .map(|(_, name)| one(name))
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_contracts() {
        let names = ["liquidity-staking", "merkle-distributor", "staking", "borrower first-maker"].map(file_name);
        assert_eq!(names, ["Pool", "MerkleDistributor", "Staking", "Borrower-first-maker"]);
    }

    #[test]
    fn every_contract_has_an_interface() {
        for id in crate::PROGRAMS {
            assert!(!abi(id).functions.is_empty(), "{id}");
        }
    }
}
