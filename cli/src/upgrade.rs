//! `tidepool upgrade` and `tidepool rollback`: other programs in the place of facets, and back.

use std::{collections::BTreeSet, fs, path::PathBuf};

use ::deploy::{
    Action, Cache, Creation, Journal, Program, Programs, Standing, Step,
    book::{self, Book},
    routes,
    upgrade::{self, Change, Cut, Moved, Replacement, Routes, Upgrade as Written, step},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use anyhow::{Context, anyhow, bail, ensure};
use clap::Args;
use client::{
    ARB_WASM, Node, Request, Sender, Sending, State,
    bindings::{ArbWasm, IDiamondCut},
    decode,
    decode::interface,
};
use serde::Serialize;

use crate::{
    deploy::{PROGRAMS, activation, default_folder, origin},
    output::{self, Failure, Usage},
    pool::scene::{PoolArguments, Scene},
    proposal::{Form, Proposal},
    rehearsal::{
        Deployer, Rehearsal,
        invariants::{Sentence, Snapshot},
        life::{self, Step as Played},
        people::People,
        words::{self, Names, Word},
    },
};

/// What an upgrade and its way back have in common.
#[derive(Debug, Args)]
struct Common {
    /// Folder of the book [default: deployments/CHAIN]
    #[arg(long, value_name = "FOLDER")]
    deployment: Option<PathBuf>,
    /// Form of the proposal that is printed
    #[arg(long = "as", value_name = "FORM", default_value = "safe", help_heading = "Proposal")]
    form: Form,
    /// Delay of the timelock, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0, help_heading = "Proposal")]
    delay: u64,
    /// Try everything on a chain in this process, send and write nothing; no key is needed
    #[arg(long)]
    rehearse: bool,
    #[command(flatten)]
    sending: Sending,
}

#[derive(Debug, Args)]
pub(crate) struct Upgrade {
    /// Facets, such as staking
    #[arg(required = true, value_name = "FACET")]
    facets: Vec<String>,
    /// Folder of the compiled programs
    #[arg(long, value_name = "FOLDER", default_value = PROGRAMS)]
    programs: PathBuf,
    /// Deploy programs too that are not in contracts/hashes.json, which says what compilers make of this checkout
    #[arg(long)]
    unlisted_programs: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    #[command(flatten)]
    common: Common,
}

/// A facet of today and the one that is to come.
#[derive(Debug, Serialize)]
struct Side {
    facet: String,
    from: Build,
    to: Build,
    added: Vec<String>,
    removed: Vec<String>,
    moved: Vec<String>,
    /// Of the interface: what is there in one of them alone.
    interface: Vec<String>,
}

/// A program, as far as it can be measured.
#[derive(Debug, Serialize)]
struct Build {
    address: Address,
    hash: B256,
    bytes: usize,
    /// Gas to initialise it, uncached and cached.
    init_gas: Option<(u64, u64)>,
}

/// What a rehearsal showed.
#[derive(Debug, Serialize)]
struct Rehearsed {
    owner: Address,
    gas: u64,
    words: Vec<Word>,
    invariants: Vec<Sentence>,
    /// Whether everybody sees after the cut what was seen before.
    same_answers: bool,
    /// Whether an epoch played after the cut ends as one played before.
    same_life: bool,
    life_before: Vec<Played>,
    life_after: Vec<Played>,
}

/// What the command prints.
#[derive(Debug, Serialize)]
struct Upgraded {
    chain: u64,
    pool: Address,
    number: u64,
    sides: Vec<Side>,
    rehearsed: Rehearsed,
    /// Call data of the cut.
    cut: Bytes,
    /// The proposal for the owner's Safe, in the book.
    proposal: Option<PathBuf>,
    transactions: usize,
    gas_used: u64,
}

/// Everything that is known before anything is tried.
struct Work {
    node: Node,
    book: Book,
    scene: Scene,
    people: People,
    routes: Routes,
    upgrades: Vec<Written>,
}

impl Common {
    fn open(&self) -> anyhow::Result<Work> {
        let node = self.sending.rpc().connect()?;
        let folder = self.deployment.clone().unwrap_or_else(|| default_folder(node.chain_id));
        let book = Book::open(&folder)?;
        let scene = PoolArguments::of_book(&folder).scene(&node)?;
        let at = node.at_latest()?;
        let people = People::read(&node, &scene, at.block)?;
        let routes = upgrade::routes(at.view(scene.pool, &IDiamondCut::facetsCall {})?);
        let upgrades = book.upgrades()?;
        Ok(Work { node, book, scene, people, routes, upgrades })
    }

    /// Tries a cut with all that follows from it. `prepare` puts programs there.
    fn rehearse(&self, work: &Work, cut: &Cut, steps: &[Step]) -> anyhow::Result<(Rehearsed, Rehearsal)> {
        let rehearsal = Rehearsal::begin(self.sending.rpc(), None)?;
        let Work { scene, people, .. } = work;
        let pool = scene.pool;
        let owners = people.owners(&rehearsal.node, pool)?;
        let owner = *owners.first().context("nobody whom an event names owns the pool: who would send the cut?")?;
        let deployer = Address::repeat_byte(0xde);
        rehearsal.fund(deployer)?;
        let mut host = Deployer { rehearsal: &rehearsal, address: deployer };
        let programs: Vec<_> = steps.iter().filter(|step| step.action.creates().is_some()).cloned().collect();
        ::deploy::run(&mut host, &programs, &mut Journal::in_memory(), &mut |_| {})?;
        let life_before = life::play(&rehearsal, scene, people)?;
        let before = Snapshot::read(&rehearsal.node, scene, people)?.described();
        let request = Request { to: pool, value: U256::ZERO, data: upgrade::call(&cut.forward) };
        let done = rehearsal.send(owner, &request).context("the pool refuses the cut")?;
        expect_cutter(&rehearsal.node, pool)?;
        let snapshot = Snapshot::read(&rehearsal.node, scene, people)?;
        let life_after = life::play(&rehearsal, scene, people)?;
        let epochs = scene.state(&rehearsal.node.at_latest()?)?.epoch.saturating_to::<u64>().saturating_add(2);
        let rehearsed = Rehearsed {
            owner,
            gas: done.gas,
            words: words::changed(&rehearsal, done.hash, &Names::of_pool(scene, people, epochs))?,
            invariants: snapshot.sentences(),
            same_answers: snapshot.described() == before,
            same_life: life_after.end == life_before.end,
            life_before: life_before.steps,
            life_after: life_after.steps,
        };
        rehearsed.expect_good(pool)?;
        Ok((rehearsed, rehearsal))
    }

    fn proposal(&self, chain: u64, title: &str, pool: Address, data: &Bytes) -> Proposal {
        let mut proposal = Proposal::new(chain, title, title);
        proposal.push(Request { to: pool, value: U256::ZERO, data: data.clone() });
        proposal
    }
}

/// Refuses a pool in which nobody cuts any more.
fn expect_cutter(node: &Node, pool: Address) -> anyhow::Result<()> {
    let cut = interface("IDiamondCut").unwrap_or_default();
    let selector = cut.function("diamondCut").and_then(|all| all.first()).context("diamondCut")?.selector();
    let facet = node.view(pool, &IDiamondCut::facetAddressCall { _functionSelector: selector })?;
    ensure!(!facet.is_zero(), "after the cut nobody answers diamondCut: no upgrade would ever be possible again");
    let supports = IDiamondCut::supportsInterfaceCall { interfaceId: [0x1f, 0x93, 0x1c, 0x1c].into() };
    ensure!(
        node.view(facet, &supports).unwrap_or(false),
        "after the cut {facet} answers diamondCut, and does not say that it supports 0x1f931c1c"
    );
    Ok(())
}

impl Rehearsed {
    /// Refuses a cut that breaks something: words other than routes, an invariant, a call that came through before.
    fn expect_good(&self, pool: Address) -> anyhow::Result<()> {
        let is_route = |word: &Word| {
            let name = word.name.as_deref().unwrap_or_default();
            word.contract == pool && ["facets", "selectors", "selector_count"].iter().any(|one| name.starts_with(one))
        };
        if let Some(word) = self.words.iter().find(|word| !is_route(word)) {
            bail!("the cut changes the word {} of {}, which is no route", word.slot, word.contract);
        }
        if let Some(broken) = self.invariants.iter().find(|sentence| !sentence.holds) {
            bail!("after the cut this does not hold: {}", broken.sentence);
        }
        for (before, after) in self.life_before.iter().zip(&self.life_after) {
            if let (None, Some(refused)) = (&before.refused, &after.refused) {
                bail!("{} came through before the cut, and is refused after it: {refused}", after.call);
            }
        }
        Ok(())
    }

    fn print(&self) -> Result<(), Failure> {
        eprintln!(
            "rehearsed: the cut by the owner {} costs {} gas and changes {} words, all of them routes",
            self.owner,
            self.gas,
            self.words.len()
        );
        let answers = if self.same_answers { "as before" } else { "DIFFERENT from before" };
        let life = if self.same_life { "as before" } else { "DIFFERENTLY from before" };
        eprintln!(
            "{} invariants hold; accounts and borrowers see what is {answers}; an epoch after it ends {life}",
            self.invariants.len()
        );
        if self.life_before.is_empty() {
            eprintln!("nobody has active stake: no epoch was played");
        }
        for (before, after) in self.life_before.iter().zip(&self.life_after) {
            let shown = |step: &Played| step.gas.map_or("refused".to_owned(), |gas| format!("{gas} gas"));
            let benchmark = after.scenario.zip(after.benchmark_gas);
            let beside = benchmark.map_or(String::new(), |(name, gas)| format!("; {gas} gas in the benchmark {name}"));
            eprintln!("  {:18} {} to {}{beside}", before.call, shown(before), shown(after));
        }
        Ok(())
    }
}

impl Upgrade {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let programs = Programs::read(&self.programs)?;
        if !self.unlisted_programs {
            programs.expect_listed()?;
        }
        let work = self.common.open()?;
        let plan = ::deploy::Plan::read(&work.book.plan()?)?;
        let number = work.upgrades.len() as u64 + 1;
        expect_layout(&work.book)?;
        let (replacements, steps) = self.replacements(&work, &plan, &programs, number)?;
        let cut = upgrade::cut(&work.routes, &replacements)?;
        if cut.changes.is_empty() {
            return Err(Failure::AlreadySo(anyhow!("the pool has these facets already: nothing to cut")));
        }
        let (rehearsed, rehearsal) = self.common.rehearse(&work, &cut, &steps)?;
        let sides = sides(&work, &rehearsal, &replacements, &cut, &programs)?;
        let mut upgraded = Upgraded {
            chain: work.node.chain_id,
            pool: work.scene.pool,
            number,
            sides,
            rehearsed,
            cut: upgrade::call(&cut.forward),
            proposal: None,
            transactions: 0,
            gas_used: 0,
        };
        upgraded.print()?;
        if !self.common.rehearse {
            self.deploy(&work, &programs, &steps, &mut upgraded)?;
            self.write_down(&work, &replacements, &cut, &mut upgraded)?;
        }
        if self.common.sending.json {
            return output::json(&upgraded);
        }
        let title = format!("Upgrade {number} of the pool");
        let proposal = self.common.proposal(upgraded.chain, &title, upgraded.pool, &upgraded.cut);
        output::text(&proposal.write(self.common.form, self.common.delay)?);
        Ok(())
    }

    /// The facets of this build, and the steps that put their programs there.
    fn replacements(
        &self,
        work: &Work,
        plan: &::deploy::Plan,
        programs: &Programs,
        number: u64,
    ) -> anyhow::Result<(Vec<Replacement>, Vec<Step>)> {
        let (facets, book) = (routes::facets(), work.book.addresses()?);
        let (mut replacements, mut steps) = (Vec::new(), Vec::new());
        for name in self.facets.iter().collect::<BTreeSet<_>>() {
            let known = facets.iter().find(|(known, _)| *known == name.as_str());
            let (name, selectors) = known.with_context(|| {
                let names: Vec<_> = facets.iter().map(|(name, _)| *name).collect();
                format!("{name}: no facet; there are {}", names.join(", "))
            })?;
            let program = programs.get(name)?;
            let creation = Creation::new(name, program.code.clone(), None, plan.salt());
            let file = book::file_name(name);
            let from = *book.get(&file).with_context(|| format!("the book has no {file}"))?;
            let to = creation.address();
            replacements.push(Replacement { name: (*name).to_owned(), from, to, selectors: selectors.clone() });
            let id = step(name, number);
            if plan.cache == Cache::Bid {
                steps.push(::deploy::bid(plan, &id, to, program.hash)?);
            }
            steps.push(Step { id, action: Action::Create(creation) });
        }
        // A place in the cache is for what is there.
        steps.sort_by_key(|step| step.action.creates().is_none());
        Ok((replacements, steps))
    }

    /// Writes the proposal and the way back into the book.
    fn write_down(
        &self,
        work: &Work,
        replacements: &[Replacement],
        cut: &Cut,
        upgraded: &mut Upgraded,
    ) -> anyhow::Result<()> {
        let moved = replacements.iter().map(|one| Moved { name: one.name.clone(), from: one.from, to: one.to });
        let written = Written {
            number: upgraded.number,
            facets: moved.collect(),
            cut: upgraded.cut.clone(),
            inverse: upgrade::call(&cut.inverse),
            rolled_back: false,
        };
        let proposal = self.common.proposal(upgraded.chain, &title(&written), upgraded.pool, &upgraded.cut);
        let name = format!("upgrade-{}.safe.json", written.number);
        work.book.write(&name, &proposal.safe()?)?;
        upgraded.proposal = Some(work.book.path(&name));
        let upgrades: Vec<_> = work.upgrades.iter().cloned().chain([written]).collect();
        work.book.write_upgrades(&upgrades)
    }

    /// Puts the programs on the chain, and writes down what stands there.
    fn deploy(&self, work: &Work, programs: &Programs, steps: &[Step], upgraded: &mut Upgraded) -> anyhow::Result<()> {
        let mut sender = self.common.sending.prepare()?;
        if !sender.can_sign() {
            let text = "programs are deployed by a key, which any is; --rehearse looks without one".to_owned();
            bail!(Usage(text));
        }
        let mut left = 0;
        for step in steps {
            left += usize::from(::deploy::standing(&sender, step)? != Standing::Done);
        }
        if left > 0 {
            sender
                .confirm(&format!("Send {left} transactions? They deploy programs, and change nothing of the pool"))?;
        }
        let mut journal = Journal::open(&work.book.path("journal.jsonl"))?;
        ::deploy::run(&mut sender, steps, &mut journal, &mut |progress| {
            if let ::deploy::Progress::Sent(step, outcome) = progress {
                eprintln!("{}: {} gas, {}", step.id, outcome.gas, outcome.hash);
            }
        })?;
        let confirmed = journal.confirmed();
        let own = steps.iter().filter_map(|step| confirmed.get(step.id.as_str()));
        (upgraded.transactions, upgraded.gas_used) =
            own.fold((0, 0), |(count, gas), outcome| (count + 1, gas + outcome.gas));
        write_contracts(work, &sender, programs, steps, &journal, upgraded.number)
    }
}

