//! `tidepool deploy` and `tidepool verify-deployment`.

mod verify;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use ::deploy::{
    Action, Deployment, Entry, Host, Journal, Plan, Programs, Progress,
    book::{self, Book},
    preflight::{self, Findings},
    upgrade::{self, Upgrade},
};
use alloy_primitives::{Address, B256, keccak256};
use anyhow::{Context, anyhow, bail};
use clap::Args;
use client::{ARB_WASM, Request, Sender, Sending, bindings::ArbWasm, exact};
use serde::Serialize;

pub(crate) use verify::Verify;

use crate::{
    output::{self, Failure, Usage, say},
    proposal::Proposal,
    rehearsal::{Deployer, Rehearsal},
};

/// Where `scripts/build` leaves programs.
pub(crate) const PROGRAMS: &str = "contracts/target/stylus";

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// The plan: see deploy/plan.example.toml
    plan: PathBuf,
    /// Folder of the compiled programs
    #[arg(long, value_name = "FOLDER", default_value = PROGRAMS)]
    programs: PathBuf,
    /// Folder of the book [default: deployments/CHAIN]
    #[arg(long, value_name = "FOLDER")]
    deployment: Option<PathBuf>,
    /// Deploy programs too that are not in contracts/hashes.json, which says what compilers make of this checkout
    #[arg(long)]
    unlisted_programs: bool,
    /// Look at everything, show steps and addresses, send nothing
    #[arg(long)]
    preflight: bool,
    /// Carry everything out on a chain in this process that begins where the node is, send nothing; with --from and --unsigned no key is needed
    #[arg(long, conflicts_with = "preflight")]
    rehearse: bool,
    #[command(flatten)]
    sending: Sending,
}

/// What a deployment came to.
#[derive(Debug, Serialize)]
struct Deployed {
    chain: u64,
    deployer: Address,
    addresses: BTreeMap<String, Address>,
    transactions: usize,
    gas_used: u64,
    seconds: u64,
    /// What the new owner has to send.
    acceptance: Option<PathBuf>,
    verified: ::deploy::verify::Report,
}

