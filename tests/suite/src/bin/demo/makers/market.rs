//! The stage of the second act: a pool, the exchange, market makers' proxies, and the books of everybody.

use std::fmt::Debug;

use alloy_primitives::{Address, U256, keccak256};
use alloy_sol_types::{SolCall, SolError};
use chain::{CREATE2_FACTORY, Sent};
use suite::{
    abi::{IBorrowerAllocations, IDebtAccounting, IExchange, IStaking, IToken, ITrustedBorrowerL2Proxy as P},
    clone,
    deployment::{self, Deployment, Settings, doubles, role},
    distribution::{self, Terms},
    host::OnChain,
    proxy::{self, Parties, Seats},
    wallet,
};

use crate::{
    Options,
    scene::{DAY, Scene, address},
    words::{amount, grouped, usdc},
};

/// Market makers with their shares of the pool, basis points; key and vault of the exchange.
pub(crate) const MAKERS: [(&str, u64, u64, u64); 3] =
    [("amber", 4000, 1001, 501), ("birch", 3000, 1002, 502), ("cedar", 3000, 1003, 503)];

pub(crate) const STAKERS: [&str; 2] = ["erin", "frank"];

/// Everybody else on the exchange: whom market makers win from.
pub(super) const TRADERS: (u64, u64) = (1000, 500);

/// The exchange's asset that is the borrowed token; a unit of one is a unit of the other.
pub(super) const ASSET: u64 = 42;

/// The stage.
pub(crate) struct Market {
    pub(crate) scene: Scene,
    pub(crate) parties: Parties,
    pub(crate) dydx: Address,
    pub(crate) cached: bool,
    program: Address,
    pub(super) proxies: Vec<Address>,
}

impl Market {
    /// A new pool with the parameters of mainnet, from the chain's time on, beside an exchange and a distributor.
    pub(crate) fn open(mut scene: Scene, options: &Options) -> Result<Self, String> {
        let settings = Settings::mainnet_from(scene.chain.timestamp() + 3600 + DAY);
        scene.start = settings.deployed_at + DAY;
        let token = deployment::token(&mut scene.chain, "token", "USD Coin", "USDC", 6);
        let dydx = deployment::token(&mut scene.chain, "token", "dYdX", "DYDX", 18);
        scene.keep([token, dydx]);
        scene.set_time(settings.deployed_at)?;
        let [owner, treasury] = ["owner", "treasury"].map(address);
        let parties = deployment::Parties { staked_token: token, rewards_token: dydx, treasury, owner };
        let chain = &mut scene.chain;
        let pool = Deployment::deploy(chain, "owner", &parties, &settings).map_err(|error| error.to_string())?;
        let distributor = distribution::deploy(chain, dydx, Address::ZERO, &Terms::default());
        let distributor = distributor.map_err(|error| error.to_string())?.address;
        let wasm = doubles().wasm("exchange").map_err(|error| error.to_string())?;
        let exchange = chain.from("operator").deploy_wasm(&wasm).map_err(|error| error.to_string())?.address;
        let program = OnChain::new(chain, "GOV")
            .create("trusted-borrower-l2-proxy", None)
            .map_err(|error| error.to_string())?
            .address;
        scene.keep_pool(&pool);
        scene.keep([distributor, exchange, program]);
        let cached = !options.uncached;
        if cached {
            scene.cache(&pool, &[program, distributor])?;
        }
        let parties = Parties { pool: pool.pool, exchange, token, distributor };
        let mut market = Self { scene, parties, dydx, cached, program, proxies: Vec::new() };
        market.open_exchange()?;
        market.endow_stakers()?;
        Ok(market)
    }

    pub(crate) fn introduce(&self) {
        let Parties { pool, exchange, token, distributor } = self.parties;
        for (what, address) in [
            ("pool", pool),
            ("exchange", exchange),
            ("USDC", token),
            ("distributor", distributor),
            ("program of the proxies", self.program),
        ] {
            println!("  {what:<24} {address}");
        }
        println!("\nerin and frank hold 1,000,000 USDC each; other traders have 100,000 USDC on the exchange.\n");
    }

    /// Traders of the exchange have 100,000 USDC there.
    fn open_exchange(&mut self) -> Result<(), String> {
        let (exchange, token, (key, vault)) = (self.parties.exchange, self.parties.token, TRADERS);
        let (operator, asset) = (address("operator"), U256::from(ASSET));
        self.scene.must("operator", exchange, &IExchange::initializeCall { operator })?;
        let quantum = U256::from(1);
        self.scene.must("operator", exchange, &IExchange::registerAssetCall { assetType: asset, token, quantum })?;
        self.register("traders", address("traders"), key, vault)?;
        self.scene.must("operator", token, &IToken::mintCall { to: exchange, value: usdc(100_000) })?;
        self.set_vault(vault, usdc(100_000))
    }

    fn endow_stakers(&mut self) -> Result<(), String> {
        let Parties { pool, token, .. } = self.parties;
        for who in STAKERS {
            let (to, value) = (address(who), usdc(1_000_000));
            self.scene.must(who, token, &IToken::mintCall { to, value })?;
            self.scene.must(who, token, &IToken::approveCall { spender: pool, value: U256::MAX })?;
        }
        Ok(())
    }