/// Refuses a build whose table of storage contradicts the one that the pool was deployed with.
fn expect_layout(book: &Book) -> anyhow::Result<()> {
    let changed = upgrade::changed_rows(&book.layout()?);
    ensure!(
        changed.is_empty(),
        "this build keeps things elsewhere than the pool does: its table of storage has no {}",
        changed.join(" and no ")
    );
    Ok(())
}

fn title(upgrade: &Written) -> String {
    let names: Vec<_> = upgrade.facets.iter().map(|facet| facet.name.as_str()).collect();
    format!("Upgrade {} of the pool: {}", upgrade.number, names.join(", "))
}

/// The book has the new facets under their names, and the old ones beside them.
fn write_contracts(
    work: &Work,
    sender: &Sender,
    programs: &Programs,
    steps: &[Step],
    journal: &Journal,
    number: u64,
) -> anyhow::Result<()> {
    let mut addresses = work.book.addresses()?;
    for step in steps {
        let Action::Create(creation) = &step.action else { continue };
        let origin = origin(sender, journal, &step.id)?;
        let activation = activation(sender, creation, &programs.compiler)?;
        let named = Step { id: creation.program.clone(), action: step.action.clone() };
        let contract = book::contract(&named, origin.as_ref(), Some(&activation)).context("a program is a contract")?;
        let file = book::file_name(&creation.program);
        keep(&work.book, &file, &before(&file, number))?;
        work.book.write_json(&format!("{file}.json"), &contract)?;
        addresses.insert(file, creation.address());
    }
    work.book.write_json("addresses.json", &serde_json::json!(addresses))
}

