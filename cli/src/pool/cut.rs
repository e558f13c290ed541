//! `tidepool pool cut`: any change of what answers what, for what `tidepool upgrade` does not do.

use alloy_primitives::{Address, Bytes, FixedBytes, U256};
use anyhow::{Context, anyhow, bail, ensure};
use clap::Args;
use client::{
    ARB_WASM, Node, Request,
    bindings::{ArbWasm, IDiamondCut, IDiamondCut::FacetCut, IRoles},
    decode::{self, interface},
};
use deploy::upgrade;

use super::{act::Governing, scene::Scene};
use crate::output::Failure;

/// `FACET=FUNCTION,FUNCTION`.
fn part(text: &str) -> Result<(String, Vec<FixedBytes<4>>), String> {
    let (facet, list) = text.split_once('=').ok_or("FACET=FUNCTION,… is expected, such as 0x1111…=stake,restake")?;
    Ok((facet.to_owned(), functions(list)?))
}

/// Functions of the pool by name, or any selectors.
fn functions(list: &str) -> Result<Vec<FixedBytes<4>>, String> {
    let abi = interface("pool").unwrap_or_default();
    let mut selectors = Vec::new();
    for name in list.split(',').map(str::trim) {
        if let Some(text) = name.strip_prefix("0x") {
            selectors.push(text.parse().map_err(|_| format!("{name}: not a selector, which is four bytes"))?);
            continue;
        }
        let found = abi.function(name).ok_or_else(|| format!("{name}: the pool's interfaces have no such function"))?;
        selectors.extend(found.iter().map(|function| function.selector()));
    }
    Ok(selectors)
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct CutRoutes {
    /// Functions that nobody answers yet, and who is to; functions by name or selector
    #[arg(long, value_name = "FACET=FUNCTION,…", value_parser = part, group = "what")]
    add: Vec<(String, Vec<FixedBytes<4>>)>,
    /// Functions that another is to answer
    #[arg(long, value_name = "FACET=FUNCTION,…", value_parser = part, group = "what")]
    replace: Vec<(String, Vec<FixedBytes<4>>)>,
    /// Functions that nobody is to answer any more
    #[arg(long, value_name = "FUNCTION,…", group = "what")]
    remove: Option<String>,
    /// Whom the pool delegates to after the cut
    #[arg(long, value_name = "CONTRACT", requires = "data")]
    init: Option<String>,
    /// Call data of that
    #[arg(long, value_name = "DATA", requires = "init")]
    data: Option<Bytes>,
    #[command(flatten)]
    governing: Governing,
}

impl CutRoutes {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.governing.look()?;
        let present = upgrade::routes(node.view(scene.pool, &IDiamondCut::facetsCall {})?);
        let cuts = self.cuts(&node, &scene)?;
        let after = upgrade::after(&present, &cuts);
        let shown = |facet: Option<&Address>| facet.map_or("nobody".to_owned(), |facet| scene.name(*facet));
        for selector in cuts.iter().flat_map(|cut| &cut.functionSelectors) {
            let name = decode::function_name(selector.0).unwrap_or_else(|| selector.to_string());
            eprintln!("{name}: {} to {}", shown(present.get(selector)), shown(after.get(selector)));
        }
        let init = self.init.as_deref().map_or(Ok(Address::ZERO), |text| scene.address(text))?;
        let call = IDiamondCut::diamondCutCall {
            _diamondCut: cuts,
            _init: init,
            _calldata: self.data.clone().unwrap_or_default(),
        };
        let request = Request::of(scene.pool, &call);
        try_as_owner(&node, &scene, &request)?;
        self.governing.act(&node, "Change the pool's routes", &[request])
    }

    fn cuts(&self, node: &Node, scene: &Scene) -> anyhow::Result<Vec<FacetCut>> {
        let mut cuts = Vec::new();
        for (action, parts) in [(0, &self.add), (1, &self.replace)] {
            for (facet, selectors) in parts {
                let facet = scene.address(facet)?;
                let version = node.view(ARB_WASM, &ArbWasm::programVersionCall { program: facet });
                version.with_context(|| format!("{facet} is no program that is active"))?;
                cuts.push(FacetCut { facetAddress: facet, action, functionSelectors: selectors.clone() });
            }
        }
        if let Some(list) = &self.remove {
            let selectors = functions(list).map_err(|error| anyhow!(error))?;
            cuts.push(FacetCut { facetAddress: Address::ZERO, action: 2, functionSelectors: selectors });
        }
        ensure!(!cuts.is_empty(), "nothing is cut");
        Ok(cuts)
    }
}

/// Tries the cut as an owner would send it: the pool itself refuses one that leaves nobody who cuts, or `markDebt` unanswered.
fn try_as_owner(node: &Node, scene: &Scene, request: &Request) -> anyhow::Result<()> {
    let people = crate::rehearsal::people::People::read(node, scene, node.at_latest()?.block)?;
    let Some(owner) = people.owners(node, scene.pool)?.into_iter().next() else {
        let count = node.view(scene.pool, &IRoles::getOwnerCountCall {})?;
        bail!("nobody whom an event names owns the pool (it counts {count}): the cut cannot be tried");
    };
    let request = Request { value: U256::ZERO, ..request.clone() };
    node.call_latest(Some(owner), &request).context("the pool refuses the cut, tried as its owner").map(drop)
}
