//! Calls and errors in words, by the interfaces of `abi/`.

use alloy_dyn_abi::{DynSolType, DynSolValue, EventExt, FunctionExt, JsonAbiExt};
use alloy_json_abi::{Function, JsonAbi, Param, StateMutability};
use alloy_primitives::{Address, B256, LogData, hex, keccak256};
use alloy_sol_types::{Panic, Revert, SolError};

use crate::{
    bindings::{ArbWasm, ArbWasmCache, CacheManager, Governor, StylusDeployer, Timelock},
    words::{printable, word},
};

/// Every interface that a call may reach, by name.
const INTERFACES: [(&str, &str); 16] = [
    ("IMerkleDistributor", include_str!("../IMerkleDistributor.json")),
    ("IRewardsOracle", include_str!("../IRewardsOracle.json")),
    ("IRoles", include_str!("../IRoles.json")),
    ("IClaimsProxy", include_str!("../IClaimsProxy.json")),
    ("ITreasuryClaimProxy", include_str!("../ITreasuryClaimProxy.json")),
    ("pool", include_str!("../pool.json")),
    ("IPoolErrors", include_str!("../IPoolErrors.json")),
    ("IPoolEvents", include_str!("../IPoolEvents.json")),
    ("IStaking", include_str!("../IStaking.json")),
    ("IStakedToken", include_str!("../IStakedToken.json")),
    ("IPoolViews", include_str!("../IPoolViews.json")),
    ("IBorrowerAllocations", include_str!("../IBorrowerAllocations.json")),
    ("IDebtAccounting", include_str!("../IDebtAccounting.json")),
    ("IEpochSchedule", include_str!("../IEpochSchedule.json")),
    ("IDiamondCut", include_str!("../IDiamondCut.json")),
    ("ITrustedBorrowerL2Proxy", include_str!("../ITrustedBorrowerL2Proxy.json")),
];

/// Contracts of Arbitrum, and those that deployments and proposals go through.
const SYSTEM: [fn() -> JsonAbi; 6] = [
    ArbWasm::abi::contract,
    ArbWasmCache::abi::contract,
    CacheManager::abi::contract,
    StylusDeployer::abi::contract,
    Timelock::abi::contract,
    Governor::abi::contract,
];

/// Roles whose identifiers are hashes of their names.
pub const ROLES: [&str; 12] = [
    "OWNER_ROLE",
    "CONFIG_UPDATER_ROLE",
    "PAUSER_ROLE",
    "UNPAUSER_ROLE",
    "CLAIM_OPERATOR_ROLE",
    "REPORTER_ROLE",
    "EPOCH_PARAMETERS_ROLE",
    "REWARDS_RATE_ROLE",
    "BORROWER_ADMIN_ROLE",
    "STAKE_OPERATOR_ROLE",
    "DEBT_OPERATOR_ROLE",
    "BORROWER_ROLE",
];

/// Elements of a list that are written out.
const SHOWN: usize = 2;

/// The project's interfaces first, then those of what it goes through.
fn interfaces() -> impl Iterator<Item = JsonAbi> {
    let own = INTERFACES.iter().filter_map(|(_, text)| serde_json::from_str(text).ok());
    own.chain(SYSTEM.iter().map(|interface| interface()))
}

/// An interface of `abi/` by its name, such as `IStaking`; nothing if there is none.
pub fn interface(name: &str) -> Option<JsonAbi> {
    let (_, text) = INTERFACES.iter().find(|(known, _)| *known == name)?;
    serde_json::from_str(text).ok()
}

/// The error in the data of a revert: `Name(argument: value, …)`.
pub fn error(data: &[u8]) -> String {
    if data.is_empty() {
        return "without a reason (not this kind of contract, arguments it cannot read, or a call back into it)"
            .to_owned();
    }
    if let Ok(Revert { reason }) = Revert::abi_decode(data) {
        return format!("\"{}\"", printable(&reason));
    }
    if let Ok(panic) = Panic::abi_decode(data) {
        return panic.to_string();
    }
    known_error(data).unwrap_or_else(|| format!("an error that no interface declares: 0x{}", hex::encode(data)))
}

/// The error in data, if an interface declares it.
pub fn known_error(data: &[u8]) -> Option<String> {
    interfaces().flat_map(|abi| abi.errors.into_values().flatten()).find_map(|error| {
        let arguments = data.strip_prefix(error.selector().as_slice())?;
        let values = error.abi_decode_input(arguments).ok()?;
        Some(format!("{}({})", error.name, arguments_of(&error.inputs, &values)))
    })
}

