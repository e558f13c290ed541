//! Where execution begins in doubles that must not refuse what their callers should have refused.
#![cfg_attr(target_arch = "wasm32", no_std)]

/// As the SDK's entry point, but without its refusals: neither ether nor a nested call is refused. The program answers by
/// `fn answer(&mut self, input: &[u8]) -> ArbResult`; its storage begins at slot 0.
/// `U256`, the SDK's prelude, `VM` and `WasmVM` must be in scope.
#[macro_export]
macro_rules! entry {
    ($program:ty) => {
        /// Where execution begins.
        // SAFETY: the one symbol of this name; the host calls it once per frame.
        #[unsafe(no_mangle)]
        pub extern "C" fn user_entrypoint(len: usize) -> usize {
            let vm = VM(WasmVM {});
            vm.pay_for_memory_grow(0);
            let input = vm.read_args(len);
            let mut program = unsafe { <$program>::new(U256::ZERO, 0, vm.clone()) };
            let (data, status) = match program.answer(&input) {
                Ok(data) => (data, 0),
                Err(data) => (data, 1),
            };
            vm.flush_cache(false);
            vm.write_result(&data);
            status
        }
    };
}
