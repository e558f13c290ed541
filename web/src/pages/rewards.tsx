import { useQuery, keepPreviousData } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { encodeFunctionData, type Hex } from "viem";
import { claimsProxyAbi, merkleDistributorAbi } from "../../abi";
import { useReady } from "../app";
import * as call from "../chain/calls";
import { amount } from "../lib/format";
import { explainRevert } from "../lib/errors";
import { Action } from "../parts/action";
import { Amount, Figure, Heading, Section, Time, Waiting } from "../parts/parts";
import { flaw, TreeFile, useTree, type Dropped } from "../parts/treefile";
import { ProviderRewards } from "../server/rewards";
import { isRoot, useRoots } from "./verify";

export default function RewardsPage() {
  const ready = useReady();
  return (
    <>
      <Heading intro="Rewards of liquidity providers are computed off the chain, published as a tree, and paid by the distributor after a wait. Claim here with the published tree file.">Rewards</Heading>
      {!ready ? <Waiting /> : ready.deployment.contracts["merkle-distributor"] ? <Ready /> : <p className="card">This deployment has no rewards distributor.</p>}
    </>
  );
}

function Ready() {
  const { client, deployment, head, tokens, address, account, pool, units, state } = useReady()!;
  const distributor = deployment.contracts["merkle-distributor"]!;
  const proxy = deployment.contracts["claims-proxy"];
  const roots = useRoots();
  const [files, setFiles] = useState<readonly Dropped[] | null>(null);
  const answer = useTree(files, null, address ?? null);
  const built = answer && "root" in answer ? answer : null;
  const own = useMemo(() => built?.own && { amount: BigInt(built.own.amount), proof: built.own.proof }, [built]) ?? null;
  const problem = flaw(answer);
  const known = built && roots.data ? (roots.data.active.root === built.root ? "active" : roots.data.proposed.root === built.root ? "proposed" : "unknown") : null;
  const mine = useQuery({
    queryKey: ["claim", distributor, address, head.hash, own?.amount, built?.root, known],
    enabled: address !== undefined,
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const read = { address: distributor, abi: merkleDistributorAbi, blockNumber: head.number } as const;
      const [claimed, operator, verdict] = await Promise.all([
        client.readContract({ ...read, functionName: "getClaimed", args: [address!] }),
        proxy ? operates(proxy) : Promise.resolve(false),
        own && known === "active" ? client.readContract({ ...read, functionName: "verifyClaim", args: [address!, own.amount, own.proof as Hex[]] }) : Promise.resolve(null),
      ]);
      return { claimed, operator, payable: verdict?.[0] ?? 0n, refusal: verdict?.[1] ?? "0x00000000" };
    },
  });

  /** Whether the claims proxy may claim from pool and distributor, so that one transaction claims both. */
  async function operates(of: `0x${string}`): Promise<boolean> {
    const { poolAbi } = await import("../../abi");
    const [one, other] = await Promise.all([
      client.readContract({ address: pool, abi: poolAbi, functionName: "CLAIM_OPERATOR_ROLE" }).then((role) => client.readContract({ address: pool, abi: poolAbi, functionName: "hasRole", args: [role, of] })),
      client.readContract({ address: distributor, abi: merkleDistributorAbi, functionName: "CLAIM_OPERATOR_ROLE" }).then((role) => client.readContract({ address: distributor, abi: merkleDistributorAbi, functionName: "hasRole", args: [role, of] })),
    ]);
    return one && other;
  }

  const pending = own && known === "proposed" ? (own.amount > (mine.data?.claimed ?? 0n) ? own.amount - (mine.data?.claimed ?? 0n) : 0n) : 0n;
  const why = (): string | null => {
    if (!files) return "Choose the tree file first.";
    if (problem) return problem;
    if (!built) return "Reading the tree file …";
    if (known === "unknown") return "This tree has neither the active nor the proposed root.";
    if (!own) return "Your account has no leaf in this tree.";
    if (known === "proposed") return "This tree is proposed and waits; it is paid from when it is active.";
    if (!mine.data) return "Asking the distributor …";
    if (mine.data.refusal !== "0x00000000") return explainRevert(mine.data.refusal, units).replace(/\.? \(.*\)$/, ".");
    if (mine.data.payable === 0n) return "Everything that this tree credits to you was paid already.";
    return null;
  };
  const stakeRewards = account?.account.claimableRewards ?? 0n;
  return (
    <>
      {roots.data && (
        <p>
          {isRoot(roots.data.active.root) ? <>Paid from the tree of epoch {String(roots.data.active.epoch)}.</> : "No tree is active yet, so nothing can be claimed."}
          {isRoot(roots.data.proposed.root) && roots.data.proposed.root !== roots.data.active.root && (
            <>
              {" "}
              The tree of epoch {String(roots.data.proposed.epoch)} is proposed and waits until <Time at={roots.data.until} />.
            </>
          )}
        </p>
      )}
      {address ? (
        <>
          <div className="figures">
            <Figure label="Pending" note="in a proposed tree, not claimable yet">
              <Amount value={pending} token={tokens.rewards} />
            </Figure>
            <Figure label="Claimable" note="by the active tree">
              <Amount value={mine.data?.payable ?? 0n} token={tokens.rewards} />
            </Figure>
            <Figure label="Claimed" note="paid so far">
              <Amount value={mine.data?.claimed ?? 0n} token={tokens.rewards} />
            </Figure>
          </div>
          <Section title="The tree">
            <TreeFile label="The published tree file, tree.json" onFiles={setFiles} />
            {problem && (
              <p className="warning" role="alert">
                {problem}
              </p>
            )}
          </Section>
          <div className="actions">
            <Action
              title="Claim provider rewards"
              verb="Claim"
              why={why}
              calls={() => (own ? [{ to: distributor, data: encodeFunctionData({ abi: merkleDistributorAbi, functionName: "claimRewards", args: [own.amount, own.proof as Hex[]] }), what: `Claim ${amount(mine.data?.payable ?? 0n, tokens.rewards)} of provider rewards` }] : [])}
              effect={() => `${amount(mine.data?.payable ?? 0n, tokens.rewards)} go from the treasury to your account.`}
            />
            {proxy && mine.data?.operator && (
              <Action
                title="Claim both in one"
                verb="Claim both"
                why={() => why() ?? (stakeRewards === 0n ? "You have no rewards of a stake to claim." : state.state.started ? null : "The pool has not opened yet.")}
                calls={() => (own ? [{ to: proxy, data: encodeFunctionData({ abi: claimsProxyAbi, functionName: "claimRewards", args: [false, true, own.amount, own.proof as Hex[], false] }), what: "Claim provider rewards and those of the stake" }] : [])}
                effect={() => `${amount(mine.data?.payable ?? 0n, tokens.rewards)} of provider rewards and about ${amount(stakeRewards, tokens.rewards)} of the stake go to your account.`}
              />
            )}
            <Action
              title="Claim rewards of the stake"
              verb="Claim"
              why={() => (stakeRewards === 0n ? "You have no rewards of a stake to claim." : null)}
              calls={() => [call.claimRewards(pool, address)]}
              effect={() => `About ${amount(stakeRewards, tokens.rewards)} go from the treasury to your account.`}
            />
          </div>
        </>
      ) : (
        <p className="card">Connect a wallet to see what is yours. The button is at the top of the page.</p>
      )}
      <ProviderRewards />
    </>
  );
}
