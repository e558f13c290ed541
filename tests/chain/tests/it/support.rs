//! Small programs in WAT and contracts in hand-assembled bytecode.

use alloy_primitives::{Address, B256, Bytes, U256};
use chain::{Chain, Deployed, Receipt, Reverted, init_code};

/// Runtime bytecode, operation by operation.
#[derive(Clone, Default)]
pub(crate) struct Code(Vec<u8>);

pub(crate) mod op {
    pub(crate) const ADD: u8 = 0x01;
    pub(crate) const SUB: u8 = 0x03;
    pub(crate) const ADDRESS: u8 = 0x30;
    pub(crate) const BALANCE: u8 = 0x31;
    pub(crate) const CALLER: u8 = 0x33;
    pub(crate) const CALLDATALOAD: u8 = 0x35;
    pub(crate) const CALLDATASIZE: u8 = 0x36;
    pub(crate) const CALLDATACOPY: u8 = 0x37;
    pub(crate) const GASPRICE: u8 = 0x3a;
    pub(crate) const EXTCODESIZE: u8 = 0x3b;
    pub(crate) const RETURNDATASIZE: u8 = 0x3d;
    pub(crate) const RETURNDATACOPY: u8 = 0x3e;
    pub(crate) const EXTCODEHASH: u8 = 0x3f;
    pub(crate) const BLOCKHASH: u8 = 0x40;
    pub(crate) const COINBASE: u8 = 0x41;
    pub(crate) const TIMESTAMP: u8 = 0x42;
    pub(crate) const NUMBER: u8 = 0x43;
    pub(crate) const PREVRANDAO: u8 = 0x44;
    pub(crate) const GASLIMIT: u8 = 0x45;
    pub(crate) const CHAINID: u8 = 0x46;
    pub(crate) const BASEFEE: u8 = 0x48;
    pub(crate) const BLOBHASH: u8 = 0x49;
    pub(crate) const BLOBBASEFEE: u8 = 0x4a;
    pub(crate) const POP: u8 = 0x50;
    pub(crate) const MLOAD: u8 = 0x51;
    pub(crate) const MSTORE: u8 = 0x52;
    pub(crate) const SLOAD: u8 = 0x54;
    pub(crate) const SSTORE: u8 = 0x55;
    pub(crate) const GAS: u8 = 0x5a;
    pub(crate) const LOG0: u8 = 0xa0;
    pub(crate) const CALL: u8 = 0xf1;
    pub(crate) const RETURN: u8 = 0xf3;
    pub(crate) const DELEGATECALL: u8 = 0xf4;
    pub(crate) const STATICCALL: u8 = 0xfa;
    pub(crate) const REVERT: u8 = 0xfd;
    pub(crate) const SELFDESTRUCT: u8 = 0xff;
}

impl Code {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn op(mut self, code: u8) -> Self {
        self.0.push(code);
        self
    }

    pub(crate) fn ops(mut self, codes: &[u8]) -> Self {
        self.0.extend_from_slice(codes);
        self
    }

    /// The shortest PUSH.
    pub(crate) fn push(mut self, value: impl TryInto<U256, Error: std::fmt::Debug>) -> Self {
        let bytes = value.try_into().expect("fits a word").to_be_bytes_trimmed_vec();
        self.0.push(0x5f + bytes.len() as u8);
        self.0.extend(bytes);
        self
    }

    pub(crate) fn push_address(mut self, address: Address) -> Self {
        self.0.push(0x73);
        self.0.extend_from_slice(address.as_slice());
        self
    }

    pub(crate) fn sstore(self, slot: u64, value: u64) -> Self {
        self.push(U256::from(value)).push(U256::from(slot)).op(op::SSTORE)
    }

    /// Returns the word on the stack.
    pub(crate) fn return_word(self) -> Self {
        self.push(U256::ZERO).op(op::MSTORE).push(U256::from(32)).push(U256::ZERO).op(op::RETURN)
    }

