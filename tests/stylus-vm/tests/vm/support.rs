//! A chain small enough to be obviously right: it answers requests with the EVM's gas, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use stylus_vm::execution::HostCall;
use stylus_vm::{
    ARBOS_CURRENT, Activation, Block, Config, Context, Execution, Outcome, Program, Reply, Request, Rules, Step, module,
};

/// The default rules of the chain.
pub(crate) const RULES: Rules = Rules::of(ARBOS_CURRENT);
/// The last ones that admit several results.
pub(crate) const MULTI_VALUE_RULES: Rules = Rules::of(51);

pub(crate) const INK_PRICE: u64 = 10_000;
pub(crate) const GAS: u64 = 32_000_000;
pub(crate) const CONTRACT: Address = Address::repeat_byte(0xc0);
pub(crate) const SENDER: Address = Address::repeat_byte(0x5e);
pub(crate) const ORIGIN: Address = Address::repeat_byte(0x09);
pub(crate) const COINBASE: Address = Address::repeat_byte(0xba);

/// Binary of a module in text form, without a name section.
pub(crate) fn wasm(text: &str) -> Vec<u8> {
    module::prepare_for_deployment(&wat::parse_str(text).expect("test modules are well formed"))
        .map(|prepared| without_custom_sections(&prepared))
        .expect("test modules are well formed")
}

fn without_custom_sections(wasm: &[u8]) -> Vec<u8> {
    const PROJECT_HASH_SECTION: usize = 1 + 1 + 1 + "project_hash".len() + 32;
    wasm[..wasm.len() - PROJECT_HASH_SECTION].to_vec()
}

pub(crate) fn activate(text: &str) -> Activation {
    module::activate(&wasm(text), 128, &RULES, u64::MAX).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub(crate) fn program(text: &str) -> Arc<Program> {
    activate(text).program
}

pub(crate) fn config() -> Config {
    Config {
        arbos_version: ARBOS_CURRENT,
        ink_price: INK_PRICE as u32,
        max_stack_depth: 22_000,
        max_code_size: 24_576,
        trace: true,
    }
}

pub(crate) fn block() -> Arc<Block> {
    Arc::new(Block {
        basefee: U256::from(100_000_000),
        coinbase: COINBASE,
        gas_limit: 1 << 50,
        number: 19_000_000,
        timestamp: 1_700_000_000,
        chain_id: 412_346,
        gas_price: U256::from(100_000_001),
        origin: ORIGIN,
    })
}

pub(crate) fn context() -> Context {
    Context { contract: CONTRACT, sender: SENDER, value: U256::from(7), reentrant: false, is_static: false }
}

/// How a frame ended.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) outcome: Outcome,
    pub(crate) gas_left: u64,
    pub(crate) output: Bytes,
    pub(crate) ink_used: u64,
    pub(crate) trace: Vec<HostCall>,
}

impl Run {
    /// Ink of the n-th traced call of `name`.
    pub(crate) fn ink_of(&self, name: &str, nth: usize) -> u64 {
        let call = self.calls(name).nth(nth).unwrap_or_else(|| panic!("no {name} number {nth} in {self:?}"));
        call.start_ink - call.end_ink
    }

    pub(crate) fn calls<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a HostCall> {
        self.trace.iter().filter(move |call| call.name == name)
    }
}

/// A frame about to run.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) config: Config,
    pub(crate) context: Context,
    pub(crate) calldata: Bytes,
    pub(crate) gas: u64,
}

impl Default for Frame {
    fn default() -> Self {
        Self { config: config(), context: context(), calldata: Bytes::new(), gas: GAS }
    }
}

impl Frame {
    pub(crate) fn run(&self, program: &Arc<Program>, chain: &mut Chain) -> Run {
        let Self { config, context, calldata, gas } = self.clone();
        let (mut execution, mut step) = Execution::start(program, config, &block(), context, calldata, gas);
        loop {
            match step {
                Step::Request(request) => step = execution.resume(chain.answer(request)),
                Step::Done { outcome, gas_left, output } => {
                    let (ink_used, trace) = (execution.ink_used(), execution.trace().to_vec());
                    return Run { outcome, gas_left, output, ink_used, trace };
                }
            }
        }
    }
}

/// Answers and remembers requests.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    pub(crate) pages: Pages,
    pub(crate) storage: BTreeMap<B256, B256>,
    pub(crate) original: BTreeMap<B256, B256>,
    pub(crate) warm_slots: BTreeSet<B256>,
    pub(crate) transient: BTreeMap<B256, B256>,
    pub(crate) warm_accounts: BTreeSet<Address>,
    pub(crate) code: BTreeMap<Address, Bytes>,
    pub(crate) balances: BTreeMap<Address, U256>,
    /// Replies to calls and creations, in order.
    pub(crate) replies: Vec<Reply>,
    pub(crate) requests: Vec<Request>,
}

impl Chain {
    /// With these values in storage before the transaction.
    pub(crate) fn with_storage(slots: &[(u8, u8)]) -> Self {
        let slots: BTreeMap<_, _> = slots.iter().map(|(k, v)| (word(*k), word(*v))).collect();
        Self { storage: slots.clone(), original: slots, ..Self::default() }
    }

