// The wallet of the development chain: signs at once, with keys that everybody knows. It answers on chain id 412346 only.
import { fromHex, hexToNumber, type EIP1193Provider, type Hex } from "viem";
import { injected } from "wagmi";
import { DEVELOPMENT_CHAIN, type Deployment } from "../deployment";

const KEY = "tidepool.development-account";
export const DEVELOPMENT_WALLET = "development";

const problem = (code: number, message: string): Error => Object.assign(new Error(message), { code });

function remembered(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** Chooses the account that the wallet connects as. */
export function choose(name: string): void {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Without storage the first account is used after a reload.
  }
  chosen = name;
}
let chosen = remembered();
/** Like any wallet it shows its account to a page only after it was asked once. */
let known = chosen !== null;

function provider(deployment: Deployment, rpc: string): EIP1193Provider {
  const ask = async (method: string, params: unknown): Promise<unknown> => {
    const answer = await fetch(rpc, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: params ?? [] }) });
    const { result, error } = (await answer.json()) as { result?: unknown; error?: object };
    if (error) throw Object.assign(new Error("the node refused"), error);
    return result;
  };
  const account = async () => {
    const { privateKeyToAccount } = await import("viem/accounts");
    const own = deployment.accounts.find(({ name }) => name === chosen) ?? deployment.accounts.find(({ name }) => name.startsWith("staker")) ?? deployment.accounts[0];
    if (!own) throw problem(4100, "There is no account on this chain.");
    return privateKeyToAccount(own.key);
  };
  const request = async ({ method, params }: { method: string; params?: unknown }): Promise<unknown> => {
    if (hexToNumber((await ask("eth_chainId", [])) as Hex) !== DEVELOPMENT_CHAIN) throw problem(4901, `The development wallet exists on chain ${DEVELOPMENT_CHAIN} only.`);
    const list = (params ?? []) as unknown[];
    switch (method) {
      case "eth_requestAccounts":
        known = true;
        return [(await account()).address];
      case "eth_accounts":
        return known ? [(await account()).address] : [];
      case "wallet_requestPermissions":
        return [{ parentCapability: "eth_accounts" }];
      case "wallet_switchEthereumChain":
        if (hexToNumber((list[0] as { chainId: Hex }).chainId) !== DEVELOPMENT_CHAIN) throw problem(4902, "The development wallet knows one chain only.");
        return null;
      case "personal_sign":
        return (await account()).signMessage({ message: { raw: list[0] as Hex } });
      case "eth_signTypedData_v4":
        return (await account()).signTypedData(JSON.parse(list[1] as string));
      case "eth_sendTransaction": {
        const call = list[0] as { to: Hex; data?: Hex; value?: Hex };
        const signer = await account();
        const [nonce, gas, fee] = (await Promise.all([
          ask("eth_getTransactionCount", [signer.address, "pending"]),
          ask("eth_estimateGas", [{ from: signer.address, ...call }]),
          ask("eth_gasPrice", []),
        ])) as [Hex, Hex, Hex];
        const signed = await signer.signTransaction({
          chainId: DEVELOPMENT_CHAIN,
          type: "eip1559",
          to: call.to,
          data: call.data,
          value: call.value ? fromHex(call.value, "bigint") : 0n,
          nonce: hexToNumber(nonce),
          gas: fromHex(gas, "bigint"),
          maxFeePerGas: fromHex(fee, "bigint") * 2n,
          maxPriorityFeePerGas: 0n,
        });
        return ask("eth_sendRawTransaction", [signed]);
      }
      default:
        if (method.startsWith("wallet_")) throw problem(4200, `${method} is not supported.`);
        return ask(method, params);
    }
  };
  return { request, on: () => undefined, removeListener: () => undefined } as unknown as EIP1193Provider;
}

/** A connector, or none anywhere but on the development chain. */
export const developmentConnectors = (deployment: Deployment, rpc: string | null) =>
  deployment.chainId === DEVELOPMENT_CHAIN && deployment.accounts.length > 0 && rpc
    ? [injected({ target: { id: DEVELOPMENT_WALLET, name: "Development wallet", provider: provider(deployment, rpc) as never } })]
    : [];