/// Name of the file of what an upgrade replaced.
fn before(file: &str, number: u64) -> String {
    format!("{file}-before-upgrade-{number}")
}

/// Puts a file aside, once.
fn keep(book: &Book, from: &str, to: &str) -> anyhow::Result<()> {
    let [from, to] = [from, to].map(|name| book.path(&format!("{name}.json")));
    if !to.exists() {
        fs::rename(&from, &to).with_context(|| from.display().to_string())?;
    }
    Ok(())
}

/// Old and new, facet by facet.
fn sides(
    work: &Work,
    rehearsal: &Rehearsal,
    replacements: &[Replacement],
    cut: &Cut,
    programs: &Programs,
) -> anyhow::Result<Vec<Side>> {
    let mut sides = Vec::new();
    for replacement in replacements {
        let of = |kind: Change| {
            let own = cut.changes.iter().filter(|(name, _, change)| *name == replacement.name && *change == kind);
            own.map(|(_, selector, _)| decode::function_name(selector.0).unwrap_or_else(|| selector.to_string()))
                .collect()
        };
        let Program { code, hash, .. } = programs.get(&replacement.name)?;
        let old = rehearsal.node.code(replacement.from)?;
        sides.push(Side {
            facet: replacement.name.clone(),
            from: Build {
                address: replacement.from,
                hash: keccak256(&old),
                bytes: old.len(),
                init_gas: init_gas(&rehearsal.node, replacement.from),
            },
            to: Build {
                address: replacement.to,
                hash: *hash,
                bytes: code.len(),
                init_gas: init_gas(&rehearsal.node, replacement.to),
            },
            added: of(Change::Added),
            removed: of(Change::Removed),
            moved: of(Change::Moved),
            interface: interface_changes(&work.book, &replacement.name)?,
        });
    }
    Ok(sides)
}

