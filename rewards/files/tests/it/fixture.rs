//! Small epochs in temporary folders.

use std::{fs, path::Path};

use rewards::simulation::{Settings, Simulation};
use rewards_files::{
    Error,
    epoch::{EpochFolder, Malformed},
    folder::SEAL,
    manifest::{self, Epoch, Options},
    samples::Format,
    synthetic,
};
use tempfile::TempDir;

pub(crate) const FORMATS: [Format; 3] = [Format::Parquet, Format::Csv, Format::JsonLines];

pub(crate) fn settings() -> Settings {
    Settings { seed: 1, epoch: 18, markets: 3, makers: 5, minutes: 120, orders: 20 }
}

/// A simulated epoch, sealed.
pub(crate) fn sealed(settings: Settings, format: Format) -> TempDir {
    let folder = TempDir::new().unwrap();
    synthetic::write(folder.path(), &Simulation::new(settings), format, &()).unwrap();
    folder
}

/// The same without the seal, so that tests can change it.
pub(crate) fn simulated(settings: Settings, format: Format) -> TempDir {
    let folder = sealed(settings, format);
    fs::remove_file(folder.path().join(SEAL)).unwrap();
    folder
}

/// What is wrong with a folder, line by line, without the path of the folder.
pub(crate) fn refusal(folder: &Path) -> String {
    match EpochFolder::open(folder) {
        Err(Error::Malformed(problems)) => problems.to_string().replace(&format!("{}/", folder.display()), ""),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn options(threads: usize, malformed: Malformed) -> Options<'static> {
    Options { format: Format::Csv, malformed, threads, progress: &(), proofs: true, replace: false, accept_gaps: None }
}

pub(crate) fn computed(folder: &Path, threads: usize) -> Epoch {
    manifest::compute(&EpochFolder::open(folder).unwrap(), &options(threads, Malformed::Refuse)).unwrap()
}

/// A line of the canonical file: BTC-USD, minute 0, with one provider on both sides.
pub(crate) const LINE: &str = r#"{"epoch":18,"minute":0,"market":"BTC-USD","time_ms":1671548400125,"seq":1,"status":"ok","best_bid":"29990","best_ask":"30010","orders":[{"account":"0x1111111111111111111111111111111111111111","id":"1","side":"B","price":"29990","size":"1"},{"account":"0x1111111111111111111111111111111111111111","id":"2","side":"S","price":"30010","size":"1.5"}]}"#;

pub(crate) const CSV_HEADER: &str =
    "epoch,minute,market,time_ms,seq,status,best_bid,best_ask,account,id,side,price,size";

pub(crate) const ACCOUNT: &str = "0x1111111111111111111111111111111111111111";

/// An epoch with BTC-USD alone, one provider, and these samples.
pub(crate) fn small(file: &str, samples: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let parameters = r#"{"epoch":18,"lp_amount_wei":"1000000","threshold_num":25,"threshold_den":10000,"alloc_other_bps":0,
        "empty_market":"redistribute","markets":[{"market":"BTC-USD","formula":"V4-BE","min_depth_usd":5000,"max_spread_bps":20,
        "alloc_bps":10000,"price_decimals":1,"size_decimals":4,"listed":{"from":0,"until":9}}]}"#;
    write("parameters.json", parameters.as_bytes());
    let volume = format!("epoch,market,account,micro_usd\n17,BTC-USD,{ACCOUNT},5\n18,BTC-USD,{ACCOUNT},7\n");
    write("volume.csv", volume.as_bytes());
    write("previous-tree.json", format!(r#"[["{ACCOUNT}","1"]]"#).as_bytes());
    write(&format!("samples/{file}"), samples);
    folder
}
