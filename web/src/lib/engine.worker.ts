// The rewards engine beside the page, so that a large tree or epoch does not stop it.
import module from "../../engine/rewards.wasm?url";
import { frame, type Answer, type Job } from "./engine";

interface Engine {
  readonly memory: WebAssembly.Memory;
  allocate(length: number): number;
  release(address: number, length: number): void;
  run(address: number, length: number): bigint;
}

async function load(): Promise<Engine> {
  const answer = await fetch(module);
  if (!answer.ok) throw new Error(`engine: ${answer.status}`);
  // Not by streaming: a static server may not know the type of the file.
  const { instance } = await WebAssembly.instantiate(await answer.arrayBuffer(), {});
  return instance.exports as unknown as Engine;
}

async function work(job: Job): Promise<Answer> {
  const engine = await load();
  const message = await frame(job);
  const address = engine.allocate(message.length) >>> 0;
  new Uint8Array(engine.memory.buffer).set(message, address);
  const result = BigInt.asUintN(64, engine.run(address, message.length));
  const [start, length] = [Number(result & 0xffff_ffffn), Number(result >> 32n)];
  const text = new TextDecoder().decode(new Uint8Array(engine.memory.buffer, start, length));
  engine.release(start, length);
  return JSON.parse(text) as Answer;
}

self.onmessage = ({ data }: MessageEvent<Job>) => {
  void work(data).then(
    (answer) => self.postMessage(answer),
    (error: Error) => self.postMessage({ stopped: error.message } satisfies Answer),
  );
};