impl Deploy {
    /// Brings what a plan says to a chain, from wherever an earlier run stopped.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let text = fs::read_to_string(&self.plan).with_context(|| self.plan.display().to_string())?;
        let plan = Plan::read(&text).with_context(|| self.plan.display().to_string())?;
        let programs = Programs::read(&self.programs)?;
        if !self.unlisted_programs {
            programs.expect_listed()?;
        }
        let sends = !self.preflight && !self.rehearse;
        let mut sender = if sends { self.sending.prepare()? } else { self.sending.prepare_to_look()? };
        if sends && !sender.can_sign() {
            let text = "a deployment is signed here, step by step; --preflight looks without a key".to_owned();
            return Err(anyhow::Error::from(Usage(text)).into());
        }
        let deployment = Deployment::of(&plan, &programs, sender.address())?;
        let findings = preflight::preflight(&sender, &plan, &programs, &deployment)?;
        self.show(&sender, &findings)?;
        if self.preflight {
            return Ok(());
        }
        preflight::expect_balance(&sender, &findings)?;
        if self.rehearse {
            return self.rehearse(&plan, &deployment, sender.address());
        }
        let folder = self.deployment.clone().unwrap_or_else(|| default_folder(plan.chain));
        let book = Book::create(&folder)?;
        let mut journal = begin(&book, &plan, &text, &deployment, &sender)?;
        let left = findings.steps.iter().filter(|step| !step.done).count();
        if left > 0 {
            sender.confirm(&format!("Send {left} transactions?"))?;
        }
        let begun = Instant::now();
        carry_out(&mut sender, &deployment, &mut journal)?;
        let seconds = begun.elapsed().as_secs();
        write_book(&book, &sender, &programs, &deployment, &journal)?;
        let acceptance = write_acceptance(&book, plan.chain, &deployment)?;
        let (origins, addresses) = (origins(&journal), book.addresses()?);
        let verified = ::deploy::verify::verify(
            &sender.node.at_latest()?,
            &plan,
            &deployment,
            sender.address(),
            &origins,
            &addresses,
        )?;
        let confirmed = journal.confirmed();
        let deployed = Deployed {
            chain: plan.chain,
            deployer: sender.address(),
            addresses,
            transactions: confirmed.len(),
            gas_used: confirmed.values().map(|outcome| outcome.gas).sum(),
            seconds,
            acceptance,
            verified,
        };
        self.report(&deployed, Some(&folder))
    }

    /// Every step on a chain in this process, and the read-back of what stands there then.
    fn rehearse(&self, plan: &Plan, deployment: &Deployment, deployer: Address) -> Result<(), Failure> {
        let rehearsal = Rehearsal::begin(self.sending.rpc(), None)?;
        let (mut host, mut journal) = (Deployer { rehearsal: &rehearsal, address: deployer }, Journal::in_memory());
        let begun = Instant::now();
        carry_out(&mut host, deployment, &mut journal)?;
        let addresses = deployment.contracts().map(|(id, address)| (book::file_name(id), address)).collect();
        let at = rehearsal.node.at_latest()?;
        let verified = ::deploy::verify::verify(&at, plan, deployment, deployer, &origins(&journal), &addresses)?;
        let confirmed = journal.confirmed();
        let deployed = Deployed {
            chain: plan.chain,
            deployer,
            addresses,
            transactions: confirmed.len(),
            gas_used: confirmed.values().map(|outcome| outcome.gas).sum(),
            seconds: begun.elapsed().as_secs(),
            acceptance: None,
            verified,
        };
        self.report(&deployed, None)
    }

    fn show(&self, sender: &Sender, findings: &Findings) -> Result<(), Failure> {
        if self.preflight && self.sending.json {
            return output::json(findings);
        }
        eprintln!("chain     {}, ArbOS {}, Stylus {}", sender.node.chain_id, findings.arbos, findings.stylus);
        eprintln!("deployer  {}", sender.address());
        let width = findings.steps.iter().map(|step| step.step.len()).max().unwrap_or_default();
        for step in &findings.steps {
            let address = step.address.map(|address| address.to_string()).unwrap_or_default();
            let state = if step.done { "done" } else { "to do" };
            eprintln!("{state:>5}  {:width$}  {address}", step.step);
        }
        eprintln!("cost      at most {} ETH, {} gas", exact(findings.cost, 18), findings.gas);
        Ok(())
    }

    fn report(&self, deployed: &Deployed, folder: Option<&Path>) -> Result<(), Failure> {
        if self.sending.json {
            output::json(deployed)?;
        } else {
            let rows: Vec<_> =
                deployed.addresses.iter().map(|(name, address)| vec![name.clone(), address.to_string()]).collect();
            output::table(&["contract", "address"], &rows)?;
            let Deployed { transactions, gas_used, seconds, .. } = deployed;
            let book =
                folder.map_or("nothing was sent".to_owned(), |folder| format!("the book is {}", folder.display()));
            say!("{transactions} transactions, {gas_used} gas, {seconds} s; {book}");
            if let Some(path) = &deployed.acceptance {
                say!("the owner accepts by {} (Safe Transaction Builder), or by the calls in it", path.display());
            }
            verify::print(&deployed.verified)?;
        }
        if deployed.verified.holds() { Ok(()) } else { Err(Failure::CHECK_FAILED) }
    }
}

/// Where the book of a chain lies by default.
pub(crate) fn default_folder(chain: u64) -> PathBuf {
    Path::new("deployments").join(chain.to_string())
}

/// Opens the journal, and refuses to mix two deployments in one book.
fn begin(book: &Book, plan: &Plan, text: &str, deployment: &Deployment, sender: &Sender) -> anyhow::Result<Journal> {
    let mut journal = Journal::open(&book.path("journal.jsonl"))?;
    for entry in journal.entries() {
        let Entry::Began { chain, deployer, .. } = entry else { continue };
        if *chain != plan.chain || *deployer != sender.address() {
            bail!(
                "the book's deployment was begun by {deployer} on chain {chain}; this is {} on chain {}: \
                 addresses differ, so take another --deployment folder, or that key",
                sender.address(),
                plan.chain
            );
        }
    }
    let known = book.addresses().unwrap_or_default();
    if journal.confirmed().contains_key("liquidity-staking")
        && let Some(pool) = known.get("Pool").filter(|pool| **pool != deployment.pool)
    {
        bail!(
            "the book's pool is {pool}, this plan's would be {}: plan or programs changed since; \
             restore them, or take another --deployment folder",
            deployment.pool
        );
    }
    let began = Entry::Began { chain: plan.chain, deployer: sender.address(), plan: keccak256(text) };
    if !journal.entries().contains(&began) {
        journal.write(began)?;
    }
    book.write("plan.toml", text)?;
    book.write_addresses(deployment)?;
    Ok(journal)
}

fn carry_out(host: &mut impl Host, deployment: &Deployment, journal: &mut Journal) -> anyhow::Result<()> {
    let steps = &deployment.steps;
    ::deploy::run(host, steps, journal, &mut |progress| {
        let Progress::Sent(step, outcome) = progress else { return };
        let place = steps.iter().take_while(|one| one.id != step.id).count() + 1;
        let address = step.action.creates().map(|address| format!(" at {address}")).unwrap_or_default();
        eprintln!("[{place}/{}] {}{address}: {} gas, {}", steps.len(), step.id, outcome.gas, outcome.hash);
    })
}

