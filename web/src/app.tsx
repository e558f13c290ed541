// What every page knows: the deployment, its node, the newest block, the pool and the reader's account at that block.
import { useQuery, keepPreviousData } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { custom, defineChain, http, type Address, type Chain, type EIP1193Provider } from "viem";
import { reader, type Reader } from "./chain/reader";
import { useConnection } from "wagmi";
import { getWalletClient } from "wagmi/actions";
import type { Config } from "wagmi";
import { readAccount, readBorrowers, readHead, readPool, readTokens, type Account, type Head, type Pool, type Tokens } from "./chain/read";
import type { Deployment } from "./deployment";
import type { Units } from "./lib/errors";
import { follow, forgetful } from "./transactions";
import { canBatch, type Wallet } from "./wallet/send";

const NAMES: Record<number, string> = { 42161: "Arbitrum One", 421614: "Arbitrum Sepolia", 412346: "Development chain" };

export const chainOf = (deployment: Deployment, rpc: string | null): Chain =>
  defineChain({
    id: deployment.chainId,
    name: NAMES[deployment.chainId] ?? `Chain ${deployment.chainId}`,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: rpc ? [rpc] : [] } },
  });

const RPC_KEY = "tidepool.rpc";

/** The node that the reader named, if any. */
export const ownNode = (chainId: number): string | null => {
  try {
    return localStorage.getItem(`${RPC_KEY}.${chainId}`);
  } catch {
    return null;
  }
};
export const nameNode = (chainId: number, rpc: string | null): void => {
  try {
    if (rpc) localStorage.setItem(`${RPC_KEY}.${chainId}`, rpc);
    else localStorage.removeItem(`${RPC_KEY}.${chainId}`);
  } catch {
    // Without storage the deployment's node is used.
  }
};

export interface App {
  readonly deployment: Deployment;
  readonly rpc: string | null;
  readonly chain: Chain;
  readonly pool: Address;
  readonly client: Reader | null;
  readonly head: Head | undefined;
  /** The node does not answer, or is of another chain. */
  readonly silent: boolean;
  /** The node answers, but the pool does not: its programs may have expired. */
  readonly mute: boolean;
  readonly tokens: Tokens | undefined;
  readonly state: Pool | undefined;
  readonly address: Address | undefined;
  readonly account: Account | undefined;
  readonly borrowers: readonly Address[] | undefined;
  readonly wrongChain: number | null;
  /** Whether the wallet confirms several calls as one. */
  readonly batch: boolean;
  readonly wallet: () => Promise<Wallet>;
}

const Context = createContext<App | null>(null);
export const useApp = (): App => useContext(Context)!;

/** The pool and its tokens, for what is drawn only when they are there. */
export function useReady(): (App & { tokens: Tokens; state: Pool; head: Head; client: Reader; units: Units }) | null {
  const app = useApp();
  return app.tokens && app.state && app.client ? { ...app, tokens: app.tokens, state: app.state, head: app.state.head, client: app.client, units: app.tokens } : null;
}

export function AppProvider({ deployment, rpc, config, children }: { deployment: Deployment; rpc: string | null; config: Config; children: ReactNode }) {
  const connection = useConnection({ config });
  const chain = useMemo(() => chainOf(deployment, rpc), [deployment, rpc]);
  const pool = deployment.contracts["pool"]!;
  const [provider, setProvider] = useState<EIP1193Provider | null>(null);
  const connector = connection.connector;

  // Without a node of its own the page reads through the wallet.
  useEffect(() => {
    let current = true;
    setProvider(null);
    if (!rpc && connector?.getProvider) void connector.getProvider().then((found) => current && setProvider(found as EIP1193Provider), () => undefined);
    return () => {
      current = false;
    };
  }, [rpc, connector]);

  const client = useMemo<Reader | null>(() => {
    const transport = rpc ? http(rpc, { batch: true, retryCount: 1, timeout: 15_000 }) : provider ? custom(provider) : null;
    return transport && reader(chain, transport);
  }, [chain, rpc, provider]);

  useEffect(() => {
    if (deployment.foreign) forgetful();
  }, [deployment]);

  const scope = [deployment.chainId, pool, rpc ?? "wallet"] as const;
  const head = useQuery({
    queryKey: ["head", ...scope],
    enabled: client !== null,
    refetchInterval: 2_000,
    retry: 1,
    // The chain id is asked with each block: a node that changes its chain must not go unnoticed.
    queryFn: async () => {
      const [id, at] = await Promise.all([client!.getChainId(), readHead(client!)]);
      if (id !== deployment.chainId) throw new Error(`The node is of chain ${id}, the pool is on chain ${deployment.chainId}.`);
      return at;
    },
  });
  const at = head.data;
  const tokens = useQuery({ queryKey: ["tokens", ...scope], enabled: client !== null && at !== undefined, staleTime: Infinity, queryFn: () => readTokens(client!, pool) });
  const state = useQuery({
    queryKey: ["pool", ...scope, at?.hash],
    enabled: Boolean(client && at && tokens.data),
    placeholderData: keepPreviousData,
    queryFn: () => readPool(client!, pool, tokens.data!, at!),
  });
  const address = connection.address;
  const account = useQuery({
    queryKey: ["account", ...scope, address, at?.hash],
    enabled: Boolean(client && at && tokens.data && address),
    placeholderData: (before) => (before && before.staker === address ? before : undefined),
    queryFn: () => readAccount(client!, pool, tokens.data!, address!, at!),
  });
  const borrowers = useQuery({
    queryKey: ["borrowers", ...scope, at && at.number / 50n],
    enabled: Boolean(client && at),
    placeholderData: keepPreviousData,
    queryFn: () => readBorrowers(client!, pool, deployment.fromBlock, at!),
  });

  const wrongChain = connection.status === "connected" && connection.chainId !== deployment.chainId ? (connection.chainId ?? 0) : null;
  const wallet = async (): Promise<Wallet> => (await getWalletClient(config as never, { connector } as never)) as Wallet;
  const batch = useQuery({
    queryKey: ["batch", connector?.uid, address, connection.chainId],
    enabled: connection.status === "connected" && wrongChain === null,
    staleTime: Infinity,
    retry: false,
    queryFn: async () => canBatch(await wallet(), deployment.chainId),
  });

  useEffect(() => {
    if (!client) return;
    let stop = false;
    const batches = connection.status === "connected" && wrongChain === null ? (id: string) => batchStatus(wallet, id) : null;
    const run = async (): Promise<void> => {
      while (!stop) {
        await follow(client, deployment.chainId, batches).catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
    };
    void run();
    return () => {
      stop = true;
    };
  }, [client, deployment.chainId, connection.status, connector, wrongChain]);

  const value: App = {
    deployment,
    rpc,
    chain,
    pool,
    client,
    head: at,
    silent: head.isError,
    mute: !head.isError && (tokens.isError || state.isError),
    tokens: tokens.data,
    state: state.data,
    address,
    account: account.data && account.data.staker === address ? account.data : undefined,
    borrowers: borrowers.data,
    wrongChain,
    batch: batch.data ?? false,
    wallet,
  };
  return <Context value={value}>{children}</Context>;
}

async function batchStatus(wallet: () => Promise<Wallet>, id: string) {
  const status = await (await wallet()).getCallsStatus({ id });
  if (status.status === "failure") return { failed: "The batch was included, and a contract refused. Nothing of it took effect." };
  const hash = status.receipts?.[0]?.transactionHash;
  return status.status === "success" && hash ? { hash } : null;
}