/// The name of the error with this selector.
pub fn error_name(selector: [u8; 4]) -> String {
    let errors = interfaces().flat_map(|abi| abi.errors.into_values().flatten());
    let named = errors.into_iter().find(|error| error.selector() == selector).map(|error| error.name);
    named.unwrap_or_else(|| format!("0x{}", hex::encode(selector)))
}

/// The name of the function with this selector.
pub fn function_name(selector: [u8; 4]) -> Option<String> {
    let functions = interfaces().flat_map(|abi| abi.functions.into_values().flatten());
    functions.into_iter().find(|function| function.selector() == selector).map(|function| function.name)
}

/// A call as it would be written: `name(argument: value, …)`.
pub fn call(data: &[u8]) -> String {
    known_call(data).unwrap_or_else(|| format!("0x{}", hex::encode(data)))
}

/// The call in data, if an interface declares its function.
pub fn known_call(data: &[u8]) -> Option<String> {
    interfaces().flat_map(|abi| abi.functions.into_values().flatten()).find_map(|function| {
        let arguments = data.strip_prefix(function.selector().as_slice())?;
        let values = function.abi_decode_input(arguments).ok()?;
        Some(format!("{}({})", function.name, arguments_of(&function.inputs, &values)))
    })
}

/// An event that an interface declares.
#[derive(Clone, Debug)]
pub struct Event {
    /// `Name(argument: value, …)`.
    pub text: String,
    /// The accounts that it names.
    pub accounts: Vec<Address>,
}

/// The event in a log, if an interface declares it.
pub fn event(log: &LogData) -> Option<Event> {
    let topic = log.topics().first()?;
    interfaces().flat_map(|abi| abi.events.into_values().flatten()).find_map(|event| {
        let decoded = (event.selector() == *topic).then(|| event.decode_log(log).ok())??;
        let (mut indexed, mut body) = (decoded.indexed.into_iter(), decoded.body.into_iter());
        let mut parts = Vec::new();
        let mut accounts = Vec::new();
        for input in &event.inputs {
            let value = if input.indexed { indexed.next() } else { body.next() }?;
            accounts.extend(value.as_address());
            parts.push(match input.name.as_str() {
                "" => show(&value),
                name => format!("{name}: {}", show(&value)),
            });
        }
        Some(Event { text: format!("{}({})", event.name, parts.join(", ")), accounts })
    })
}

/// A call that was put together from text.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Selector and arguments.
    pub data: Vec<u8>,
    /// Whether it changes nothing.
    pub is_view: bool,
    function: Function,
}

impl Encoded {
    /// What it returned, in words; nothing if that is of another type.
    pub fn answer(&self, data: &[u8]) -> Option<Vec<String>> {
        let values = self.function.abi_decode_output(data).ok()?;
        Some(self.function.outputs.iter().zip(&values).map(named).collect())
    }
}

/// The call of a function, by its name or signature, with arguments as text.
///
/// # Errors
///
/// If no interface has it, if several have, or if the arguments are others than it takes.
pub fn encode(function: &str, arguments: &[String]) -> Result<Encoded, String> {
    let mut found: Vec<Function> = Vec::new();
    for one in interfaces().flat_map(|abi| abi.functions.into_values().flatten()) {
        let is_named = one.name == function || one.signature() == function;
        if is_named
            && one.inputs.len() == arguments.len()
            && found.iter().all(|known| known.selector() != one.selector())
        {
            found.push(one);
        }
    }
    let function = match found.len() {
        0 => return Err(format!("no interface has a function {function} of {} arguments", arguments.len())),
        1 => found.remove(0),
        _ => {
            let signatures: Vec<_> = found.iter().map(Function::signature).collect();
            return Err(format!("which of them? {}", signatures.join(", ")));
        }
    };
    let value = |(input, text): (&Param, &String)| {
        let ty = input.selector_type().parse::<DynSolType>().map_err(|error| error.to_string())?;
        ty.coerce_str(text).map_err(|error| format!("{}: {text:?}: {error}", input.name))
    };
    let values = function.inputs.iter().zip(arguments).map(value).collect::<Result<Vec<_>, _>>()?;
    let data = function.abi_encode_input(&values).map_err(|error| error.to_string())?;
    let is_view = matches!(function.state_mutability, StateMutability::Pure | StateMutability::View);
    Ok(Encoded { data, is_view, function })
}

fn arguments_of(inputs: &[Param], values: &[DynSolValue]) -> String {
    inputs.iter().zip(values).map(named).collect::<Vec<_>>().join(", ")
}

fn named((parameter, value): (&Param, &DynSolValue)) -> String {
    let shown = show_parts(&parameter.components, value);
    if parameter.name.is_empty() { shown } else { format!("{}: {shown}", parameter.name) }
}

