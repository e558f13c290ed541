use alloc::vec::Vec;

use alloy_primitives::b256;
use alloy_sol_types::SolError;
use stylus_sdk::{ArbResult, hostio, prelude::*};

use crate::{Constant, HOST, Revert};

mod abi {
    // As every interface of a program with a constructor declares it.
    alloy_sol_types::sol! {
        error NotStylusDeployer(address caller, address deployer);
    }
}

/// The StylusDeployer, at the same address on every chain.
const STYLUS_DEPLOYER: Constant =
    Constant::new(b256!("000000000000000000000000cecba2f1dc234f70dd89f2041029807f8d03a990"));

/// Makes a storage struct a program: its entry point, and what prints its interface.
///
/// In place of the SDK's `#[entrypoint]`, whose refusal of re-entrant calls depends on a feature of the SDK and goes away in later
/// versions. A re-entered call fails with empty data, views included.
#[macro_export]
macro_rules! program {
    ($program:ident) => {
        // SAFETY: it is the outermost storage of its program.
        unsafe impl stylus_sdk::stylus_core::storage::TopLevelStorage for $program {}

        const _: () = <$program>::__stylus_assert_overrides();

        #[cfg(feature = "export-abi")]
        pub fn print_from_args() {
            stylus_sdk::abi::export::print_from_args::<$program>();
        }

        #[unsafe(no_mangle)]
        pub extern "C" fn user_entrypoint(length: usize) -> usize {
            $crate::enter(length, |call| stylus_sdk::abi::router_entrypoint::<$program, $program>(call, $crate::HOST))
        }
    };
}

/// What a program does whenever it is called: nothing if its address is open on the stack already, else `run`. Returns 0 if that succeeded.
#[inline(always)]
pub fn enter(length: usize, run: impl FnOnce(Vec<u8>) -> ArbResult) -> usize {
    // SAFETY: the host only looks.
    if unsafe { hostio::msg_reentrant() } {
        return 1;
    }
    // The chain's activation adds calls of this function wherever memory grows, and finds it only if it is imported.
    HOST.pay_for_memory_grow(0);
    let (answer, status) = match run(HOST.read_args(length)) {
        Ok(answer) => (answer, 0),
        Err(answer) => (answer, 1),
    };
    HOST.flush_cache(false);
    HOST.write_result(&answer);
    status
}

/// Refuses constructors called by anybody but the StylusDeployer. It calls only what it created in the same transaction, so whoever
/// creates a program in another way has one that is nobody's, instead of one that the first comer owns.
pub fn only_deployer() -> Result<(), Revert> {
    let (caller, deployer) = (HOST.msg_sender(), STYLUS_DEPLOYER.word());
    if caller.into_word() == deployer {
        return Ok(());
    }
    // By hand: in the router, through which every call passes, the general way of encoding would take 400 bytes.
    Err(Revert::bubbled([&abi::NotStylusDeployer::SELECTOR[..], &caller.into_word().0, &deployer.0].concat()))
}
