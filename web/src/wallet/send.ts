// From calls to transactions: one confirmation where the wallet can batch, else one after the other, each simulated before it is asked for.
import type { Account as ViemAccount, Address, Chain, Hash, Transport, WalletClient } from "viem";
import type { Reader } from "../chain/reader";
import { explain, type Units } from "../lib/errors";
import { add, update, entry as entryOf } from "../transactions";
import type { Call } from "../chain/simulate";

export type Wallet = WalletClient<Transport, Chain, ViemAccount>;

/** Whether several calls can be confirmed as one that succeeds or fails as a whole (EIP-5792). */
export async function canBatch(wallet: Wallet, chainId: number): Promise<boolean> {
  try {
    const capabilities = await wallet.getCapabilities({ account: wallet.account, chainId });
    const status = (capabilities as { atomic?: { status?: string } }).atomic?.status;
    return status === "supported" || status === "ready";
  } catch {
    return false;
  }
}

/** Something that went wrong, as a sentence for people. */
export class Refused extends Error {}

interface Sending {
  readonly client: Reader;
  readonly wallet: Wallet;
  readonly chainId: number;
  readonly batch: boolean;
  readonly units: Units;
}

/** Sends all calls and waits until they are in blocks. Throws `Refused`. */
export async function send({ client, wallet, chainId, batch, units }: Sending, calls: readonly Call[], what: string): Promise<void> {
  const there = await wallet.getChainId().catch(() => null);
  if (there !== chainId) throw new Refused(`Your wallet is on chain ${there ?? "none"}, the pool on chain ${chainId}. Switch the chain in your wallet.`);
  const from = wallet.account.address;
  if (batch && calls.length > 1) return asBatch({ client, wallet, chainId, batch, units }, calls, what, from);
  for (const call of calls) await one({ client, wallet, chainId, batch, units }, call, from);
}

async function asBatch({ wallet, chainId, units }: Sending, calls: readonly Call[], what: string, from: Address): Promise<void> {
  const id = add({ chainId, from, what, state: "signing" });
  try {
    const sent = await wallet.sendCalls({ account: wallet.account, chain: wallet.chain, calls: calls.map(({ to, data }) => ({ to, data })), forceAtomic: true });
    update(id, { state: "sent", batch: sent.id });
  } catch (error) {
    throw stopped(id, error, units);
  }
  await settled(id);
}

async function one({ client, wallet, chainId, units }: Sending, { to, data, what }: Call, from: Address): Promise<void> {
  const id = add({ chainId, from, what, state: "signing" });
  let hash: Hash;
  try {
    // A node that refuses says why, before the wallet is asked.
    await client.call({ account: from, to, data });
    hash = await wallet.sendTransaction({ account: wallet.account, chain: wallet.chain, to, data });
  } catch (error) {
    throw stopped(id, error, units);
  }
  update(id, { state: "sent", hash });
  void client.getTransaction({ hash }).then(({ nonce }) => update(id, { nonce }), () => undefined);
  await settled(id);
}

function stopped(id: string, error: unknown, units: Units): Refused {
  const reason = explain(error, units);
  update(id, { state: reason.startsWith("You declined") ? "declined" : "failed", reason });
  return new Refused(reason);
}

/** Waits for what `follow` finds out. */
async function settled(id: string): Promise<void> {
  for (;;) {
    const now = entryOf(id);
    if (!now || now.state === "included" || now.state === "final") return;
    if (now.state === "failed" || now.state === "replaced") throw new Refused(now.reason ?? "It did not come through.");
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
