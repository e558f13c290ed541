//! From the facets of one build to those of another: what is cut, how that is taken back, and what a book remembers of it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use abi::bindings::IDiamondCut::{self, FacetCut};
use alloy_primitives::{Address, Bytes, FixedBytes};
use alloy_sol_types::SolCall;
use anyhow::bail;
use serde::{Deserialize, Serialize};

use crate::routes;

/// Which facet answers which selector.
pub type Routes = BTreeMap<FixedBytes<4>, Address>;

/// Where the pool keeps what: a table that a test holds against the compiled programs. An upgrade may add rows, and change none.
pub const LAYOUT: &str = include_str!("../../tests/suite/data/storage.csv");

/// Actions of a cut.
const ADD: u8 = 0;
const REPLACE: u8 = 1;
const REMOVE: u8 = 2;

/// A facet in the place of another.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// Name of its program.
    pub name: String,
    /// What stands there now.
    pub from: Address,
    /// What is to.
    pub to: Address,
    /// What it answers then.
    pub selectors: Vec<FixedBytes<4>>,
}

/// What happens to a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The new program answers what the old one answered.
    Kept,
    /// Nobody answered it.
    Added,
    /// Another facet answered it.
    Moved,
    /// Nobody answers it any more.
    Removed,
}

/// A change of routes, and the way back.
#[derive(Clone, Debug)]
pub struct Cut {
    /// What is done.
    pub forward: Vec<FacetCut>,
    /// What takes it back.
    pub inverse: Vec<FacetCut>,
    /// What happens to each selector, by the name of the facet.
    pub changes: Vec<(String, FixedBytes<4>, Change)>,
}

/// Changes that belong together, before they are lists of a cut: by action and facet.
#[derive(Debug, Default)]
struct Draft(BTreeMap<(u8, Address), Vec<FixedBytes<4>>>);

impl Draft {
    fn push(&mut self, action: u8, facet: Address, selector: FixedBytes<4>) {
        self.0.entry((action, facet)).or_default().push(selector);
    }

    fn finish(self) -> Vec<FacetCut> {
        let cut = |((action, facet), selectors)| FacetCut { facetAddress: facet, action, functionSelectors: selectors };
        self.0.into_iter().map(cut).collect()
    }
}

/// The cut that puts facets in the place of others; without changes if they are there already.
///
/// # Errors
///
/// If this build has a facet that is not among them answer what one of the old ones answers.
pub fn cut(present: &Routes, facets: &[Replacement]) -> anyhow::Result<Cut> {
    let (mut forward, mut inverse, mut changes) = (Draft::default(), Draft::default(), Vec::new());
    let taken: BTreeSet<_> = facets.iter().flat_map(|facet| facet.selectors.iter().copied()).collect();
    for facet in facets {
        for selector in &facet.selectors {
            let change = match present.get(selector) {
                Some(answers) if *answers == facet.to => continue,
                Some(answers) => {
                    forward.push(REPLACE, facet.to, *selector);
                    inverse.push(REPLACE, *answers, *selector);
                    if *answers == facet.from { Change::Kept } else { Change::Moved }
                }
                None => {
                    forward.push(ADD, facet.to, *selector);
                    inverse.push(REMOVE, Address::ZERO, *selector);
                    Change::Added
                }
            };
            changes.push((facet.name.clone(), *selector, change));
        }
        let left = present.iter().filter(|(selector, answers)| **answers == facet.from && !taken.contains(*selector));
        for (selector, _) in left {
            expect_nobodys(*selector)?;
            forward.push(REMOVE, Address::ZERO, *selector);
            inverse.push(ADD, facet.from, *selector);
            changes.push((facet.name.clone(), *selector, Change::Removed));
        }
    }
    Ok(Cut { forward: forward.finish(), inverse: inverse.finish(), changes })
}

/// Refuses to remove what another facet of this build answers.
fn expect_nobodys(selector: FixedBytes<4>) -> anyhow::Result<()> {
    let owner = routes::facets().into_iter().find(|(_, selectors)| selectors.contains(&selector));
    if let Some((name, _)) = owner {
        let function = abi::decode::function_name(selector.0).unwrap_or_else(|| selector.to_string());
        bail!("{function} has moved to the facet {name} in this build: upgrade that one too, or nobody answers it");
    }
    Ok(())
}

/// The routes after a cut, if the pool accepts it.
pub fn after(present: &Routes, cuts: &[FacetCut]) -> Routes {
    let mut routes = present.clone();
    for cut in cuts {
        for selector in &cut.functionSelectors {
            match cut.action {
                REMOVE => routes.remove(selector),
                _ => routes.insert(*selector, cut.facetAddress),
            };
        }
    }
    routes
}

