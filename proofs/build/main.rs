//! Turns the source of the contracts into the same source over symbolic numbers.
//!
//! Nothing is written by hand twice: each function that is proved is the text of `contracts/`, parsed, with other types behind the names
//! of its numbers. What is left out is listed here, with the reason.

mod mutants;
mod numbers;

use std::{env, fs, path::Path};

use anyhow::{Context, Result};
use quote::quote;

/// A file of the contracts.
struct Source {
    /// Below `contracts/`.
    file: &'static str,
    /// The module that it becomes, and the module that this is in.
    module: &'static str,
    parent: &'static str,
    /// Functions, types and constants that are left out.
    without: &'static [&'static str],
    /// Whether its operators can be mutated.
    mutable: bool,
}

const fn pure(file: &'static str, module: &'static str, parent: &'static str) -> Source {
    Source { file, module, parent, without: &[], mutable: true }
}

const fn facet(file: &'static str, module: &'static str, without: &'static [&'static str]) -> Source {
    Source { file, module, parent: "facets", without, mutable: false }
}

const SOURCES: &[Source] = &[
    pure("balances/src/allocation.rs", "allocation", "balances"),
    pure("balances/src/balance.rs", "balance", "balances"),
    pure("balances/src/error.rs", "error", "balances"),
    pure("balances/src/loans.rs", "loans", "balances"),
    pure("balances/src/rewards.rs", "rewards", "balances"),
    pure("balances/src/schedule.rs", "schedule", "balances"),
    // `digest` puts bytes in a row; there is no number in it but their count.
    Source { without: &["digest", "MAX_CID"], ..pure("distribution/src/quorum.rs", "quorum", "distribution") },
    pure("distribution/src/roots.rs", "roots", "distribution"),
    pure("distribution/src/schedule.rs", "schedule", "distribution"),
    // `claimable` and the list of modules; `merkle` hashes bytes.
    Source { without: &["merkle"], ..pure("distribution/src/lib.rs", "claims", "distribution") },
    Source { parent: "pool_storage", ..facet("pool-storage/src/ledger.rs", "ledger", &[]) },
    // A list of eight selectors is no amount.
    Source {
        parent: "pool_storage",
        ..facet("pool-storage/src/words.rs", "words", &["Selectors", "selector_key", "tests"])
    },
    // Names and text of the interface apart, everything.
    facet("staking/src/lib.rs", "staking", &[]),
    facet("borrower-allocations/src/lib.rs", "borrower_allocations", &[]),
    facet("debt-accounting/src/lib.rs", "debt_accounting", &[]),
    // Of the token, what moves stake; allowances are numbers that nothing else depends on.
    facet(
        "staked-token/src/lib.rs",
        "staked_token",
        &[
            "permit",
            "nonces",
            "domain_separator",
            "name",
            "symbol",
            "decimals",
            "approve",
            "increase_allowance",
            "decrease_allowance",
        ],
    ),
    // Of the schedule, what settles rewards or moves tokens: `OF_SCHEDULE`.
    facet("epoch-schedule/src/lib.rs", "epoch_schedule", &[]),
];

/// What is taken of `epoch-schedule`: the rate and the surplus. The rest is roles, parameters and construction.
const OF_SCHEDULE: &[&str] =
    &["EpochSchedule", "set_rewards_per_second", "sweep_surplus", "checked_rate", "settle_total"];

fn main() -> Result<()> {
    let contracts = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../contracts");
    println!("cargo::rerun-if-changed=build");
    let mut sites = mutants::Sites::default();
    let mut parents: Vec<(&str, proc_macro2::TokenStream)> = vec![];
    for source in SOURCES {
        let path = contracts.join(source.file);
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let mut file = syn::parse_file(&text).with_context(|| format!("{} is no Rust", path.display()))?;
        numbers::leave_out(&mut file, &|name| {
            source.without.contains(&name)
                || source.module == "epoch_schedule" && name != "EpochSchedule" && !OF_SCHEDULE.contains(&name)
        });
        if source.mutable {
            sites.visit(source.file, &mut file);
        }
        numbers::rewrite(&mut file, source.parent);
        let (module, items) = (quote::format_ident!("{}", source.module), &file.items);
        let one = quote! { pub mod #module { #(#items)* } };
        match parents.iter_mut().find(|(parent, _)| *parent == source.parent) {
            Some((_, all)) => all.extend(one),
            None => parents.push((source.parent, one)),
        }
    }
    let modules = parents.into_iter().map(|(parent, modules)| {
        let name = quote::format_ident!("{parent}");
        let exports = exports(parent);
        quote! { pub mod #name { #modules #exports } }
    });
    let table = sites.table();
    let all = quote! { #(#modules)* #table };
    // A line each, for those who read what the compiler says of it.
    let text = all.to_string().replace("; ", ";\n").replace("{ ", "{\n").replace("} ", "}\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("source.rs"), text)?;
    Ok(())
}

/// What the crate's own `lib.rs` says of its modules.
fn exports(parent: &str) -> proc_macro2::TokenStream {
    match parent {
        "balances" => quote! {
            pub use self::{
                allocation::{Allocation, TOTAL_ALLOCATION},
                balance::{Active, Crossed, Inactive, Shortfall, to_balance},
                error::Error,
                loans::{Attribution, allocated_down, excess_points, haircut},
                rewards::{GlobalRewards, UserRewards, max_rate},
                schedule::Schedule,
            };
        },
        "pool_storage" => quote! {
            pub use self::ledger::Moment;
            pub use crate::host::{HOST, Name, Pool, Revert, Role, Permit, revert};
        },
        _ => quote! {},
    }
}
