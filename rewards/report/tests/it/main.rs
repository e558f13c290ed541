//! Reports of small epochs: what they say is what was computed, whatever the input and whoever reads it.

use std::{collections::BTreeMap, fs, path::Path};

use alloy_primitives::U256;
use proptest::prelude::*;
use rewards::simulation::{Settings, Simulation};
use rewards_files::{
    epoch::{EpochFolder, Malformed},
    folder::SEAL,
    manifest::{self, Epoch, Options},
    samples::Format,
    synthetic,
};
use rewards_report::{Gathered, Report, gather, render, report::LineSource};
use tempfile::TempDir;

fn settings() -> Settings {
    Settings { seed: 1, epoch: 18, markets: 3, makers: 5, minutes: 120, orders: 20 }
}

fn options(threads: usize, malformed: Malformed) -> Options<'static> {
    Options {
        format: Format::Csv,
        malformed,
        threads,
        progress: &(),
        proofs: false,
        replace: false,
        accept_gaps: Some("a test".to_owned()),
    }
}

/// A simulated epoch: its folder, with the results below it.
struct Simulated(TempDir);

impl Simulated {
    fn new(settings: Settings, format: Format) -> Self {
        let folder = TempDir::new().unwrap();
        synthetic::write(&folder.path().join("epoch"), &Simulation::new(settings), format, &()).unwrap();
        fs::remove_file(folder.path().join("epoch").join(SEAL)).unwrap(); // The tests change it.
        Self(folder)
    }