    /// Copies all call data to memory 0.
    pub(crate) fn copy_calldata(self) -> Self {
        self.op(op::CALLDATASIZE).push(U256::ZERO).push(U256::ZERO).op(op::CALLDATACOPY)
    }

    /// Calls `target` with all call data and all gas; the status stays on the stack.
    pub(crate) fn forward(self, kind: u8, target: Address, value: u64) -> Self {
        let call = self.copy_calldata().push(U256::ZERO).push(U256::ZERO).op(op::CALLDATASIZE).push(U256::ZERO);
        let call = if kind == op::CALL { call.push(U256::from(value)) } else { call };
        call.push_address(target).op(op::GAS).op(kind)
    }

    /// Copies all return data to memory 0.
    pub(crate) fn copy_return_data(self) -> Self {
        self.op(op::RETURNDATASIZE).push(U256::ZERO).push(U256::ZERO).op(op::RETURNDATACOPY)
    }

    /// Returns or reverts with what the call returned, according to its status on the stack.
    pub(crate) fn bubble(self) -> Self {
        let code = self.copy_return_data();
        // status; jump over the revert if it is not zero.
        let jump = code.0.len() + 6;
        let mut code = code.push(U256::from(jump)).op(0x57);
        code = code.op(op::RETURNDATASIZE).push(U256::ZERO).op(op::REVERT);
        assert_eq!(code.0.len(), jump, "jump lengths");
        code.op(0x5b).op(op::RETURNDATASIZE).push(U256::ZERO).op(op::RETURN)
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.0.clone().into()
    }

    /// Deploys it.
    pub(crate) fn deploy(&self, chain: &mut Chain) -> Address {
        let receipt = chain.from("deployer").create(init_code(&self.0)).expect("plain code deploys");
        receipt.contract_address.expect("a creation has an address")
    }
}

/// The imports a body may call by name, and their types.
const HOOKS: &[(&str, &str)] = &[
    ("read_args", "(param i32)"),
    ("write_result", "(param i32 i32)"),
    ("exit_early", "(param i32)"),
    ("pay_for_memory_grow", "(param i32)"),
    ("storage_load_bytes32", "(param i32 i32)"),
    ("storage_cache_bytes32", "(param i32 i32)"),
    ("storage_flush_cache", "(param i32)"),
    ("transient_load_bytes32", "(param i32 i32)"),
    ("transient_store_bytes32", "(param i32 i32)"),
    ("call_contract", "(param i32 i32 i32 i32 i64 i32) (result i32)"),
    ("delegate_call_contract", "(param i32 i32 i32 i64 i32) (result i32)"),
    ("static_call_contract", "(param i32 i32 i32 i64 i32) (result i32)"),
    ("create1", "(param i32 i32 i32 i32 i32)"),
    ("create2", "(param i32 i32 i32 i32 i32 i32)"),
    ("read_return_data", "(param i32 i32 i32) (result i32)"),
    ("return_data_size", "(result i32)"),
    ("emit_log", "(param i32 i32 i32)"),
    ("account_balance", "(param i32 i32)"),
    ("account_codehash", "(param i32 i32)"),
    ("account_code", "(param i32 i32 i32 i32) (result i32)"),
    ("account_code_size", "(param i32) (result i32)"),
    ("block_number", "(result i64)"),
    ("block_timestamp", "(result i64)"),
    ("contract_address", "(param i32)"),
    ("evm_gas_left", "(result i64)"),
    ("evm_ink_left", "(result i64)"),
    ("msg_reentrant", "(result i32)"),
    ("msg_sender", "(param i32)"),
    ("msg_value", "(param i32)"),
    ("tx_gas_price", "(param i32)"),
    ("tx_origin", "(param i32)"),
];

/// A module of one function: imports are those of [`HOOKS`] that `body` calls; `$len` is the call data's length, and
/// locals `$a`, `$b`, `$c` are free.
pub(crate) fn program(body: &str) -> Vec<u8> {
    program_with_memory("1 1", body)
}