    /// A key for an account, and a vault for the key.
    fn register(&mut self, who: &str, account: Address, key: u64, vault: u64) -> Result<(), String> {
        let (exchange, key) = (self.parties.exchange, U256::from(key));
        let signature = proxy::registration(account, key);
        let call = IExchange::registerUserCall { ethKey: account, starkKey: key, signature };
        self.scene.must(who, exchange, &call)?;
        let call = IExchange::openVaultCall { starkKey: key, vaultId: U256::from(vault) };
        self.scene.must("operator", exchange, &call).map(drop)
    }

    fn set_vault(&mut self, vault: u64, balance: U256) -> Result<(), String> {
        let call = IExchange::setVaultBalanceCall {
            assetType: U256::from(ASSET),
            vaultId: U256::from(vault),
            quantizedAmount: balance,
        };
        self.scene.must("operator", self.parties.exchange, &call).map(drop)
    }

    // Market makers.

    /// A clone at the address that its init code commits to; then whatever its owner does on the first day.
    pub(crate) fn open_maker(&mut self, index: usize) -> Result<(), String> {
        let (name, _, key, vault) = MAKERS[index];
        let proxy = self.create(index)?;
        self.proxies.push(proxy);
        let (desk, till) = (address(&format!("{name}'s desk")), address(&format!("{name}'s till")));
        let mut gas = 0;
        for (name_of_role, account) in
            [("BORROWER_ROLE", desk), ("EXCHANGE_OPERATOR_ROLE", desk), ("WITHDRAWAL_OPERATOR_ROLE", till)]
        {
            let call = P::grantRoleCall { role: role(name_of_role), account };
            gas += self.scene.must(name, proxy, &call)?.receipt.gas.used;
        }
        self.register(name, proxy, key, vault)?;
        let recipient = address(&format!("{name}'s bank"));
        let allow = P::allowStarkKeyCall { starkKey: U256::from(key) };
        gas += self.scene.must(name, proxy, &allow)?.receipt.gas.used;
        let allow = P::allowExternalRecipientCall { recipient };
        gas += self.scene.must(name, proxy, &allow)?.receipt.gas.used;
        println!(
            "         gives its desk and its till their roles, allows its key and its bank   {} gas in 5 calls",
            grouped(gas)
        );
        Ok(())
    }

    fn create(&mut self, index: usize) -> Result<Address, String> {
        let (name, _, key, vault) = MAKERS[index];
        let vaults = vec![[key, ASSET, vault].map(U256::from)];
        let [owner, guardian, veto_guardian] = [name, "guardian", "veto guardian"].map(address);
        let init = proxy::init_code(self.program, &self.parties, &Seats { owner, guardian, veto_guardian, vaults });
        let salt = keccak256(name);
        let expected = clone::address(salt, &init);
        let account = self.scene.chain.account(name);
        let sent = wallet::send(&mut self.scene.chain, &account, CREATE2_FACTORY, clone::creation(salt, &init));
        let receipt = sent.map_err(|error| format!("{name} creates a proxy: {error}"))?;
        self.scene.tell(name, &format!("creates its proxy {expected}"), &receipt);
        let code = clone::code(self.program, self.parties.all());
        self.scene.equal("what the factory created", &receipt.output[..], expected.as_slice())?;
        let found = self.scene.chain.code(expected);
        self.scene.equal("the proxy's code", &found[..], &code[..])?;
        Ok(expected)
    }

    pub(crate) fn proxy(&self, name: &str) -> Address {
        MAKERS.iter().zip(&self.proxies).find(|((maker, ..), _)| *maker == name).map_or(Address::ZERO, |(_, it)| *it)
    }

    // Steps.

    /// Moves the clock, and tells what an epoch's end does by itself.
    pub(crate) fn at(&mut self, epoch: u64, days: u64) -> Result<(), String> {
        let before = self.books()?;
        self.scene.at(epoch, days)?;
        let after = self.books()?;
        if before != after {
            println!("{:>7}  epoch {epoch} begins", format!("E{epoch}"));
            before.tell_changes(&after);
        }
        Ok(())
    }

    /// A signed transaction that succeeds: who, what, gas, what everybody concerned has before and after.
    pub(crate) fn act<C: SolCall>(
        &mut self,
        who: &str,
        what: &str,
        to: Address,
        call: &C,
    ) -> Result<Sent<C::Return>, String> {
        let before = self.books()?;
        let sent = self.scene.act(who, what, to, call)?;
        let after = self.books()?;
        before.tell_changes(&after);
        self.balance(&after)?;
        Ok(sent)
    }

    /// A signed transaction to a market maker's proxy.
    pub(crate) fn proxied<C: SolCall>(
        &mut self,
        who: &str,
        what: &str,
        maker: &str,
        call: &C,
    ) -> Result<Sent<C::Return>, String> {
        let proxy = self.proxy(maker);
        self.act(who, what, proxy, call)
    }

