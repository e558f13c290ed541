import { useQuery, keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { merkleDistributorAbi } from "../../abi";
import { useReady } from "../app";
import { Amount, Heading, Section, Time, Waiting } from "../parts/parts";
import { TreeFile, useTree } from "../parts/treefile";

export default function VerifyPage() {
  const ready = useReady();
  return (
    <>
      <Heading intro="Rebuild the rewards tree in your own browser, and compare its root with the ones on the chain, read through your own node.">Verify</Heading>
      {!ready ? <Waiting /> : ready.deployment.contracts["merkle-distributor"] ? <Ready /> : <p className="card">This deployment has no rewards distributor.</p>}
    </>
  );
}

/** The roots that the distributor knows. */
export const useRoots = () => {
  const { client, deployment, head } = useReady()!;
  const address = deployment.contracts["merkle-distributor"]!;
  const read = { address, abi: merkleDistributorAbi, blockNumber: head.number } as const;
  return useQuery({
    queryKey: ["roots", address, head.hash],
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const [active, proposed, until, paused] = await Promise.all([
        client.readContract({ ...read, functionName: "getActiveRoot" }),
        client.readContract({ ...read, functionName: "getProposedRoot" }),
        client.readContract({ ...read, functionName: "getWaitingPeriodEnd" }),
        client.readContract({ ...read, functionName: "getAreRootUpdatesPaused" }),
      ]);
      return { active: { root: active[0], epoch: active[1] }, proposed: { root: proposed[0], epoch: proposed[1] }, until, paused };
    },
  });
};

export const isRoot = (root: string): boolean => BigInt(root) !== 0n;

function Ready() {
  const { tokens, head } = useReady()!;
  const roots = useRoots();
  const [text, setText] = useState<string | null>(null);
  const [against, setAgainst] = useState<string | null>(null);
  const answer = useTree(text, against, null);
  const built = answer && "built" in answer ? answer.built : null;
  const matches = built && roots.data ? [roots.data.active.root === built.root && "active", roots.data.proposed.root === built.root && "proposed"].filter(Boolean) : [];
  return (
    <>
      <Section title="Roots on the chain">
        {!roots.data ? (
          <Waiting />
        ) : (
          <dl className="facts">
            <div>
              <dt>Active root, paid from</dt>
              <dd>{isRoot(roots.data.active.root) ? <><code>{roots.data.active.root}</code>, epoch {String(roots.data.active.epoch)}</> : "none yet"}</dd>
            </div>
            <div>
              <dt>Proposed root</dt>
              <dd>
                {isRoot(roots.data.proposed.root) ? <><code>{roots.data.proposed.root}</code>, epoch {String(roots.data.proposed.epoch)}</> : "none"}
                {isRoot(roots.data.proposed.root) && roots.data.proposed.root !== roots.data.active.root && (
                  <>
                    . It waits until <Time at={roots.data.until} />
                    {roots.data.until < head.timestamp && ", which is over"}
                  </>
                )}
                {roots.data.paused && <span className="poor"> Root updates are paused.</span>}
              </dd>
            </div>
          </dl>
        )}
      </Section>
      <Section title="Your copy of the tree">
        <TreeFile label="Drop the tree file here, tree.json of the published results" onText={setText} />
        {text !== null && !answer && <Waiting>Rebuilding the tree …</Waiting>}
        {answer && "problem" in answer && (
          <p className="warning" role="alert">
            {answer.problem}
          </p>
        )}
        {built && roots.data && (
          <div className="card" id="verdict" role="status">
            <p className={matches.length > 0 ? "good" : "poor"}>
              <strong>{matches.length > 0 ? `This tree has the ${matches.join(" and the ")} root.` : "This tree has neither the active nor the proposed root."}</strong>
            </p>
            <p>
              Root <code>{built.root}</code>, {built.leaves.toLocaleString("en")} leaves, <Amount value={built.total} token={tokens.rewards} /> in all, paid ones included.
            </p>
            {matches.length === 0 && <p>Drop a second tree below, for example the one that you computed yourself: the first leaf that differs is named.</p>}
          </div>
        )}
      </Section>
      <Section title="Another tree beside it">
        <TreeFile label="A second tree file, to compare leaf by leaf" onText={setAgainst} />
        {answer && "built" in answer && answer.difference !== undefined && (
          <p className="card" id="difference" role="status">
            {answer.difference === null ? (
              "Both trees say the same of every account."
            ) : (
              <>
                The first difference is <code>{answer.difference.account}</code>: {answer.difference.one === null ? "not in the first" : <Amount value={answer.difference.one} token={tokens.rewards} />}, then{" "}
                {answer.difference.other === null ? "not in the second" : <Amount value={answer.difference.other} token={tokens.rewards} />}.
              </>
            )}
          </p>
        )}
      </Section>
    </>
  );
}