/// A value with the names of its parts, where it is a struct or a list of them.
fn show_parts(parts: &[Param], value: &DynSolValue) -> String {
    match value {
        _ if parts.is_empty() => show(value),
        DynSolValue::Array(values) | DynSolValue::FixedArray(values) => {
            format!("[{}]", list(values, |value| show_parts(parts, value)))
        }
        _ => match value.as_fixed_seq() {
            Some(values) => format!("({})", arguments_of(parts, values)),
            None => show(value),
        },
    }
}

fn show(value: &DynSolValue) -> String {
    match value {
        DynSolValue::Bool(value) => value.to_string(),
        DynSolValue::Int(value, _) => value.to_string(),
        DynSolValue::Uint(value, _) => value.to_string(),
        DynSolValue::Address(value) => value.to_string(),
        DynSolValue::FixedBytes(word, 32) => role(*word).map_or_else(|| word.to_string(), str::to_owned),
        DynSolValue::FixedBytes(word, size) => format!("0x{}", hex::encode(&word[..*size])),
        DynSolValue::Bytes(bytes) => word(bytes),
        DynSolValue::String(text) => format!("\"{}\"", printable(text)),
        DynSolValue::Array(values) | DynSolValue::FixedArray(values) => format!("[{}]", list(values, show)),
        DynSolValue::Tuple(values) => format!("({})", values.iter().map(show).collect::<Vec<_>>().join(", ")),
        other => format!("{other:?}"),
    }
}

/// The first elements, and how many there are.
fn list(values: &[DynSolValue], show: impl Fn(&DynSolValue) -> String) -> String {
    let mut shown: Vec<_> = values.iter().take(SHOWN).map(show).collect();
    if values.len() > SHOWN {
        shown.push(format!("… {} in all", values.len()));
    }
    shown.join(", ")
}

fn role(id: B256) -> Option<&'static str> {
    ROLES.into_iter().find(|name| keccak256(name) == id)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Bytes;

    use super::*;

    #[test]
    fn every_interface_can_be_read() {
        assert_eq!(interfaces().count(), INTERFACES.len() + SYSTEM.len());
    }

    #[test]
    fn errors_have_names_and_arguments() {
        let role = keccak256("REPORTER_ROLE");
        let data =
            [&keccak256("AccessControlUnauthorizedAccount(address,bytes32)")[..4], &[0; 12], &[0x11; 20], &role[..]];
        let text = error(&data.concat());
        let account = "0x1111111111111111111111111111111111111111";
        assert_eq!(text, format!("AccessControlUnauthorizedAccount(account: {account}, neededRole: REPORTER_ROLE)"));
        assert_eq!(error(&Revert { reason: "no\u{1b}[1A".into() }.abi_encode()), "\"no\\u{1b}[1A\"");
        assert_eq!(error(&[1, 2, 3, 4]), "an error that no interface declares: 0x01020304");
        assert!(error(&[]).starts_with("without a reason"));
    }

    #[test]
    fn calls_have_names_and_short_lists() {
        let word = |byte: u8| DynSolValue::FixedBytes(B256::repeat_byte(byte), 32);
        let interface: JsonAbi = serde_json::from_str(INTERFACES[0].1).unwrap();
        let function = &interface.functions["claimRewards"][0];
        let proof = DynSolValue::Array(vec![word(1), word(2), word(3)]);
        let amount = DynSolValue::Uint(alloy_primitives::U256::from(7), 256);
        let text = call(&function.abi_encode_input(&[amount, proof]).unwrap());
        assert!(text.starts_with("claimRewards(cumulativeAmount: 7, merkleProof: [0x0101"), "{text}");
        assert!(text.ends_with("… 3 in all])"), "{text}");
        assert_eq!(call(&[1, 2, 3, 4]), "0x01020304");
    }

    #[test]
    fn parts_of_structs_have_names() {
        use crate::bindings::IDiamondCut::{FacetCut, diamondCutCall};

        let cut = FacetCut {
            facetAddress: Address::repeat_byte(0x11),
            action: 2,
            functionSelectors: vec![[1, 2, 3, 4].into(), [5; 4].into()],
        };
        let data = diamondCutCall { _diamondCut: vec![cut], _init: Address::ZERO, _calldata: Bytes::new() };
        let text = call(&alloy_sol_types::SolCall::abi_encode(&data));
        let facet = format!("facetAddress: {}", Address::repeat_byte(0x11));
        let cut = format!("[({facet}, action: 2, functionSelectors: [0x01020304, 0x05050505])]");
        assert!(text.starts_with(&format!("diamondCut(_diamondCut: {cut}, _init: 0x")), "{text}");
    }
}