fn init_gas(node: &Node, program: Address) -> Option<(u64, u64)> {
    let gas = node.view(ARB_WASM, &ArbWasm::programInitGasCall { program }).ok()?;
    Some((gas.gas, gas.gasWhenCached))
}

/// Functions, events and errors of a facet that are in the book or in this build alone.
fn interface_changes(book: &Book, name: &str) -> anyhow::Result<Vec<String>> {
    let signatures = |abi: &alloy_json_abi::JsonAbi| -> BTreeSet<String> {
        let functions = abi.functions().map(|one| format!("function {}", one.signature()));
        let events = abi.events().map(|one| format!("event {}", one.signature()));
        let errors = abi.errors().map(|one| format!("error {}", one.signature()));
        functions.chain(events).chain(errors).collect()
    };
    let mut file = book.read_json(&format!("{}.json", book::file_name(name)))?;
    let old = serde_json::from_value(file.get_mut("abi").map(serde_json::Value::take).unwrap_or_default())?;
    let (old, new) = (signatures(&old), signatures(&book::abi(name)));
    let gone = old.difference(&new).map(|one| format!("- {one}"));
    Ok(gone.chain(new.difference(&old).map(|one| format!("+ {one}"))).collect())
}

impl Upgraded {
    fn print(&self) -> Result<(), Failure> {
        for side in &self.sides {
            let gas = |build: &Build| build.init_gas.map_or("?".to_owned(), |(gas, cached)| format!("{gas}/{cached}"));
            eprintln!("{}", side.facet);
            eprintln!("  address        {} to {}", side.from.address, side.to.address);
            eprintln!("  code           {} to {} bytes", side.from.bytes, side.to.bytes);
            eprintln!("  init gas       {} to {} (uncached/cached)", gas(&side.from), gas(&side.to));
            for (what, functions) in [("added", &side.added), ("moved here", &side.moved), ("removed", &side.removed)] {
                let list = if functions.is_empty() { "none".to_owned() } else { functions.join(", ") };
                eprintln!("  {what:14} {list}");
            }
            let interface = if side.interface.is_empty() { "the same".to_owned() } else { side.interface.join("; ") };
            eprintln!("  interface      {interface}");
            eprintln!("  storage        the same table");
        }
        self.rehearsed.print()
    }
}

