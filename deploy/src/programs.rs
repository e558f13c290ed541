//! Compiled programs, and the addresses that they get.

use std::{collections::BTreeMap, fs, path::Path};

use abi::{Request, bindings::StylusDeployer};
use alloy_primitives::{Address, B256, Bytes, U256, address, b256, keccak256};
use anyhow::{Context, ensure};
use serde::Deserialize;

/// Creates, activates and constructs programs: the only caller that their constructors accept.
pub const STYLUS_DEPLOYER: Address = address!("cEcba2F1DC234f70Dd89F2041029807F8D03A990");
/// Hash of its code.
pub const STYLUS_DEPLOYER_HASH: B256 = b256!("85c3998f7541c47e69d221966c2725e197d243190f367eefab6eda7c90c3994a");
/// Creates EVM code at addresses that are known in advance.
pub const CREATE2_FACTORY: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");
/// Hash of its code.
pub const CREATE2_FACTORY_HASH: B256 = b256!("2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989");

/// Selector of `stylus_constructor()`, before the encoded arguments.
pub const CONSTRUCTOR: [u8; 4] = [0x55, 0x85, 0x25, 0x8d];

/// Programs of the pool and what stands beside it, facets first: the order in which they are deployed.
pub const PROGRAMS: [&str; 13] = [
    "borrower-allocations",
    "debt-accounting",
    "diamond-cut",
    "epoch-schedule",
    "pool-views",
    "staked-token",
    "staking",
    "liquidity-staking",
    "merkle-distributor",
    "rewards-oracle",
    "claims-proxy",
    "treasury-claim-proxy",
    "trusted-borrower-l2-proxy",
];

/// What compilers make of this checkout: hashes of code by program, by compiler and optimiser.
const HASHES: &str = include_str!("../../contracts/hashes.json");

/// A compiled program.
#[derive(Clone, Debug)]
pub struct Program {
    /// The code that is deployed: prefix and compressed module.
    pub code: Bytes,
    /// Hash of the code, on which its activation hangs.
    pub hash: B256,
    /// Gas of its activation, as the build computed it; 0 if it did not say.
    pub activation_gas: u64,
}

/// The programs of one build.
#[derive(Clone, Debug)]
pub struct Programs {
    programs: BTreeMap<String, Program>,
    /// The compiler that made them, as it names itself; empty if the build did not say.
    pub compiler: String,
}

/// What a build leaves beside the programs.
#[derive(Debug, Default, Deserialize)]
struct Record {
    tools: Tools,
    programs: Vec<Figures>,
}

#[derive(Debug, Default, Deserialize)]
struct Tools {
    compiler: String,
    optimiser: String,
}

#[derive(Debug, Deserialize)]
struct Figures {
    name: String,
    activation_gas: u64,
}

