import { useQuery, keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { merkleDistributorAbi } from "../../abi";
import { useReady } from "../app";
import { t } from "../lib/words";
import { Amount, Heading, Section, Table, Time, Waiting } from "../parts/parts";
import { Say } from "../parts/say";
import { flaw, TreeFile, useTree, type Dropped } from "../parts/treefile";

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
  const [files, setFiles] = useState<readonly Dropped[] | null>(null);
  const [against, setAgainst] = useState<Dropped | null>(null);
  const answer = useTree(files, against, null);
  const built = answer && "root" in answer ? answer : null;
  const problem = flaw(answer);
  const matches = built && roots.data ? [roots.data.active.root === built.root && t("active"), roots.data.proposed.root === built.root && t("proposed")].filter(Boolean) : [];
  return (
    <>
      <Section title={t("Roots on the chain")}>
        {!roots.data ? (
          <Waiting />
        ) : (
          <dl className="facts">
            <div>
              <dt>{t("Active root, paid from")}</dt>
              <dd>{isRoot(roots.data.active.root) ? <><code>{roots.data.active.root}</code>, {t("epoch {epoch}", { epoch: roots.data.active.epoch })}</> : t("none yet")}</dd>
            </div>
            <div>
              <dt>{t("Proposed root")}</dt>
              <dd>
                {isRoot(roots.data.proposed.root) ? <><code>{roots.data.proposed.root}</code>, {t("epoch {epoch}", { epoch: roots.data.proposed.epoch })}</> : t("none")}
                {isRoot(roots.data.proposed.root) && roots.data.proposed.root !== roots.data.active.root && (
                  <>
                    . <Say text="It waits until {time}" time={<Time at={roots.data.until} />} />
                    {roots.data.until < head.timestamp && t(", which is over")}
                  </>
                )}
                {roots.data.paused && <span className="poor"> {t("Root updates are paused.")}</span>}
              </dd>
            </div>
          </dl>
        )}
      </Section>
      <Section title={t("Your copy of the tree")}>
        <TreeFile label={t("Drop the tree file here, tree.json of the published results, or its leaves as CSV or JSON lines")} onFiles={setFiles} />
        <p className="note">{t("Or compute it yourself: the inputs of an epoch, as published, make its tree. Samples and tables as CSV or JSON lines.")}</p>
        <TreeFile label={t("Drop the folder of an epoch here")} many onFiles={setFiles} />
        {files !== null && !answer && <Waiting>{t("Rebuilding the tree …")}</Waiting>}
        {problem && (
          <p className="warning" role="alert">
            {problem}
          </p>
        )}
        {built && roots.data && (
          <div className="card" id="verdict" role="status" data-root={built.root}>
            <p className={matches.length > 0 ? "good" : "poor"}>
              <strong>{matches.length > 0 ? t("This tree has the {roots} root.", { roots: matches.join(t(" and the ")) }) : t("This tree has neither the active nor the proposed root.")}</strong>
            </p>
            <p>
              <Say text="Root {root}, {leaves} leaves, {total} in all, paid ones included." root={<code>{built.root}</code>} leaves={built.leaves.toLocaleString("en")} total={<Amount value={BigInt(built.total)} token={tokens.rewards} />} />
            </p>
            <p className="note"><Say text="Its file has the CID {cid}." cid={<code>{built.cid}</code>} /></p>
            {matches.length === 0 && <p>{t("Drop a second tree below, for example the one that you computed yourself: the first leaf that differs is named.")}</p>}
          </div>
        )}
        {built?.epoch && (
          <div className="card" id="computed">
            <p>
              <Say text="Computed from the inputs of epoch {epoch}: liquidity providers get {paid}." epoch={String(built.epoch.epoch)} paid={<Amount value={BigInt(built.epoch.paid_wei)} token={tokens.rewards} />} />{" "}
              {built.epoch.previous_root && <Say text="It follows the tree with the root {root}." root={<code>{built.epoch.previous_root}</code>} />}
            </p>
            {built.epoch.markets.length > 0 && (
              <Table label={t("Samples that counted")}>
                <tbody>
                  {built.epoch.markets.map(([market, samples, minutes]) => (
                    <tr key={market}>
                      <th scope="row">{market}</th>
                      <td>{t("{samples} of {minutes} minutes", { samples, minutes })}</td>
                    </tr>
                  ))}
                </tbody>
              </Table>
            )}
            {built.epoch.gaps.map((gap) => (
              <p key={gap} className="poor">{t("A gap in the data, which somebody must have accepted: {gap}", { gap })}</p>
            ))}
          </div>
        )}
      </Section>
      <Section title={t("Another tree beside it")}>
        <TreeFile label={t("A second tree file, to compare leaf by leaf")} onFiles={(files) => setAgainst(files?.[0] ?? null)} />
        {built && built.difference !== undefined && (
          <p className="card" id="difference" role="status">
            {built.difference === null ? (
              t("Both trees say the same of every account.")
            ) : (
              <Say
                text="The first difference is {account}: {one}, then {other}."
                account={<code>{built.difference.account}</code>}
                one={built.difference.one === null ? t("not in the first") : <Amount value={BigInt(built.difference.one)} token={tokens.rewards} />}
                other={built.difference.other === null ? t("not in the second") : <Amount value={BigInt(built.difference.other)} token={tokens.rewards} />}
              />
            )}
          </p>
        )}
      </Section>
    </>
  );
}