    /// A call of a market maker's proxy that must fail with exactly this error, and changes nothing.
    pub(crate) fn refused<C: SolCall, E: SolError + Debug>(
        &mut self,
        who: &str,
        what: &str,
        maker: &str,
        call: &C,
        expected: &E,
    ) -> Result<(), String> {
        let (before, proxy) = (self.books()?, self.proxy(maker));
        self.scene.refused(who, what, proxy, call, expected)?;
        let after = self.books()?;
        self.scene.check(before == after, || "a refused call left a trace".into())
    }

    pub(crate) fn stake(&mut self, who: &str, whole: u64) -> Result<(), String> {
        let (pool, what) = (self.parties.pool, format!("stakes {} USDC", amount(usdc(whole), 6)));
        self.act(who, &what, pool, &IStaking::stakeCall { amount: usdc(whole) }).map(drop)
    }

    // The exchange.

    /// A deposit through the proxy; layer 2 accepts so much of what is pending.
    pub(crate) fn deposit(&mut self, maker: &str, whole: u64, accepted: u64) -> Result<(), String> {
        let Place { key, asset, vault } = place(maker);
        let call =
            P::depositToExchangeCall { starkKey: key, assetType: asset, vaultId: vault, quantizedAmount: usdc(whole) };
        let what = format!("deposits {} USDC to the exchange", amount(usdc(whole), 6));
        let sent = self.proxied(&format!("{maker}'s desk"), &what, maker, &call)?;
        self.scene.equal("what left the proxy", sent.ret, usdc(whole))?;
        if accepted == 0 {
            return Ok(());
        }
        let call = IExchange::acceptDepositCall {
            starkKey: key,
            assetType: asset,
            vaultId: vault,
            quantizedAmount: usdc(accepted),
        };
        self.act("operator", "accepts it on layer 2", self.parties.exchange, &call).map(drop)
    }

    /// Layer 2 lets part of a vault go.
    pub(crate) fn release(&mut self, maker: &str, whole: u64) -> Result<(), String> {
        let Place { asset, vault, .. } = place(maker);
        let call = IExchange::releaseWithdrawalCall { assetType: asset, vaultId: vault, quantizedAmount: usdc(whole) };
        let what = format!("lets {} USDC of {maker} go", amount(usdc(whole), 6));
        self.act("operator", &what, self.parties.exchange, &call).map(drop)
    }

    /// A market maker asks for part of its vault, and takes it.
    pub(crate) fn withdraw(&mut self, maker: &str, whole: u64) -> Result<(), String> {
        self.release(maker, whole)?;
        let Place { key, asset, .. } = place(maker);
        let call = P::withdrawFromExchangeCall { starkKey: key, assetType: asset };
        let sent = self.proxied(&format!("{maker}'s desk"), "withdraws it from the exchange", maker, &call)?;
        self.scene.equal("what came back", sent.ret, usdc(whole))
    }

    /// A market maker wins from the other traders.
    pub(crate) fn win(&mut self, maker: &str, whole: u64) -> Result<(), String> {
        let (before, Place { asset, vault, .. }) = (self.books()?, place(maker));
        let (Some(won), Some(theirs)) = (before.of(maker, "vault"), before.of("traders", "vault")) else {
            return Err("vaults are missing in the books".into());
        };
        self.set_vault(TRADERS.1, theirs - usdc(whole))?;
        let call =
            IExchange::setVaultBalanceCall { assetType: asset, vaultId: vault, quantizedAmount: won + usdc(whole) };
        let what = format!("credits {maker} with a profit of {} USDC", amount(usdc(whole), 6));
        let receipt = self.scene.must("operator", self.parties.exchange, &call)?.receipt;
        self.scene.tell("operator", &what, &receipt);
        let after = self.books()?;
        before.tell_changes(&after);
        self.balance(&after)
    }
}

/// Where a market maker is on the exchange.
pub(crate) struct Place {
    pub(crate) key: U256,
    pub(crate) asset: U256,
    pub(crate) vault: U256,
}

pub(crate) fn place(maker: &str) -> Place {
    let (_, _, key, vault) = MAKERS.into_iter().find(|(name, ..)| *name == maker).unwrap_or_default();
    Place { key: U256::from(key), asset: U256::from(ASSET), vault: U256::from(vault) }
}

/// Shares of the market makers, out of what is nobody's.
pub(crate) fn shares(market: &Market) -> IBorrowerAllocations::setBorrowerAllocationsCall {
    let proxies = MAKERS.iter().map(|(name, ..)| market.proxy(name));
    IBorrowerAllocations::setBorrowerAllocationsCall {
        borrowers: [Address::ZERO].into_iter().chain(proxies).collect(),
        newAllocations: [0].into_iter().chain(MAKERS.map(|(_, share, ..)| share)).map(U256::from).collect(),
    }
}

/// Marks whatever a market maker is overdue.
pub(crate) fn mark(market: &Market, maker: &str) -> IDebtAccounting::markDebtCall {
    IDebtAccounting::markDebtCall { borrowers: vec![market.proxy(maker)] }
}