impl Programs {
    /// Reads the folder that `scripts/build` writes.
    ///
    /// # Errors
    ///
    /// If a program is not there.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let codes = PROGRAMS.map(|name| {
            let path = folder.join(name).with_extension("code");
            let code = fs::read(&path).with_context(|| format!("{}: run scripts/build", path.display()))?;
            Ok((name, Bytes::from(code)))
        });
        let codes = codes.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        let record = fs::read(folder.join("record.json")).ok();
        let record: Record = record.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let gas: BTreeMap<_, _> = record.programs.iter().map(|one| (one.name.as_str(), one.activation_gas)).collect();
        let mut programs = Self::of(codes);
        for (name, program) in &mut programs.programs {
            program.activation_gas = gas.get(name.as_str()).copied().unwrap_or_default();
        }
        programs.compiler = [record.tools.compiler, record.tools.optimiser].join(", ");
        Ok(programs)
    }

    /// Programs by name.
    pub fn of<'a>(codes: impl IntoIterator<Item = (&'a str, Bytes)>) -> Self {
        let program = |(name, code): (&str, Bytes)| {
            let hash = keccak256(&code);
            (name.to_owned(), Program { code, hash, activation_gas: 0 })
        };
        Self { programs: codes.into_iter().map(program).collect(), compiler: String::new() }
    }

    /// Refuses programs whose code is not what their compiler makes of this checkout.
    ///
    /// # Errors
    ///
    /// If the list has nothing for the compiler, or another hash for a program, with both hashes.
    pub fn expect_listed(&self) -> anyhow::Result<()> {
        let lists: BTreeMap<String, BTreeMap<String, B256>> =
            serde_json::from_str(HASHES).context("contracts/hashes.json")?;
        let compiler = &self.compiler;
        let advice = "--unlisted-programs goes on all the same";
        let list = lists.get(compiler);
        let list = list.with_context(|| {
            format!("contracts/hashes.json has no list for {compiler:?}, which made the programs; {advice}")
        })?;
        for (name, program) in self.iter() {
            let (hash, listed) = (program.hash, list.get(name).copied().unwrap_or_default());
            ensure!(
                hash == listed,
                "{name}: its code has the hash {hash}, {compiler} makes code of the hash {listed} of this checkout: \
                 run scripts/build; {advice}"
            );
        }
        Ok(())
    }

    /// A program by its name.
    ///
    /// # Errors
    ///
    /// If it is not among them.
    pub fn get(&self, name: &str) -> anyhow::Result<&Program> {
        self.programs.get(name).with_context(|| format!("{name}: no such program"))
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Program)> {
        self.programs.iter().map(|(name, program)| (name.as_str(), program))
    }
}

/// A program that is created at an address known in advance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// Name of the program.
    pub program: String,
    /// Its code.
    pub code: Bytes,
    /// Selector of the constructor and its arguments; empty if there is none.
    pub init_data: Bytes,
    /// Salt, before the deployer mixes the call into it.
    pub salt: B256,
}

impl Creation {
    /// A program without a constructor, or with these encoded arguments.
    pub fn new(program: &str, code: Bytes, arguments: Option<Vec<u8>>, salt: B256) -> Self {
        let init_data = arguments.map_or_else(Vec::new, |arguments| [CONSTRUCTOR.as_slice(), &arguments].concat());
        Self { program: program.to_owned(), code, init_data: init_data.into(), salt }
    }

    /// Where it will be: it follows from salt, constructor call and code.
    pub fn address(&self) -> Address {
        let salt = keccak256([self.salt.as_slice(), &self.init_data].concat());
        STYLUS_DEPLOYER.create2_from_code(salt, init_code(&self.code))
    }

    /// The call of the deployer, with `fee` wei for the activation; what it does not need comes back.
    pub fn request(&self, fee: U256) -> Request {
        let call = StylusDeployer::deployCall {
            bytecode: init_code(&self.code).into(),
            initData: self.init_data.clone(),
            initValue: U256::ZERO,
            salt: self.salt,
        };
        Request::of(STYLUS_DEPLOYER, &call).with_value(fee)
    }
}

/// What creates a program, as cargo-stylus writes it. Its form is part of the address.
///
/// ```text
/// 00  7f LENGTH(32)        push the length
/// 21  80 60 2b 60 00 39    codecopy(0, 2b, length)
/// 27  60 00 f3             return(0, length)
/// 2a  00                   version
/// 2b  CODE
/// ```
pub fn init_code(code: &[u8]) -> Vec<u8> {
    let length = U256::from(code.len()).to_be_bytes::<32>();
    [&[0x7f][..], &length, &[0x80, 0x60, 0x2b, 0x60, 0, 0x39, 0x60, 0, 0xf3, 0], code].concat()
}

/// Refuses code that is not what the world knows at this address.
pub(crate) fn expect_code(found: &[u8], expected: B256, what: &str, advice: &str) -> anyhow::Result<()> {
    ensure!(!found.is_empty(), "{what} is not on this chain: {advice}");
    let hash = keccak256(found);
    ensure!(hash == expected, "{what}: its code has the hash {hash}, {expected} is expected: {advice}");
    Ok(())
}