/// Transactions that created contracts.
fn origins(journal: &Journal) -> BTreeMap<&str, B256> {
    journal.confirmed().into_iter().map(|(step, outcome)| (step, outcome.hash)).collect()
}

fn write_book(
    book: &Book,
    sender: &Sender,
    programs: &Programs,
    deployment: &Deployment,
    journal: &Journal,
) -> anyhow::Result<()> {
    for step in &deployment.steps {
        let origin = origin(sender, journal, &step.id)?;
        let activation = match &step.action {
            Action::Create(creation) => Some(activation(sender, creation, &programs.compiler)?),
            _ => None,
        };
        if let Some(contract) = book::contract(step, origin.as_ref(), activation.as_ref()) {
            book.write_json(&format!("{}.json", book::file_name(&step.id)), &contract)?;
        }
    }
    Ok(())
}

/// The transaction that did a step, if the journal has it.
pub(crate) fn origin(sender: &Sender, journal: &Journal, id: &str) -> anyhow::Result<Option<book::Origin>> {
    let Some(outcome) = journal.confirmed().get(id).copied() else { return Ok(None) };
    let receipt = serde_json::to_value(sender.node.receipt(outcome.hash)?)?;
    Ok(Some(book::Origin { hash: outcome.hash, receipt }))
}

pub(crate) fn activation(
    sender: &Sender,
    creation: &::deploy::Creation,
    compiler: &str,
) -> anyhow::Result<book::Activation> {
    let version = sender.node.view(ARB_WASM, &ArbWasm::programVersionCall { program: creation.address() })?;
    let cached = ::deploy::is_cached(sender, keccak256(&creation.code))?;
    Ok(book::Activation { version, cached, compiler: compiler.to_owned() })
}

/// The calls by which the owner accepts, as a file for its Safe; nothing if the deployer is the owner.
fn write_acceptance(book: &Book, chain: u64, deployment: &Deployment) -> anyhow::Result<Option<PathBuf>> {
    if deployment.acceptance.is_empty() {
        return Ok(None);
    }
    let mut proposal = Proposal::new(chain, "Accept the ownership of the pool", "As the deployment's plan says");
    deployment.acceptance.iter().for_each(|request: &Request| proposal.push(request.clone()));
    book.write("acceptance.safe.json", &proposal.safe()?)?;
    Ok(Some(book.path("acceptance.safe.json")))
}

/// Plan, programs and deployer of a book.
pub(crate) struct Opened {
    pub(crate) addresses: BTreeMap<String, Address>,
    pub(crate) plan: Plan,
    pub(crate) deployment: Deployment,
    pub(crate) deployer: Address,
    pub(crate) journal: Journal,
    /// Upgrades that were not rolled back.
    in_force: Vec<Upgrade>,
}

impl Opened {
    /// Reads a book, and computes again what it comes to.
    pub(crate) fn read(folder: &Path, programs: &Path) -> anyhow::Result<Self> {
        let book = Book::open(folder)?;
        let plan = Plan::read(&book.plan()?)?;
        let journal = Journal::read(&book.path("journal.jsonl"))?;
        let journal = journal.with_context(|| format!("{}: no journal there", folder.display()))?;
        let deployer = journal.entries().iter().find_map(|entry| match entry {
            Entry::Began { deployer, .. } => Some(*deployer),
            _ => None,
        });
        let deployer = deployer.ok_or_else(|| anyhow!("{}: the journal names no deployer", folder.display()))?;
        let programs = Programs::read(programs)?;
        let upgrades = book.upgrades()?;
        let in_force: Vec<_> = upgrades.into_iter().filter(|upgrade| !upgrade.rolled_back).collect();
        let deployment = match in_force.is_empty() {
            true => Deployment::of(&plan, &programs, deployer)?,
            false => Deployment::upgraded(&plan, &programs, deployer, &book.construction()?, &in_force)?,
        };
        Ok(Self { addresses: book.addresses()?, plan, deployment, deployer, journal, in_force })
    }

    /// Transactions that created what stands there now.
    pub(crate) fn origins(&self) -> BTreeMap<&str, B256> {
        let mut origins = origins(&self.journal);
        for upgrade in &self.in_force {
            for facet in &upgrade.facets {
                origins.remove(facet.name.as_str());
                let id = upgrade::step(&facet.name, upgrade.number);
                if let Some(outcome) = self.journal.confirmed().get(id.as_str()) {
                    origins.insert(&facet.name, outcome.hash);
                }
            }
        }
        origins
    }
}
