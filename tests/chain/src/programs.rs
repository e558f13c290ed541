//! Programs as code: containers, compression, and the modules compiled in this process.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use alloy_primitives::{Address, B256, Bytes, keccak256};
use stylus_vm::{Activation, ActivationError, Figures, Program, Rules};

/// What kind of Stylus code an account holds (stylus-vm.md 1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Classic,
    Fragment,
    Root,
}

const PREFIX: usize = 3;

/// The kind of `code` on a chain of `version`, `None` for anything but Stylus code.
pub(crate) fn kind(code: &[u8], version: u64) -> Option<Kind> {
    if code.len() <= PREFIX || code[..2] != [0xef, 0xf0] {
        return None;
    }
    match code[2] {
        0 => Some(Kind::Classic),
        1 if version >= 60 => Some(Kind::Fragment),
        2 if version >= 60 => Some(Kind::Root),
        _ => None,
    }
}

/// Whether a call of `code` runs WASM.
pub(crate) fn is_callable(code: &[u8], version: u64) -> bool {
    matches!(kind(code, version), Some(Kind::Classic | Kind::Root))
}

/// Why no module could be taken out of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable<E> {
    /// Not a program at all.
    NotWasm,
    /// A broken container or stream.
    Broken(String),
    /// Reading a fragment failed.
    Fragment(E),
}

/// The module inside `code`. `fragment` reads the code of a fragment, at whatever cost.
pub(crate) fn wasm<E>(
    code: &[u8],
    version: u64,
    max_wasm_size: u32,
    max_fragments: u8,
    mut fragment: impl FnMut(Address) -> Result<Bytes, E>,
) -> Result<Vec<u8>, Unreadable<E>> {
    match kind(code, version) {
        Some(Kind::Classic) => decompress(&code[PREFIX..], max_wasm_size),
        Some(Kind::Root) => {
            let root = Root::parse(&code[PREFIX..], max_wasm_size, max_fragments).map_err(broken)?;
            let mut stream = vec![root.dictionary];
            for address in root.fragments {
                let code = fragment(address).map_err(Unreadable::Fragment)?;
                if kind(&code, version) != Some(Kind::Fragment) {
                    return Err(broken("not a fragment"));
                }
                stream.extend_from_slice(&code[PREFIX..]);
            }
            let wasm = decompress(&stream, root.length)?;
            if wasm.len() != root.length as usize {
                return Err(broken("the module is shorter than its root says"));
            }
            Ok(wasm)
        }
        Some(Kind::Fragment) => Err(broken("this is a fragment: activate its root")),
        None => Err(Unreadable::NotWasm),
    }
}

fn broken<E>(text: &str) -> Unreadable<E> {
    Unreadable::Broken(text.into())
}

struct Root {
    dictionary: u8,
    length: u32,
    fragments: Vec<Address>,
}

impl Root {
    fn parse(body: &[u8], max_wasm_size: u32, max_fragments: u8) -> Result<Self, &'static str> {
        let (head, addresses) = body.split_at_checked(5).ok_or("the root is too short")?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        if addresses.len() % Address::len_bytes() != 0 {
            return Err("the root does not end with an address");
        }
        let fragments: Vec<_> = addresses.chunks(Address::len_bytes()).map(Address::from_slice).collect();
        if length > max_wasm_size {
            return Err("the module is too large");
        }
        if fragments.is_empty() || fragments.len() > usize::from(max_fragments) {
            return Err("the root has no fragments or too many");
        }
        Ok(Self { dictionary: head[0], length, fragments })
    }
}

/// `stream` starts with its dictionary byte.
fn decompress<E>(stream: &[u8], max_wasm_size: u32) -> Result<Vec<u8>, Unreadable<E>> {
    match stream.split_first() {
        Some((0, stream)) => {
            stylus_vm::module::decompress(stream, max_wasm_size).map_err(|error| Unreadable::Broken(error.to_string()))
        }
        Some((1, _)) => Err(broken("the shared dictionary is not supported")),
        _ => Err(broken("unsupported dictionary")),
    }
}

/// Deployable code of a module: prefix, dictionary 0, brotli at quality 11 and window 22 (1.2). Kept per process,
/// since compression takes longer than most tests.
pub fn compress(wasm: &[u8]) -> Bytes {
    static COMPRESSED: LazyLock<Kept<B256, Bytes>> = LazyLock::new(Kept::default);
    COMPRESSED.get_or(keccak256(wasm), || stylus_vm::module::contract_code(wasm).into())
}

/// A process-wide memory, emptied when it becomes large.
#[derive(Debug)]
struct Kept<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    const LIMIT: usize = 4_096;

    fn get(&self, key: &K) -> Option<V> {
        self.lock().get(key).cloned()
    }

    fn put(&self, key: K, value: V) {
        let mut kept = self.lock();
        if kept.len() >= Self::LIMIT {
            kept.clear();
        }
        kept.insert(key, value);
    }

    fn get_or(&self, key: K, make: impl FnOnce() -> V) -> V {
        if let Some(value) = self.get(&key) {
            return value;
        }
        let value = make();
        self.put(key, value.clone());
        value
    }

    /// A panic of another test leaves the map usable.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names a module and the rules it was compiled under. Invisible to gas: "cached" on the chain is something else.
type ModuleKey = (B256, Rules);

static MODULES: LazyLock<Kept<ModuleKey, Arc<Program>>> = LazyLock::new(Kept::default);
static ACTIVATIONS: LazyLock<Kept<(ModuleKey, u16), Activated>> = LazyLock::new(Kept::default);

/// A successful activation, remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Activated {
    pub(crate) figures: Figures,
    pub(crate) gas: u64,
    pub(crate) module_hash: B256,
}

/// Validates and prices a module, once per process. `key` is the hash of the code it came from.
pub(crate) fn activate(
    key: B256,
    wasm: &[u8],
    page_limit: u16,
    rules: &Rules,
    gas_limit: u64,
) -> Result<Activated, ActivationError> {
    let module = (key, *rules);
    let activated = match ACTIVATIONS.get(&(module, page_limit)) {
        Some(activated) => activated,
        None => {
            let Activation { figures, gas, program } = stylus_vm::module::activate(wasm, page_limit, rules, gas_limit)?;
            let module_hash = keccak256(program.instrumented());
            MODULES.put(module, program);
            let activated = Activated { figures, gas, module_hash };
            ACTIVATIONS.put((module, page_limit), activated);
            activated
        }
    };
    if activated.gas > gas_limit { Err(ActivationError::OutOfGas) } else { Ok(activated) }
}

/// The compiled module of a program activated before.
pub(crate) fn compiled(
    key: B256,
    rules: &Rules,
    wasm: impl FnOnce() -> Result<Vec<u8>, String>,
) -> Result<Arc<Program>, String> {
    let module = (key, *rules);
    if let Some(program) = MODULES.get(&module) {
        return Ok(program);
    }
    let program = stylus_vm::module::compile(&wasm()?, rules).map_err(|error| error.to_string())?;
    MODULES.put(module, program.clone());
    Ok(program)
}