pub(crate) fn program_with_memory(pages: &str, body: &str) -> Vec<u8> {
    let imports: String = HOOKS
        .iter()
        .filter(|(name, _)| calls(body, name) || pages == "1" && *name == "pay_for_memory_grow")
        .map(|(name, kind)| format!("(import \"vm_hooks\" \"{name}\" (func ${name} {kind}))\n"))
        .collect();
    let text = format!(
        "(module {imports} (memory (export \"memory\") {pages})
         (func (export \"user_entrypoint\") (param $len i32) (result i32) (local $a i32) (local $b i32) (local $c i64)
         {body}))"
    );
    wat_to_wasm(&text)
}

/// Whether the body names the import, and not only one whose name begins alike.
fn calls(body: &str, name: &str) -> bool {
    let word = |at: usize| body.as_bytes().get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let name = format!("${name}");
    body.match_indices(&name).any(|(at, _)| !word(at + name.len()))
}

/// Without a name section, as the golden figures want it.
pub(crate) fn wat_to_wasm(text: &str) -> Vec<u8> {
    strip_names(&wat::parse_str(text).expect("the test's WAT is well-formed"))
}

/// Drops custom sections.
fn strip_names(wasm: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (wasm[..8].to_vec(), 8);
    while at < wasm.len() {
        let (start, id) = (at, wasm[at]);
        at += 1;
        let (mut size, mut shift) = (0usize, 0);
        loop {
            let byte = wasm[at];
            at += 1;
            size |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        at += size;
        if id != 0 {
            out.extend_from_slice(&wasm[start..at]);
        }
    }
    out
}

/// Deploys and activates a module.
pub(crate) fn deploy(chain: &mut Chain, wasm: &[u8]) -> Address {
    deployed(chain, wasm).address
}

pub(crate) fn deployed(chain: &mut Chain, wasm: &[u8]) -> Deployed {
    chain.from("deployer").deploy_wasm(wasm).unwrap_or_else(|error| panic!("{error}"))
}

/// Sends call data from a funded account.
pub(crate) fn send(chain: &mut Chain, to: Address, data: impl Into<Bytes>) -> Receipt {
    try_send(chain, to, data).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn try_send(chain: &mut Chain, to: Address, data: impl Into<Bytes>) -> Result<Receipt, Reverted> {
    chain.from("alice").send(to, data)
}

/// Ink of the first host call of that name in a frame.
pub(crate) fn ink_of(receipt: &Receipt, frame: usize, name: &str) -> u64 {
    let calls = &receipt.frames[frame].host_calls;
    let call = calls.iter().find(|call| call.name == name).unwrap_or_else(|| panic!("no {name} in {calls:?}"));
    call.start_ink - call.end_ink
}

/// A word with a small number.
pub(crate) fn word(value: u64) -> B256 {
    U256::from(value).into()
}

/// A program that makes calls: call data is kind (0 call, 1 delegatecall, 2 staticcall; + 16 to bubble), address,
/// value, data. It returns status and return data, or ends like the call when it bubbles.
pub(crate) fn relay() -> Vec<u8> {
    program(RELAY)
}

/// Memory: call data at 0, returned length at 16,384, status at 20,479, return data at 20,480.
const RELAY: &str = "
    i32.const 0 call $read_args
    (local.set $b (i32.and (i32.load8_u (i32.const 0)) (i32.const 15)))
    (if (i32.eqz (local.get $b)) (then
        (local.set $a (call $call_contract (i32.const 1) (i32.const 53) (i32.sub (local.get $len) (i32.const 53))
            (i32.const 21) (i64.const -1) (i32.const 16384)))))
    (if (i32.eq (local.get $b) (i32.const 1)) (then
        (local.set $a (call $delegate_call_contract (i32.const 1) (i32.const 53)
            (i32.sub (local.get $len) (i32.const 53)) (i64.const -1) (i32.const 16384)))))
    (if (i32.eq (local.get $b) (i32.const 2)) (then
        (local.set $a (call $static_call_contract (i32.const 1) (i32.const 53)
            (i32.sub (local.get $len) (i32.const 53)) (i64.const -1) (i32.const 16384)))))
    (local.set $b (call $read_return_data (i32.const 20480) (i32.const 0) (i32.load (i32.const 16384))))
    (if (i32.and (i32.load8_u (i32.const 0)) (i32.const 16)) (then
        (call $write_result (i32.const 20480) (local.get $b))
        (return (local.get $a))))
    (i32.store8 (i32.const 20479) (local.get $a))
    (call $write_result (i32.const 20479) (i32.add (local.get $b) (i32.const 1)))
    i32.const 0";

/// A [`relay`] that, without call data, returns its reentrancy flag as one byte.
pub(crate) fn reporting_relay() -> Vec<u8> {
    program(&format!(
        "(if (i32.eqz (local.get $len)) (then
            (i32.store8 (i32.const 0) (call $msg_reentrant))
            (call $write_result (i32.const 0) (i32.const 1))
            (return (i32.const 0)))) {RELAY}"
    ))
}

