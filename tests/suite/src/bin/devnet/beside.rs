//! What stands beside the pool: the makers' proxies with their exchange, the distributor with its oracle, and the claim proxies.

use alloy_primitives::{Address, U256, keccak256};
use alloy_sol_types::SolValue;
use chain::Chain;
use suite::{
    abi::{IEpochSchedule, IExchange, IMerkleDistributor, IRoles, IToken, ITrustedBorrowerL2Proxy},
    deployment::{self, Parties, role},
    distribution::{INTERVAL, tokens},
    host::OnChain,
    proxy::{self, Seats},
};

use crate::{account, must};

/// STARK key, asset type and vault of the first maker; the others count on.
const KEY: u64 = 1_001;
const ASSET: u64 = 1;
const VAULT: u64 = 1;

/// Contracts by name, in the order of their deployment.
pub(crate) type Deployed = Vec<(String, Address)>;

/// Deploys everything, for a pool whose epoch zero starts at `offset`.
pub(crate) fn deploy(
    chain: &mut Chain,
    pool: Address,
    parties: &Parties,
    offset: U256,
    makers: &[&str],
) -> Result<Deployed, String> {
    let mut deployed = Deployed::new();
    rewards(chain, pool, parties, offset, &mut deployed)?;
    let distributor = address_of(&deployed, "merkle-distributor");
    let exchange = exchange(chain, parties.staked_token)?;
    deployed.push(("exchange-double".into(), exchange));
    let program = program(chain, "trusted-borrower-l2-proxy", None::<&()>)?;
    deployed.push(("trusted-borrower-l2-proxy".into(), program));
    let parties = proxy::Parties { pool, exchange, token: parties.staked_token, distributor };
    for (index, maker) in makers.iter().enumerate() {
        let borrower = borrower(chain, program, &parties, maker, index as u64)?;
        deployed.push((format!("{maker}-proxy"), borrower));
    }
    Ok(deployed)
}

/// Address of what was deployed under this name.
pub(crate) fn address_of(deployed: &Deployed, name: &str) -> Address {
    deployed.iter().find(|(known, _)| known == name).map(|(_, address)| *address).unwrap_or_default()
}

/// The distributor, an oracle of three reporters of whom two must agree, and the claim proxies.
fn rewards(
    chain: &mut Chain,
    pool: Address,
    parties: &Parties,
    offset: U256,
    deployed: &mut Deployed,
) -> Result<(), String> {
    let owner = parties.owner;
    let arguments = (
        parties.rewards_token,
        parties.treasury,
        owner,
        Address::ZERO,
        String::from("rewards-data.dydx.foundation"),
        U256::from(180),
        tokens(1_150_685),
        tokens(3_835_616),
        tokens(7) / U256::from(10),
        U256::from(INTERVAL),
        offset,
    );
    let distributor = program(chain, "merkle-distributor", Some(&arguments))?;
    let reporters: Vec<_> = ["owner", "staker1", "staker2"].map(|part| account(part).address()).into();
    let oracle = program(chain, "rewards-oracle", Some(&(distributor, owner, reporters, U256::from(2))))?;
    must(chain, "owner", distributor, IMerkleDistributor::setRewardsOracleCall { rewardsOracle: oracle })?;
    let modules = (Address::ZERO, pool, distributor, Address::ZERO);
    let claims = program(chain, "claims-proxy", Some(&modules))?;
    let operator = role("CLAIM_OPERATOR_ROLE");
    must(chain, "owner", distributor, IRoles::grantRoleCall { role: operator, account: claims })?;
    must(chain, "owner", pool, IEpochSchedule::grantRoleCall { role: operator, account: claims })?;
    let treasury = (distributor, parties.treasury, parties.rewards_token);
    let treasury = program(chain, "treasury-claim-proxy", Some(&treasury))?;
    must(chain, "treasury", parties.rewards_token, IToken::approveCall { spender: distributor, value: U256::MAX })?;
    deployed.extend(
        [
            ("merkle-distributor", distributor),
            ("rewards-oracle", oracle),
            ("claims-proxy", claims),
            ("treasury-claim-proxy", treasury),
        ]
        .map(|(name, address)| (name.to_owned(), address)),
    );
    Ok(())
}

/// The exchange's double; the owner operates it.
fn exchange(chain: &mut Chain, token: Address) -> Result<Address, String> {
    let wasm = deployment::doubles().wasm("exchange").map_err(|error| error.to_string())?;
    let exchange = chain.from("deployer").deploy_wasm(&wasm).map_err(|error| error.to_string())?.address;
    let operator = account("owner").address();
    must(chain, "owner", exchange, IExchange::initializeCall { operator })?;
    let asset = IExchange::registerAssetCall { assetType: U256::from(ASSET), token, quantum: U256::from(1) };
    must(chain, "owner", exchange, asset)?;
    Ok(exchange)
}

/// A maker's borrower, with the maker in every seat of the owner's side, a key and a vault.
fn borrower(
    chain: &mut Chain,
    program: Address,
    parties: &proxy::Parties,
    maker: &str,
    index: u64,
) -> Result<Address, String> {
    let [key, asset, vault] = [KEY + index, ASSET, VAULT + index].map(U256::from);
    let (owner, guardian) = (account(maker).address(), account("owner").address());
    let seats = Seats { owner, guardian, veto_guardian: guardian, vaults: vec![[key, asset, vault]] };
    let creation = chain.from(&account(maker)).create(proxy::init_code(program, parties, &seats));
    let borrower = proxy::created(&creation.map_err(|error| format!("{maker}: {error}"))?);
    for name in ["BORROWER_ROLE", "EXCHANGE_OPERATOR_ROLE", "WITHDRAWAL_OPERATOR_ROLE"] {
        let grant = ITrustedBorrowerL2Proxy::grantRoleCall { role: role(name), account: owner };
        must(chain, maker, borrower, grant)?;
    }
    let message = [b"UserRegistration:".as_slice(), borrower.as_slice(), &key.to_be_bytes::<32>()].concat();
    let signature = account("owner").sign(keccak256(message)).as_bytes().to_vec().into();
    let register = IExchange::registerUserCall { ethKey: borrower, starkKey: key, signature };
    must(chain, "owner", parties.exchange, register)?;
    must(chain, "owner", parties.exchange, IExchange::openVaultCall { starkKey: key, vaultId: vault })?;
    must(chain, maker, borrower, ITrustedBorrowerL2Proxy::allowStarkKeyCall { starkKey: key })?;
    let recipient = ITrustedBorrowerL2Proxy::allowExternalRecipientCall { recipient: owner };
    must(chain, maker, borrower, recipient)?;
    Ok(borrower)
}

/// A program of contracts/, deployed, constructed if it has a constructor, and cached.
fn program<A>(chain: &mut Chain, name: &str, arguments: Option<&A>) -> Result<Address, String>
where
    A: SolValue,
    for<'a> <A::SolType as alloy_sol_types::SolType>::Token<'a>: alloy_sol_types::abi::token::TokenSeq<'a>,
{
    let arguments = arguments.map(SolValue::abi_encode_params);
    let deployed = OnChain::new(chain, "deployer").create(name, arguments);
    let address = deployed.map_err(|error| format!("{name}: {error}"))?.address;
    chain.cache(address).map_err(|error| format!("{name}: {error}"))?;
    Ok(address)
}