    fn epoch(&self) -> std::path::PathBuf {
        self.0.path().join("epoch")
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.epoch().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run(&self, malformed: Malformed) -> Epoch {
        let options = options(2, malformed);
        let epoch = manifest::compute(&EpochFolder::open(&self.epoch()).unwrap(), &options).unwrap();
        manifest::write(self.0.path(), &epoch, &options).unwrap();
        epoch
    }

    fn report(&self, threads: usize, malformed: Malformed) -> Report {
        report(self.0.path(), &self.epoch(), threads, malformed)
    }
}

fn report(results: &Path, epoch: &Path, threads: usize, malformed: Malformed) -> Report {
    match gather(results, None, &EpochFolder::open(epoch).unwrap(), options(threads, malformed)).unwrap() {
        Gathered::Report(report) => *report,
        Gathered::Refused(checks) => panic!("{checks:?}"),
    }
}

/// An amount as a page shows it.
fn exact(wei: U256) -> String {
    let digits = format!("{wei:0>19}");
    let (whole, fraction) = digits.split_at(digits.len() - 18);
    let groups: Vec<_> = whole.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    format!("{}<span class=\"fraction\">.{fraction}</span>", groups.join(","))
}

/// Everything in a report that can be compared with the computation is the same.
fn check(report: &Report, epoch: &Epoch) {
    let page = render(report);
    let providers = report.providers.iter().filter_map(|provider| provider.statement.as_ref());
    let statements: BTreeMap<_, _> =
        providers.chain(&report.others).map(|statement| (statement.account, statement)).collect();
    assert_eq!(statements.len(), epoch.tree.len(), "each leaf has one statement");
    for (leaf, account, amount) in epoch.tree.entries() {
        let statement = statements[&account];
        assert_eq!((statement.leaf, statement.amount_wei, statement.sum()), (leaf, amount, Some(amount)));
        assert!(page.contains(&exact(amount)), "{account}: {amount}");
        for line in statement.lines.iter().filter(|line| !line.earned_by.is_empty()) {
            let earned: u128 = line.earned_by.iter().map(|(_, wei)| wei).sum();
            assert_eq!(U256::from(earned), line.amount_wei, "{account}: {:?}", line.source);
            assert!(page.contains(&exact(line.amount_wei)));
        }
    }
    let credited: U256 = report.providers.iter().map(|provider| provider.credit_wei).sum();
    assert_eq!(credited + report.unpaid_wei, report.lp_amount_wei);
    assert!(page.contains(&epoch.tree.root().to_string()) && page.contains(&epoch.manifest.cid));

    let Some((scored, _)) = &epoch.scored else { return };
    for (market, sums) in report.markets.iter().zip(&scored.tally.markets) {
        assert_eq!(market.buckets.iter().map(|bucket| bucket.samples).sum::<u32>(), sums.valid);
        assert_eq!(market.rows.iter().map(|row| row.reward_wei).sum::<u128>(), market.paid_wei);
        for row in &market.rows {
            let sums = sums.providers.get(&row.account).copied().unwrap_or_default();
            let uptime: u32 = row.buckets.iter().map(|bucket| bucket.uptime).sum();
            let liquidity: u128 = row.buckets.iter().map(|bucket| bucket.liquidity).sum();
            assert_eq!((uptime, liquidity), (sums.uptime, sums.liquidity), "{}", row.account);
            assert_eq!(row.uptime, sums.uptime);
        }
        let has_row = |account| market.rows.iter().any(|row| row.account == account);
        assert!(sums.providers.keys().all(|account| has_row(*account)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn statements_add_up_to_their_leaves(
        seed in any::<u64>(),
        epoch in prop::sample::select(vec![0_u64, 3, 7, 12, 16, 18, 31]),
        (markets, makers) in (1_usize..5, 1_usize..7),
        minutes in 1_u32..150,
        orders in 0_usize..30,
        is_excluded in any::<bool>(),
    ) {
        let simulated = Simulated::new(Settings { seed, epoch, markets, makers, minutes, orders }, Format::JsonLines);
        let accounts: Vec<_> = Simulation::new(Settings { seed, epoch, markets, makers, minutes, orders }).makers().collect();
        if is_excluded {
            simulated.write("exclusions.csv", &format!("account,reason\n{},terms\n", accounts[0]));
        }
        simulated.write("programs/retroactive.csv", &format!("account,wei\n{},{}\n{:#x},7\n", accounts[makers - 1], u128::MAX, alloy_primitives::Address::repeat_byte(7)));
        let computed = simulated.run(Malformed::Refuse);
        check(&simulated.report(2, Malformed::Refuse), &computed);
    }
}

#[test]
fn threads_and_formats_do_not_matter() {
    let simulated = Simulated::new(settings(), Format::Parquet);
    simulated.run(Malformed::Refuse);
    let expected = render(&simulated.report(1, Malformed::Refuse));
    for threads in [2, 5] {
        assert_eq!(render(&simulated.report(threads, Malformed::Refuse)), expected, "{threads} threads");
    }
    for format in [Format::Csv, Format::JsonLines] {
        let other = Simulated::new(settings(), format);
        other.run(Malformed::Refuse);
        assert_eq!(render(&other.report(3, Malformed::Refuse)), expected, "{format:?}");
    }
}

#[test]
fn names_from_files_stay_text() {
    let simulated = Simulated::new(settings(), Format::JsonLines);
    let attack = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>";
    let accounts: Vec<_> = Simulation::new(settings()).makers().collect();
    // A file's name cannot have a slash.
    let program = attack.replace('/', "");
    simulated.write(&format!("programs/{program}.csv"), &format!("account,wei\n{},5\n", accounts[0]));
    let quoted = attack.replace('"', "\"\"");
    simulated.write("exclusions.csv", &format!("account,reason\n{},\"{quoted}\"\n", accounts[1]));
    let computed = simulated.run(Malformed::Refuse);
    let mut report = simulated.report(2, Malformed::Refuse);
    check(&report, &computed);
    // Names of markets are checked when they are read; the page does not rely on it.
    for market in &mut report.markets {
        market.parameters.market = attack.to_owned();
    }
    for line in report
        .providers
        .iter_mut()
        .filter_map(|provider| provider.statement.as_mut())
        .flat_map(|statement| &mut statement.lines)
    {
        if let LineSource::Market(name) = &mut line.source {
            *name = attack.to_owned();
        }
    }
    report.software = attack.to_owned();
    report.cid = attack.to_owned();
    report.checks.push(attack.to_owned());
    let page = render(&report);
    assert_eq!((page.matches("<script").count(), page.matches("<img").count()), (1, 0));
    assert!(!page.contains("\"'>"), "no attribute is closed");
    let escaped = attack.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    assert!(page.matches(&escaped).count() > 10, "they are shown as they are");
}

#[test]
fn a_page_loads_nothing() {
    let simulated = Simulated::new(settings(), Format::JsonLines);
    simulated.run(Malformed::Refuse);
    let page = render(&simulated.report(2, Malformed::Refuse));
    for loading in
        ["http://", "https://", "url(", "@import", " src=", "<link rel=\"stylesheet\"", " style=", " onclick="]
    {
        assert!(!page.contains(loading), "{loading}");
    }
    assert!(page.contains("default-src 'none'; style-src 'sha256-"), "a policy is there");
    assert!(!page.contains("unsafe-"), "and it is strict");
}

#[test]
fn results_of_other_inputs_are_refused() {
    let simulated = Simulated::new(settings(), Format::JsonLines);
    simulated.run(Malformed::Refuse);
    let other = Simulated::new(Settings { seed: 2, ..settings() }, Format::JsonLines);
    let folder = EpochFolder::open(&other.epoch()).unwrap();
    let gathered = gather(simulated.0.path(), None, &folder, options(2, Malformed::Refuse)).unwrap();
    let Gathered::Refused(checks) = gathered else { panic!("a report of other inputs") };
    let failing: Vec<_> = checks.iter().filter(|check| !check.holds).map(|check| check.name).collect();
    assert!(failing.contains(&"the inputs give the root of the manifest"), "{failing:?}");
}

#[test]
fn malformed_and_repeated_samples_are_left_out_as_in_the_scores() {
    let simulated = Simulated::new(settings(), Format::JsonLines);
    let path = simulated.epoch().join("samples/ETH-USD.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<_> = text.lines().map(ToOwned::to_owned).collect();
    lines[3] = lines[3].replacen("\"status\":\"ok\"", "\"status\":\"well\"", 1);
    lines.push(lines[5].clone()); // Two at the committed instant: neither counts.
    fs::write(&path, lines.join("\n")).unwrap();
    let computed = simulated.run(Malformed::Skip);
    assert_eq!(computed.manifest.skipped, 2);
    let report = simulated.report(3, Malformed::Skip);
    check(&report, &computed);
    assert!(render(&report).contains("malformed samples"));
    assert_eq!(report.markets[1].samples, report.markets[0].samples - 2);
}

#[test]
fn an_epoch_of_published_scores_has_statements_alone() {
    let folder = TempDir::new().unwrap();
    let epoch = folder.path().join("epoch");
    fs::create_dir(&epoch).unwrap();
    let account = |byte: u8| alloy_primitives::Address::repeat_byte(byte);
    let legacy = format!(r#"{{"epoch":3,"quoteScore":{{"{:#x}":2,"{:#x}":1}}}}"#, account(1), account(2));
    fs::write(epoch.join("legacy.json"), legacy).unwrap();
    fs::write(epoch.join("previous-tree.json"), format!(r#"[["{}","5"],["{}","6"]]"#, account(1), account(3))).unwrap();
    let options = options(1, Malformed::Refuse);
    let computed = manifest::compute(&EpochFolder::open(&epoch).unwrap(), &options).unwrap();
    manifest::write(folder.path(), &computed, &options).unwrap();
    let report = report(folder.path(), &epoch, 1, Malformed::Refuse);
    check(&report, &computed);
    assert_eq!((report.providers.len(), report.others.len(), report.markets.len()), (2, 1, 0));
    let sources: Vec<_> = report.providers[0]
        .statement
        .iter()
        .flat_map(|statement| &statement.lines)
        .map(|line| line.source.clone())
        .collect();
    assert_eq!(sources, [LineSource::Earlier, LineSource::Liquidity]);
    assert!(!render(&report).contains("href=\"#markets\""));
}
