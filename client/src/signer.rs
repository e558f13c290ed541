//! The key that signs. Secrets come from files, the environment or the terminal, never from the command line, and are never printed.

use std::{
    env, fmt, fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use alloy::{
    consensus::TxEip1559,
    network::{FullSigner, TxSigner},
    signers::{
        Signature,
        local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English},
    },
};
use alloy_primitives::{Address, B256};
use anyhow::{Context, anyhow, bail};
use clap::Args;
use zeroize::Zeroizing;

use crate::{Usage, kms, ledger};

const PRIVATE_KEY: &str = "TIDEPOOL_PRIVATE_KEY";
const MNEMONIC: &str = "TIDEPOOL_MNEMONIC";

/// Who signs: exactly one of these, or of the variables TIDEPOOL_PRIVATE_KEY and TIDEPOOL_MNEMONIC; or nobody here
#[derive(Clone, Debug, Args)]
pub(crate) struct SignerOptions {
    /// Encrypted key file, as geth and cast write it
    #[arg(long, value_name = "FILE", help_heading = "Signer")]
    keystore: Option<PathBuf>,
    /// File with the password of the keystore; asked for without it
    #[arg(long, value_name = "FILE", requires = "keystore", help_heading = "Signer")]
    password_file: Option<PathBuf>,
    /// File with a private key in hexadecimal; or the variable TIDEPOOL_PRIVATE_KEY
    #[arg(long, value_name = "FILE", help_heading = "Signer")]
    private_key_file: Option<PathBuf>,
    /// File with a mnemonic phrase; or the variable TIDEPOOL_MNEMONIC
    #[arg(long, value_name = "FILE", help_heading = "Signer")]
    mnemonic_file: Option<PathBuf>,
    /// Which account of the mnemonic: m/44'/60'/0'/0/N
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Signer")]
    mnemonic_index: u32,
    /// A Ledger on USB: unlocked, with its Ethereum app open. Each transaction is confirmed on it too
    #[arg(long, help_heading = "Signer")]
    ledger: bool,
    /// Which account of the Ledger: m/44'/60'/N'/0/0
    #[arg(long, value_name = "N", default_value_t = 0, requires = "ledger", help_heading = "Signer")]
    ledger_account: u32,
    /// Key in AWS KMS, by id, ARN or alias; region and credentials are found as AWS's own tools find them
    #[arg(long, value_name = "KEY", help_heading = "Signer")]
    aws_kms_key: Option<String>,
    /// Print what would be sent instead of sending it, for --from to sign elsewhere; no key is read
    #[arg(long, requires = "from", help_heading = "Signer")]
    unsigned: bool,
    /// Who will sign what --unsigned prints
    #[arg(long, value_name = "ADDRESS", requires = "unsigned", help_heading = "Signer")]
    from: Option<Address>,
}

/// Somebody in whose name transactions are made.
pub(crate) struct Signer {
    /// The account.
    pub(crate) address: Address,
    /// What signs for it; nothing if that happens elsewhere.
    key: Option<Key>,
}

/// What signs: a secret in this process, a device, or a service.
pub(crate) type Key = Box<dyn FullSigner<Signature> + Send + Sync>;

impl Signer {
    /// Whether there is a key.
    pub(crate) const fn can_sign(&self) -> bool {
        self.key.is_some()
    }

    /// Signs a transaction.
    ///
    /// # Errors
    ///
    /// If there is no key.
    pub(crate) async fn sign(&self, transaction: &mut TxEip1559) -> anyhow::Result<Signature> {
        let key = self.key.as_ref().ok_or_else(|| anyhow!("{}: its key is elsewhere", self.address))?;
        key.sign_transaction(transaction).await.context("the transaction is not signed")
    }

    /// Signs a hash that is no transaction's.
    ///
    /// # Errors
    ///
    /// If there is no key, or if it is one that signs only what it can show.
    pub(crate) async fn sign_hash(&self, hash: B256) -> anyhow::Result<Signature> {
        let key = self.key.as_ref().ok_or_else(|| anyhow!("{}: its key is elsewhere", self.address))?;
        let signature = key.sign_hash(&hash).await;
        signature.context("the message is not signed; a Ledger signs transactions only: approve instead")
    }
}

/// Without the key.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.address).finish()
    }
}

