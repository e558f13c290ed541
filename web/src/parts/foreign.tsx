// A link named a deployment. Nothing is asked of a node or a wallet before a person has seen all its addresses and said to go on.
import { useState } from "react";
import { http, keccak256 } from "viem";
import { chainOf } from "../app";
import { reader } from "../chain/reader";
import type { Deployment } from "../deployment";
import { Table } from "./parts";

export function ForeignScreen({ deployment, own, accept }: { deployment: Deployment; own: Deployment | null; accept: () => void }) {
  const [codes, setCodes] = useState<Record<string, string> | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [sure, setSure] = useState(false);
  const rpc = own?.chainId === deployment.chainId ? own.rpc : deployment.rpc;

  async function compare(): Promise<void> {
    if (!rpc) return;
    setProblem(null);
    const client = reader(chainOf(deployment, rpc), http(rpc, { retryCount: 0 }));
    try {
      const hash = async (address: `0x${string}`): Promise<string | null> => {
        const code = await client.getCode({ address });
        return code ? keccak256(code) : null;
      };
      const known = new Map<string, string>();
      if (own?.chainId === deployment.chainId) {
        for (const [name, address] of Object.entries(own.contracts)) {
          const found = await hash(address);
          if (found) known.set(found, name);
        }
      }
      const found: Record<string, string> = {};
      for (const [name, address] of Object.entries(deployment.contracts)) {
        const code = await hash(address);
        found[name] = code === null ? "there is no contract" : known.has(code) ? `the code of this operator's ${known.get(code)!}` : "code that this operator does not use";
      }
      setCodes(found);
    } catch {
      setProblem("The node does not answer.");
    }
  }

  return (
    <main className="static foreign-screen">
      <h1>Not this operator's deployment</h1>
      <p className="warning">
        The link that you followed wants this page to speak to contracts that its operator did not put here. If you did not expect that, somebody may want you to sign away your tokens. <strong>Leave.</strong>
      </p>
      <p>
        Chain {deployment.chainId}. Node: <code>{rpc ?? "your wallet's"}</code>
        {own?.chainId === deployment.chainId && own.rpc ? ", the operator's" : ", named by the link"}.
      </p>
      <Table label="Addresses of the deployment">
        <thead>
          <tr>
            <th scope="col">Contract</th>
            <th scope="col">Address</th>
            <th scope="col">Code</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(deployment.contracts).map(([name, address]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td className="text">
                <code>{address}</code>
                {own?.contracts[name] === address && " (the operator's)"}
              </td>
              <td className="text">{codes?.[name] ?? "not compared"}</td>
            </tr>
          ))}
        </tbody>
      </Table>
      {problem && (
        <p className="poor" role="alert">
          {problem}
        </p>
      )}
      <p>The same code at the pool's address says little: the pool's parts, its owners and its tokens can still be anybody's.</p>
      <p>
        <label className="check">
          <input type="checkbox" checked={sure} onChange={(event) => setSure(event.target.checked)} /> I know whose contracts these are and want to use them
        </label>
      </p>
      <p className="buttons">
        <a className="go" href="./">
          Leave, to the operator's own pool
        </a>
        <button type="button" className="quiet" disabled={!rpc} onClick={() => void compare()}>
          Compare the code
        </button>
        <button type="button" className="quiet" disabled={!sure} onClick={accept}>
          Go on at my own risk
        </button>
      </p>
    </main>
  );
}
