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
    /// All that is taken, if not everything.
    only: &'static [&'static str],
    /// Whether its operators can be mutated.
    mutable: bool,
}

const fn pure(file: &'static str, module: &'static str, parent: &'static str) -> Source {
    Source { file, module, parent, without: &[], only: &[], mutable: true }
}

const fn facet(file: &'static str, module: &'static str, without: &'static [&'static str]) -> Source {
    Source { file, module, parent: "facets", without, only: &[], mutable: false }
}

const fn distributor(file: &'static str, module: &'static str, without: &'static [&'static str]) -> Source {
    Source { parent: "merkle_distributor", ..facet(file, module, without) }
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
    Source { only: OF_SCHEDULE, ..facet("epoch-schedule/src/lib.rs", "epoch_schedule", &[]) },
    // Without what readers ask.
    distributor("merkle-distributor/src/roots.rs", "roots", &["active", "proposed"]),
    distributor("merkle-distributor/src/claims.rs", "claims", &["preview", "check_funds"]),
    Source { only: OF_DISTRIBUTOR, ..distributor("merkle-distributor/src/lib.rs", "program", &[]) },
];

/// What is taken of `epoch-schedule`: parameters, rate and surplus. The rest is roles and construction.
const OF_SCHEDULE: &[&str] = &[
    "EpochSchedule",
    "has_epoch_zero_started",
    "set_epoch_parameters",
    "set_blackout_window",
    "set_rewards_per_second",
    "sweep_surplus",
    "check_future",
    "check_same_epoch",
    "check_same_start",
    "check_open",
    "checked_rate",
    "settle_total",
    "store_schedule",
    "set_epochs",
];

/// What is taken of the distributor's program: claims, and the life of a root. The rest is configuration, roles and what readers ask.
const OF_DISTRIBUTOR: &[&str] = &[
    "MerkleDistributor",
    "claim_rewards",
    "claim_rewards_for",
    "claim_many",
    "set_always_allow_claims_for",
    "propose_root",
    "update_root",
    "update_expected_root",
    "cancel_proposed_root",
    "pause_root_updates",
    "unpause_root_updates",
];

fn main() -> Result<()> {
    let contracts = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../contracts");
    println!("cargo::rerun-if-changed=build");
    let mut sites = mutants::Sites::default();
    let (mut parents, mut natives) = (Modules::default(), Modules::default());
    for source in SOURCES {
        let path = contracts.join(source.file);
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let mut file = syn::parse_file(&text).with_context(|| format!("{} is no Rust", path.display()))?;
        numbers::leave_out(&mut file, &|name| {
            source.without.contains(&name) || !source.only.is_empty() && !source.only.contains(&name)
        });
        if source.mutable {
            natives.put(source, &numbers::as_it_is(&file, source.parent).items);
            sites.visit(source.file, &mut file);
        }
        numbers::rewrite(&mut file, source.parent);
        if source.module == "program" {
            // Constants of the program, whose numbers are hashes.
            file.items.push(syn::parse_quote!(
                use crate::program::{PAUSER, UNPAUSER};
            ));
        }
        parents.put(source, &file.items);
    }
    let table = sites.table();
    write("source.rs", &format!("{} {table}", parents.text(true)))?;
    // What the terms are compared with: the same functions, over the numbers that they were written for.
    write("native.rs", &natives.text(false))
}

/// Modules by the module that they are in.
#[derive(Default)]
struct Modules(Vec<(&'static str, proc_macro2::TokenStream)>);

impl Modules {
    fn put(&mut self, source: &Source, items: &[syn::Item]) {
        let module = quote::format_ident!("{}", source.module);
        let one = quote! { pub mod #module { #(#items)* } };
        match self.0.iter_mut().find(|(parent, _)| *parent == source.parent) {
            Some((_, all)) => all.extend(one),
            None => self.0.push((source.parent, one)),
        }
    }

    /// All of them. Over terms, there is also what stands in for others.
    fn text(self, over_terms: bool) -> String {
        let modules = self.0.into_iter().map(|(parent, modules)| {
            let name = quote::format_ident!("{parent}");
            let (exports, others) = (
                exports(parent),
                if over_terms {
                    stand_ins(parent)
                } else {
                    quote! {}
                },
            );
            quote! { pub mod #name { #modules #exports #others } }
        });
        quote! { #(#modules)* }.to_string()
    }
}

fn write(name: &str, text: &str) -> Result<()> {
    // A line each, for those who read what the compiler says of it.
    let text = text.replace("; ", ";\n").replace("{ ", "{\n").replace("} ", "}\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join(name), text)?;
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
        "pool_storage" => quote! { pub use self::ledger::Moment; },
        _ => quote! {},
    }
}

/// What stands in for the rest of a crate.
fn stand_ins(parent: &str) -> proc_macro2::TokenStream {
    match parent {
        "pool_storage" => quote! { pub use crate::host::{HOST, Name, Pool, Revert, Role, Permit, revert}; },
        "distribution" => quote! { pub use self::claims::claimable; pub use crate::program::merkle; },
        "merkle_distributor" => quote! {
            pub use crate::program::{CLAIM_OPERATOR, oracle};
            pub mod storage { pub use crate::program::Words; }
        },
        _ => quote! {},
    }
}