/// What a way back prints.
#[derive(Debug, Serialize)]
struct RolledBack {
    chain: u64,
    pool: Address,
    number: u64,
    rehearsed: Rehearsed,
    cut: Bytes,
    proposal: Option<PathBuf>,
}

impl Rollback {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut work = self.common.open()?;
        let last = work.upgrades.iter().rposition(|upgrade| !upgrade.rolled_back);
        let last = last.ok_or_else(|| Failure::AlreadySo(anyhow!("the book has no upgrade that is in force")))?;
        let written = work.upgrades[last].clone();
        let cut = inverse(&written, &work.routes)?;
        for facet in &written.facets {
            expect_active(&work.node, &facet.name, facet.from)?;
        }
        let (rehearsed, _) = self.common.rehearse(&work, &cut, &[])?;
        rehearsed.print()?;
        let mut rolled_back = RolledBack {
            chain: work.node.chain_id,
            pool: work.scene.pool,
            number: written.number,
            rehearsed,
            cut: written.inverse.clone(),
            proposal: None,
        };
        let title = format!("Roll back: {}", title(&written));
        let proposal = self.common.proposal(rolled_back.chain, &title, rolled_back.pool, &rolled_back.cut);
        if !self.common.rehearse {
            let name = format!("rollback-{}.safe.json", written.number);
            work.book.write(&name, &proposal.safe()?)?;
            rolled_back.proposal = Some(work.book.path(&name));
            write_back(&work, &written)?;
            work.upgrades[last].rolled_back = true;
            work.book.write_upgrades(&work.upgrades)?;
        }
        if self.common.sending.json {
            return output::json(&rolled_back);
        }
        output::text(&proposal.write(self.common.form, self.common.delay)?);
        Ok(())
    }
}

