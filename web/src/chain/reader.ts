// A client that can do what the pages do, and no more: viem's whole one is a quarter of the first page.
import { createClient, type Chain, type PublicClient, type Transport } from "viem";
import { call, getBalance, getBlock, getChainId, getCode, getLogs, getTransaction, getTransactionCount, getTransactionReceipt, readContract, simulateBlocks } from "viem/actions";

export type Reader = Pick<
  PublicClient,
  "call" | "getBalance" | "getBlock" | "getChainId" | "getCode" | "getLogs" | "getTransaction" | "getTransactionCount" | "getTransactionReceipt" | "readContract" | "simulateBlocks" | "request"
>;

const ACTIONS = { call, getBalance, getBlock, getChainId, getCode, getLogs, getTransaction, getTransactionCount, getTransactionReceipt, readContract, simulateBlocks };

export function reader(chain: Chain, transport: Transport): Reader {
  const client = createClient({ chain, transport });
  const bound = Object.entries(ACTIONS).map(([name, action]) => [name, (parameters: never) => (action as (client: unknown, parameters: never) => unknown)(client, parameters)]);
  return { request: client.request, ...Object.fromEntries(bound) } as unknown as Reader;
}