/// Where the secret is.
#[derive(Clone, Copy)]
enum Place<'a> {
    File(&'a Path),
    Variable(&'static str),
}

impl SignerOptions {
    /// The signer. A password may be asked for, a device or a service may have to answer.
    ///
    /// # Errors
    ///
    /// If none or several are named, or if the secret cannot be read. No error repeats a secret.
    pub(crate) async fn signer(&self) -> anyhow::Result<Signer> {
        if let Some(address) = self.from {
            return Ok(Signer { address, key: None });
        }
        self.expect_one()?;
        let key = match &self.aws_kms_key {
            Some(key) => kms::open(key).await?,
            None if self.ledger => ledger::open(self.ledger_account).await?,
            None => Box::new(self.load()?),
        };
        Ok(Signer { address: TxSigner::address(&key), key: Some(key) })
    }

    /// Whether what is sent is only printed.
    pub(crate) const fn is_unsigned(&self) -> bool {
        self.unsigned
    }

    /// Refuses to guess who signs. Looks at names only, so that nothing is asked before.
    ///
    /// # Errors
    ///
    /// If none or several are named.
    pub(crate) fn expect_one(&self) -> anyhow::Result<()> {
        if self.unsigned {
            return Ok(());
        }
        let named = [
            ("--keystore", self.keystore.is_some()),
            ("--private-key-file", self.private_key_file.is_some()),
            ("--mnemonic-file", self.mnemonic_file.is_some()),
            ("--ledger", self.ledger),
            ("--aws-kms-key", self.aws_kms_key.is_some()),
            (PRIVATE_KEY, env::var_os(PRIVATE_KEY).is_some()),
            (MNEMONIC, env::var_os(MNEMONIC).is_some()),
        ];
        let named: Vec<_> = named.into_iter().filter(|(_, is_named)| *is_named).map(|(name, _)| name).collect();
        match named[..] {
            [_] => Ok(()),
            [] => bail!(Usage(format!(
                "who signs? --keystore, --private-key-file, --mnemonic-file, --ledger or --aws-kms-key, or the variable {PRIVATE_KEY} or \
                 {MNEMONIC}; --from ADDRESS --unsigned prints the transaction for another to sign"
            ))),
            _ => bail!(Usage(format!("who signs? {} are given; leave all but one out", named.join(" and ")))),
        }
    }

    fn load(&self) -> anyhow::Result<PrivateKeySigner> {
        if let Some(path) = &self.keystore {
            return self.decrypt(path);
        }
        if let Some(path) = &self.private_key_file {
            return private_key(Place::File(path));
        }
        if let Some(path) = &self.mnemonic_file {
            return self.mnemonic(Place::File(path));
        }
        if env::var_os(PRIVATE_KEY).is_some() {
            return private_key(Place::Variable(PRIVATE_KEY));
        }
        self.mnemonic(Place::Variable(MNEMONIC))
    }

    fn decrypt(&self, path: &Path) -> anyhow::Result<PrivateKeySigner> {
        // Before the password is asked for.
        fs::metadata(path).with_context(|| path.display().to_string())?;
        let password = match &self.password_file {
            Some(path) => Place::File(path).read()?,
            None if io::stdin().is_terminal() => {
                let prompt = format!("Password of {}: ", path.display());
                let asked = rpassword::prompt_password(prompt);
                if asked.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
                    // The signal ends the process from another thread.
                    thread::sleep(Duration::from_secs(1));
                }
                Zeroizing::new(asked.context("the password cannot be asked for")?)
            }
            None => {
                let path = path.display();
                bail!(Usage(format!("{path}: no terminal to ask for its password; name a --password-file")))
            }
        };
        let line = password.trim_end_matches(['\r', '\n']);
        PrivateKeySigner::decrypt_keystore(path, line.as_bytes())
            .map_err(|error| anyhow!("{}: {error}: is the password right, and is it a keystore?", path.display()))
    }

    fn mnemonic(&self, place: Place<'_>) -> anyhow::Result<PrivateKeySigner> {
        let text = place.read()?;
        let phrase = Zeroizing::new(text.split_whitespace().collect::<Vec<_>>().join(" "));
        let builder = MnemonicBuilder::<English>::default().phrase(phrase.as_str()).index(self.mnemonic_index);
        // The library's errors may repeat words of the phrase.
        let signer = builder.and_then(|builder| builder.build());
        signer.map_err(|_| anyhow!("{}: not a mnemonic phrase of English words with a right checksum", place.name()))
    }
}

fn private_key(place: Place<'_>) -> anyhow::Result<PrivateKeySigner> {
    let text = place.read()?;
    let refused = || anyhow!("{}: not a private key, which is 32 bytes in hexadecimal", place.name());
    let mut key: B256 = text.trim().parse().map_err(|_| refused())?;
    let signer = PrivateKeySigner::from_bytes(&key).map_err(|_| refused());
    zeroize::Zeroize::zeroize(&mut key.0);
    signer
}

impl Place<'_> {
    fn name(self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Variable(name) => name.to_owned(),
        }
    }

    fn read(self) -> anyhow::Result<Zeroizing<String>> {
        match self {
            Self::Variable(name) => {
                Ok(Zeroizing::new(env::var(name).map_err(|_| anyhow!("{name} is not text of Unicode"))?))
            }
            Self::File(path) => {
                warn_of_readers(path);
                Ok(Zeroizing::new(fs::read_to_string(path).with_context(|| self.name())?))
            }
        }
    }
}

/// Says so if others may read the file.
#[cfg(unix)]
fn warn_of_readers(path: &Path) {
    use std::os::unix::fs::PermissionsExt;

    let mode = fs::metadata(path).map_or(0, |data| data.permissions().mode());
    if mode & 0o077 != 0 {
        eprintln!("warning: {} can be read by others; chmod 600 keeps it to you", path.display());
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_: &Path) {}