    /// With so many pages open, and never more.
    pub(crate) fn with_pages(open: u16) -> Self {
        Self { pages: Pages { open, ever: open }, ..Self::default() }
    }

    fn answer(&mut self, request: Request) -> Reply {
        self.requests.push(request.clone());
        match request {
            Request::GetStorage { key } => {
                let gas = if self.warm_slots.insert(key) { 2_100 } else { 100 };
                Reply::Word { value: self.storage.get(&key).copied().unwrap_or_default(), gas }
            }
            Request::SetStorage { writes, gas_left } => self.store(&writes, gas_left),
            Request::GetTransient { key } => {
                Reply::Word { value: self.transient.get(&key).copied().unwrap_or_default(), gas: 100 }
            }
            Request::SetTransient { key, value } => {
                self.transient.insert(key, value);
                Reply::Done
            }
            Request::EmitLog { .. } => Reply::Done,
            Request::Call { .. } | Request::Create { .. } => self.replies.remove(0),
            Request::Balance { address } => {
                let value = self.balances.get(&address).copied().unwrap_or_default();
                Reply::Word { value: value.into(), gas: self.touch(address) }
            }
            Request::CodeHash { address } => {
                let value = self.code.get(&address).map(keccak256).unwrap_or_default();
                Reply::Word { value, gas: self.touch(address) }
            }
            Request::Code { address } => {
                let code = self.code.get(&address).cloned().unwrap_or_default();
                Reply::Code { code, gas: self.touch(address) }
            }
            Request::AddPages { pages } => Reply::Gas { gas: self.pages.add(pages) },
        }
    }

    fn touch(&mut self, address: Address) -> u64 {
        if self.warm_accounts.insert(address) { 2_600 } else { 100 }
    }

    fn store(&mut self, writes: &[(B256, B256)], gas_left: u64) -> Reply {
        let mut gas = 0;
        for (key, value) in writes {
            let cost = self.store_gas(*key, *value);
            if gas + cost > gas_left {
                return Reply::Stored { gas, complete: false };
            }
            gas += cost;
            self.warm_slots.insert(*key);
            self.storage.insert(*key, *value);
        }
        Reply::Stored { gas, complete: true }
    }

    /// EIP-2200 and EIP-2929.
    fn store_gas(&self, key: B256, value: B256) -> u64 {
        let original = self.original.get(&key).copied().unwrap_or_default();
        let current = self.storage.get(&key).copied().unwrap_or_default();
        let cold = if self.warm_slots.contains(&key) { 0 } else { 2_100 };
        cold + match (current == value, original == current, original.is_zero()) {
            (true, ..) | (false, false, _) => 100,
            (false, true, true) => 20_000,
            (false, true, false) => 2_900,
        }
    }
}

/// The memory model of section 4.6.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pages {
    pub(crate) open: u16,
    pub(crate) ever: u16,
}

impl Pages {
    pub(crate) fn add(&mut self, new: u16) -> u64 {
        const FREE: u16 = 2;
        let (open, ever) = (self.open, self.ever);
        self.open = open.saturating_add(new);
        self.ever = ever.max(self.open);
        if self.ever <= FREE {
            return 0;
        }
        let linear = u64::from(self.open.saturating_sub(FREE)) - u64::from(open.saturating_sub(FREE));
        (1_000 * linear).saturating_add(ramp(self.ever) - ramp(ever))
    }
}

fn ramp(pages: u16) -> u64 {
    RAMP.get(usize::from(pages)).copied().unwrap_or(u64::MAX)
}

#[rustfmt::skip]
const RAMP: [u64; 129] = [
    1, 1, 1, 1, 1, 1, 2, 2, 2, 3,
    3, 4, 5, 5, 6, 7, 8, 9, 11, 12,
    14, 17, 19, 22, 25, 29, 33, 38, 43, 50,
    57, 65, 75, 85, 98, 112, 128, 147, 168, 193,
    221, 253, 289, 331, 379, 434, 497, 569, 651, 745,
    853, 976, 1_117, 1_279, 1_463, 1_675, 1_917, 2_194, 2_511, 2_874,
    3_290, 3_765, 4_309, 4_932, 5_645, 6_461, 7_395, 8_464, 9_687, 11_087,
    12_689, 14_523, 16_621, 19_024, 21_773, 24_919, 28_521, 32_642, 37_359, 42_758,
    48_938, 56_010, 64_104, 73_368, 83_971, 96_106, 109_994, 125_890, 144_082, 164_904,
    188_735, 216_010, 247_226, 282_953, 323_844, 370_643, 424_206, 485_509, 555_672, 635_973,
    727_880, 833_067, 953_456, 1_091_243, 1_248_941, 1_429_429, 1_636_000, 1_872_423, 2_143_012, 2_452_704,
    2_807_151, 3_212_820, 3_677_113, 4_208_502, 4_816_684, 5_512_756, 6_309_419, 7_221_210, 8_264_766, 9_459_129,
    10_826_093, 12_390_601, 14_181_199, 16_230_562, 18_576_084, 21_260_563, 24_332_984, 27_849_408, 31_873_999,
];

/// The word that ends with this byte.
pub(crate) fn word(last: u8) -> B256 {
    B256::with_last_byte(last)
}