/// Kinds of calls a [`relay`] makes.
pub(crate) const CALL: u8 = 0;
pub(crate) const DELEGATE: u8 = 1;
pub(crate) const STATIC: u8 = 2;
pub(crate) const BUBBLE: u8 = 16;

/// Call data for a [`relay`].
pub(crate) fn through(kind: u8, target: Address, value: u64, data: &[u8]) -> Vec<u8> {
    [&[kind], target.as_slice(), word(value).as_slice(), data].concat()
}

/// A program with one word of storage per key. Call data is an operation, a key and a value: 0 loads and returns,
/// 1 stores and flushes, 2 stores without flush, 3 flushes with nothing to write, 4 loads then flushes, 5 stores,
/// flushes and fails.
pub(crate) fn store() -> Vec<u8> {
    program(
        "i32.const 0 call $read_args
        (local.set $a (i32.load8_u (i32.const 0)))
        (if (i32.eqz (local.get $a)) (then
            (call $storage_load_bytes32 (i32.const 1) (i32.const 64))
            (call $write_result (i32.const 64) (i32.const 32)) (return (i32.const 0))))
        (if (i32.eq (local.get $a) (i32.const 3)) (then
            (call $storage_flush_cache (i32.const 0)) (return (i32.const 0))))
        (if (i32.eq (local.get $a) (i32.const 4)) (then
            (call $storage_load_bytes32 (i32.const 1) (i32.const 64))
            (call $storage_flush_cache (i32.const 0)) (return (i32.const 0))))
        (call $storage_cache_bytes32 (i32.const 1) (i32.const 33))
        (if (i32.ne (local.get $a) (i32.const 2)) (then (call $storage_flush_cache (i32.const 0))))
        (i32.eq (local.get $a) (i32.const 5))",
    )
}

pub(crate) const LOAD: u8 = 0;
pub(crate) const STORE: u8 = 1;
pub(crate) const STORE_UNFLUSHED: u8 = 2;
pub(crate) const FLUSH_NOTHING: u8 = 3;
pub(crate) const LOAD_AND_FLUSH: u8 = 4;
pub(crate) const STORE_AND_FAIL: u8 = 5;

/// Call data for a [`store`].
pub(crate) fn storing(operation: u8, key: u64, value: u64) -> Vec<u8> {
    [&[operation], word(key).as_slice(), word(value).as_slice()].concat()
}

/// Returns its call data.
pub(crate) fn echo() -> Vec<u8> {
    program("(call $read_args (i32.const 0)) (call $write_result (i32.const 0) (local.get $len)) i32.const 0")
}

/// Reverts with its call data.
pub(crate) fn revert_echo() -> Vec<u8> {
    program("(call $read_args (i32.const 0)) (call $write_result (i32.const 0) (local.get $len)) i32.const 1")
}