/// Call data of a cut that initialises nothing.
pub fn call(cuts: &[FacetCut]) -> Bytes {
    let call =
        IDiamondCut::diamondCutCall { _diamondCut: cuts.to_vec(), _init: Address::ZERO, _calldata: Bytes::new() };
    call.abi_encode().into()
}

/// The routes that a loupe tells.
pub fn routes(facets: Vec<IDiamondCut::Facet>) -> Routes {
    let each = |facet: IDiamondCut::Facet| {
        facet.functionSelectors.into_iter().map(move |selector| (selector, facet.facetAddress))
    };
    facets.into_iter().flat_map(each).collect()
}

/// Rows of an older table that this build has changed or lost.
pub fn changed_rows(older: &[String]) -> Vec<String> {
    let rows: BTreeSet<_> = layout_rows().into_iter().collect();
    older.iter().filter(|row| !rows.contains(*row)).cloned().collect()
}

/// The rows of [`LAYOUT`].
pub fn layout_rows() -> Vec<String> {
    LAYOUT.lines().skip(1).map(str::to_owned).collect()
}

/// An upgrade, as the book of a deployment remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Upgrade {
    /// The first one is 1.
    pub number: u64,
    /// The facets that changed.
    pub facets: Vec<Moved>,
    /// Call data of the cut.
    pub cut: Bytes,
    /// Call data of what takes it back.
    pub inverse: Bytes,
    /// Whether it was.
    pub rolled_back: bool,
}

/// A facet that changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// Name of its program.
    pub name: String,
    /// What stood there.
    pub from: Address,
    /// What stands there since.
    pub to: Address,
}

/// Name of the step that creates a facet of an upgrade.
pub fn step(facet: &str, number: u64) -> String {
    format!("{facet} (upgrade {number})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(byte: u8) -> FixedBytes<4> {
        FixedBytes::repeat_byte(byte)
    }

    fn facet(byte: u8) -> Address {
        Address::repeat_byte(byte)
    }

    #[test]
    fn the_inverse_of_a_cut_leads_back_to_where_it_began() {
        // Facet 1 keeps 1, loses 2, gets 3, and takes 5 from facet 2; facet 2 is replaced too.
        let present = [(1, 1), (2, 1), (5, 2), (6, 2)].map(|(s, f)| (selector(s), facet(f))).into();
        let replacement = |from: u8, to: u8, selectors: &[u8]| Replacement {
            name: from.to_string(),
            from: facet(from),
            to: facet(to),
            selectors: selectors.iter().map(|byte| selector(*byte)).collect(),
        };
        let cut = cut(&present, &[replacement(1, 11, &[1, 3, 5]), replacement(2, 12, &[6])]).unwrap();
        let there = after(&present, &cut.forward);
        let expected: Routes = [(1, 11), (3, 11), (5, 11), (6, 12)].map(|(s, f)| (selector(s), facet(f))).into();
        assert_eq!(there, expected);
        assert_eq!(after(&there, &cut.inverse), present);
        let kinds: Vec<_> = cut.changes.iter().map(|(_, selector, change)| (selector.0[0], *change)).collect();
        let all = [(1, Change::Kept), (3, Change::Added), (5, Change::Moved), (2, Change::Removed), (6, Change::Kept)];
        assert_eq!(kinds, all);
        assert!(super::cut(&there, &[replacement(11, 11, &[1, 3, 5])]).unwrap().changes.is_empty(), "nothing to do");
    }

    #[test]
    fn what_another_facet_of_this_build_answers_is_not_removed() {
        let facets = routes::facets();
        let (staking, views) = (&facets[6], &facets[4]);
        let present = Routes::from([(staking.1[0], facet(1)), (views.1[0], facet(1))]);
        let only =
            Replacement { name: staking.0.to_owned(), from: facet(1), to: facet(2), selectors: vec![staking.1[0]] };
        let error = cut(&present, &[only]).unwrap_err().to_string();
        assert!(error.contains("has moved to the facet pool-views"), "{error}");
    }

    #[test]
    fn a_row_may_be_added_and_none_changed() {
        let rows = layout_rows();
        assert!(changed_rows(&rows[..rows.len() - 1]).is_empty());
        let changed = rows[3].replace("112", "128");
        assert_eq!(changed_rows(&[rows[0].clone(), changed.clone()]), [changed]);
    }
}