/// The cut that takes an upgrade back.
fn inverse(written: &Written, routes: &Routes) -> anyhow::Result<Cut> {
    use alloy_sol_types::SolCall;

    let decoded = |data: &Bytes| IDiamondCut::diamondCutCall::abi_decode(data).context("upgrades.json: a cut");
    let (forward, inverse) = (decoded(&written.inverse)?._diamondCut, decoded(&written.cut)?._diamondCut);
    let there = upgrade::after(routes, &inverse);
    ensure!(
        there == *routes,
        "upgrade {} is not in force: the pool's routes are not those that it leads to. Was its proposal executed, and nothing cut since?",
        written.number
    );
    Ok(Cut { forward, inverse, changes: Vec::new() })
}

fn expect_active(node: &Node, name: &str, program: Address) -> anyhow::Result<()> {
    let version = node.view(ARB_WASM, &ArbWasm::programVersionCall { program });
    version.with_context(|| format!("{name} at {program} is not active: anybody may activate it (ArbWasm)")).map(drop)
}

/// The book has the old facets under their names again.
fn write_back(work: &Work, written: &Written) -> anyhow::Result<()> {
    let mut addresses = work.book.addresses()?;
    for Moved { name, from, .. } in &written.facets {
        let file = book::file_name(name);
        keep(&work.book, &file, &format!("{file}-of-upgrade-{}", written.number))?;
        let old = before(&file, written.number);
        keep(&work.book, &old, &file)?;
        addresses.insert(file, *from);
    }
    work.book.write_json("addresses.json", &serde_json::json!(addresses))
}
