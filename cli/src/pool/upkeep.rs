//! What keeps a pool's programs running and cheap: their activation, their life of a year, their place in the chain's cache.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, keccak256};
use anyhow::Context;
use clap::Args;
use client::{
    ARB_WASM, ARB_WASM_CACHE, Error, Request, Sender,
    bindings::{ArbWasm, ArbWasmCache, CacheManager, IDiamondCut},
    exact,
};

use super::act::Acting;
use crate::output::Failure;

/// Seconds of a day.
const DAY: u64 = 86_400;

#[derive(Debug, Args)]
pub(crate) struct Keepalive {
    /// Programs that have no more than this many days left; the chain allows it from the 31st day of a program on
    #[arg(long, value_name = "DAYS", default_value_t = 60)]
    within: u64,
    #[command(flatten)]
    acting: Acting,
}

#[derive(Debug, Args)]
pub(crate) struct Cache {
    /// The most that one place may cost, in ether
    #[arg(long, value_name = "ETHER", default_value = "0.01")]
    max_bid: String,
    #[command(flatten)]
    acting: Acting,
}

/// Programs of the book and facets of its pool, each code once, with a name.
fn programs(sender: &Sender, names: &BTreeMap<String, Address>) -> anyhow::Result<Vec<(String, Address, B256)>> {
    let mut named: Vec<_> = names.iter().map(|(name, address)| (*address, name.clone())).collect();
    // A pool that has expired tells nothing; the book has the facets of a deployment.
    if let Some(Ok(facets)) = names.get("Pool").map(|pool| sender.node.view(*pool, &IDiamondCut::facetsCall {})) {
        named.extend(facets.into_iter().map(|facet| (facet.facetAddress, facet.facetAddress.to_string())));
    }
    let mut programs = BTreeMap::new();
    for (address, name) in named {
        let code = sender.node.code(address)?;
        // What is no program of Stylus, such as a market maker's clone, has no life to prolong.
        if code.starts_with(&[0xef, 0xf0]) {
            programs.entry(keccak256(&code)).or_insert((name, address));
        }
    }
    Ok(programs.into_iter().map(|(hash, (name, address))| (name, address, hash)).collect())
}

/// What is sent along with a fee: each program that is activated or kept alive raises the price for those that follow for a while, and what is
/// not needed comes back.
fn offered(fee: U256) -> U256 {
    fee.saturating_mul(U256::from(4))
}

impl Keepalive {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (sender, names) = self.acting.prepare_blind()?;
        let mut requests = Vec::new();
        for (name, program, codehash) in programs(&sender, &names)? {
            let left = sender.node.view(ARB_WASM, &ArbWasm::programTimeLeftCall { program });
            let left: u64 = match left {
                Ok(seconds) => seconds,
                Err(error) => {
                    eprintln!("{name} is not active ({error:#}): it is activated");
                    let fee = sender.node.activation_fee(&sender.node.code(program)?)?;
                    let call = ArbWasm::activateProgramCall { program };
                    requests.push(Request::of(ARB_WASM, &call).with_value(offered(fee)));
                    continue;
                }
            };
            let days = left / DAY;
            if days > self.within {
                eprintln!("{name} has {days} days left");
                continue;
            }
            match fee(&sender, codehash)? {
                None => eprintln!("{name} has {days} days left: too young to be kept alive"),
                Some(fee) => {
                    eprintln!("{name} has {days} days left: it gets a year");
                    let call = ArbWasm::codehashKeepaliveCall { codehash };
                    requests.push(Request::of(ARB_WASM, &call).with_value(offered(fee)));
                }
            }
        }
        if requests.is_empty() {
            return Err(Failure::AlreadySo(anyhow::anyhow!("every program has more than {} days left", self.within)));
        }
        self.acting.send(&sender, &requests, |_| vec![format!("{} programs are good for a year", requests.len())])
    }
}

/// What keeping a program alive costs, wei: the chain says it when it is offered nothing. Nothing if it is too early.
fn fee(sender: &Sender, codehash: B256) -> anyhow::Result<Option<U256>> {
    use alloy_sol_types::SolError;

    let call = Request::of(ARB_WASM, &ArbWasm::codehashKeepaliveCall { codehash });
    match sender.node.call_latest(Some(sender.address()), &call) {
        Ok(_) => Ok(Some(U256::ZERO)),
        Err(Error::Reverted(data)) => match ArbWasm::ProgramInsufficientValue::abi_decode(&data) {
            Ok(error) => Ok(Some(error.want)),
            Err(_) if ArbWasm::ProgramKeepaliveTooSoon::abi_decode(&data).is_ok() => Ok(None),
            Err(_) => Err(Error::Reverted(data)).context("keeping a program alive"),
        },
        Err(error) => Err(error).context("keeping a program alive"),
    }
}

impl Cache {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (sender, names) = self.acting.prepare_blind()?;
        let most = client::amount(&self.max_bid, 18).map_err(anyhow::Error::msg)?;
        let managers = sender.node.view(ARB_WASM_CACHE, &ArbWasmCache::allCacheManagersCall {})?;
        let manager = *managers.last().context("this chain has no manager of the cache")?;
        let mut requests = Vec::new();
        for (name, program, codehash) in programs(&sender, &names)? {
            if sender.node.view(ARB_WASM_CACHE, &ArbWasmCache::codehashIsCachedCall { codehash })? {
                continue;
            }
            let bid = U256::from(sender.node.view(manager, &CacheManager::getMinBidCall { program })?);
            if bid > most {
                let [bid, most] = [bid, most].map(|wei| exact(wei, 18));
                return Err(refused(&name, &bid, &most).into());
            }
            eprintln!("{name}: a place for {} ETH", exact(bid, 18));
            requests.push(Request::of(manager, &CacheManager::placeBidCall { program }).with_value(bid));
        }
        if requests.is_empty() {
            return Err(Failure::AlreadySo(anyhow::anyhow!("every program has its place in the cache")));
        }
        self.acting.send(&sender, &requests, |_| vec![format!("{} programs got a place", requests.len())])
    }
}

fn refused(name: &str, bid: &str, most: &str) -> anyhow::Error {
    anyhow::anyhow!("{name}: a place in the cache costs {bid} ETH now, --max-bid allows {most}")
}
