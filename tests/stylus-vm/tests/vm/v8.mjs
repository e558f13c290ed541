// Runs instrumented programs in V8, with ink and stack that never run out.
// Input, one line each: the argument of the entry point, the module in hex. Output, one line each: the status and what
// the program wrote, in hex, or `trap`.
import { createInterface } from "node:readline";

function run(argument, wasm) {
  let instance;
  let written = "";
  const vm_hooks = {
    write_result: (at, length) => {
      written = Buffer.from(instance.exports.memory.buffer, at, length).toString("hex");
    },
    pay_for_memory_grow: () => {},
  };
  instance = new WebAssembly.Instance(new WebAssembly.Module(wasm), { vm_hooks });
  instance.exports.stylus_ink_left.value = 10n ** 15n;
  instance.exports.stylus_stack_left.value = 262_144;
  try {
    return `${instance.exports.user_entrypoint(argument)} ${written}`;
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return "trap";
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [argument, wasm] = line.split(" ");
  console.log(run(Number(argument), Buffer.from(wasm, "hex")));
}
