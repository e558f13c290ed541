import { useQuery, keepPreviousData } from "@tanstack/react-query";
import { http, type Address } from "viem";
import { chainOf, useApp, useReady } from "../app";
import { readProgram, readRoutes, readStylus, type Program, type Route } from "../chain/programs";
import { reader, type Reader } from "../chain/reader";
import type { Head } from "../chain/read";
import { duration, shortAddress } from "../lib/format";
import { t } from "../lib/words";
import { AddressText, Figure, Heading, Section, Table, Time, Waiting } from "../parts/parts";
import { useHealth } from "../server/health";

/** Programs are shown even if the pool itself cannot be called. */
export default function StatusPage() {
  const ready = useReady();
  const { client, head } = useApp();
  return (
    <>
      <Heading intro={t("How the programs, the nodes and the services around the pool stand.")}>{t("Status")}</Heading>
      <Services />
      {client && head ? <Programs client={client} head={head} /> : <Waiting />}
      {ready && <Routes />}
    </>
  );
}

/** A program that has less than this left should be kept alive. */
const SOON = 60n * 86_400n;
const URGENT = 30n * 86_400n;

const refusals = (name: string): string =>
  ({
    ProgramExpired: t("expired: every call reverts until somebody activates it again"),
    ProgramNeedsUpgrade: t("of an older Stylus version: every call reverts until somebody activates it again"),
    ProgramNotActivated: t("not activated: every call reverts until somebody activates it"),
  })[name] ?? t("the chain does not say ({name})", { name });

function Programs({ client, head }: { client: Reader; head: Head }) {
  const { deployment } = useApp();
  const names = Object.entries({ ...deployment.contracts, ...deployment.facets });
  const state = useQuery({
    queryKey: ["programs", deployment.chainId, head.hash],
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const [stylus, programs] = await Promise.all([readStylus(client, head), Promise.all(names.map(async ([name, address]) => ({ name, address, of: await readProgram(client, address, head) })))]);
      return { stylus, programs };
    },
  });
  if (state.isError) return <p className="reason">{t("The node does not answer about programs.")}</p>;
  if (!state.data) return <Waiting />;
  const { stylus, programs } = state.data;
  const left = programs.flatMap(({ of }) => (of.kind === "program" && of.secondsLeft !== null ? [of.secondsLeft] : []));
  const least = left.reduce<bigint | null>((a, b) => (a === null || b < a ? b : a), null);
  const down = programs.filter(({ of }) => of.kind === "absent" || (of.kind === "program" && of.refusal !== null)).length;
  const uncached = programs.filter(({ of }) => of.kind === "program" && !of.cached).length;
  return (
    <Section title={t("Programs")}>
      <div className="figures">
        <Figure label={t("Programs")} note={down > 0 ? t("{count} cannot be called", { count: down }) : t("all can be called")}>
          <span className={down > 0 ? "poor" : "good"}>{programs.length - down}</span>
        </Figure>
        <Figure label={t("Next expiry")} note={t("anybody can keep a program alive, from {days} days of age on", { days: stylus?.keepaliveDays ?? "?" })}>
          {least === null ? "–" : <span className={least < URGENT ? "poor" : ""}>{duration(least)}</span>}
        </Figure>
        <Figure label={t("Not cached")} note={t("calls cost more gas, nothing else")}>
          {uncached}
        </Figure>
        <Figure label={t("Stylus version")} note={stylus ? t("programs live {days} days", { days: stylus.expiryDays }) : t("this chain has no Stylus machine")}>
          {stylus?.version ?? "–"}
        </Figure>
      </div>
        <Table label={t("Programs of the deployment")}>
          <thead>
            <tr>
              <th scope="col">{t("Program")}</th>
              <th scope="col">{t("Address")}</th>
              <th scope="col">{t("Time left")}</th>
              <th scope="col">{t("Cached")}</th>
              <th scope="col" className="number">{t("Stylus version")}</th>
            </tr>
          </thead>
          <tbody>
            {programs.map(({ name, address, of }) => (
              <ProgramRow key={name} name={name} address={address} of={of} current={stylus?.version ?? 0} />
            ))}
          </tbody>
        </Table>
    </Section>
  );
}

function ProgramRow({ name, address, of, current }: { name: string; address: Address; of: Program; current: number }) {
  return (
    <tr data-program={name} data-left={of.kind === "program" && of.secondsLeft !== null ? String(of.secondsLeft) : undefined}>
      <th scope="row">{name}</th>
      <td className="text"><AddressText address={address} /></td>
      {of.kind === "program" ? (
        <>
          <td className="text">
            {of.secondsLeft !== null ? <span className={of.secondsLeft < URGENT ? "poor" : ""}>{duration(of.secondsLeft)}{of.secondsLeft < SOON && ` (${t("keep it alive soon")})`}</span> : <span className="poor">{refusals(of.refusal ?? "")}</span>}
            {of.of && <span className="note"> {t("a clone of {address}", { address: shortAddress(of.of) })}</span>}
          </td>
          <td className="text">{of.cached ? t("yes") : <span className="poor">{t("no")}</span>}</td>
          <td><span className={of.version === current ? "" : "poor"}>{of.version}</span></td>
        </>
      ) : (
        <td className="text" colSpan={3}>{of.kind === "absent" ? <span className="poor">{t("There is no contract at this address.")}</span> : t("An EVM contract: it does not expire.")}</td>
      )}
    </tr>
  );
}

function Routes() {
  const { client, pool, deployment, head } = useReady()!;
  const rows = useQuery({ queryKey: ["routes", pool, head.hash], placeholderData: keepPreviousData, queryFn: () => readRoutes(client, pool, deployment.facets, head) });
  const booked = Object.keys(deployment.facets).length > 0;
  const verdict = ({ name, address, right, wrong, unknown }: Route) => (
    <>
      {wrong.length === 0 && right > 0 && <span className="good">{booked ? t("as the book says") : t("as the interfaces say; there is no book to compare with")}</span>}
      {wrong.length > 0 && <span className="poor">{wrong.map((one) => (one.goesTo ? t("{function} goes to {address}", { function: one.function, address: shortAddress(one.goesTo) }) : t("nobody answers {function}", { function: one.function }))).join("; ")}</span>}
      {unknown.length > 0 && <span className="poor"> {name === null ? t("a facet that is not in the book, {address}: {selectors}", { address: address ?? "", selectors: unknown.join(", ") }) : t("functions that no interface has: {selectors}", { selectors: unknown.join(", ") })}</span>}
    </>
  );
  return (
    <Section title={t("Routes of the pool")}>
      <p className="note">{t("The pool's one address hands each call to a facet. This is where the router sends them now, against the deployment's book.")}</p>
      {rows.isError && <p className="reason">{t("The pool does not say where it sends calls.")}</p>}
      {rows.isPending && <Waiting />}
      {rows.data && (
        <Table label={t("Routes")}>
          <thead>
            <tr>
              <th scope="col">{t("Facet")}</th>
              <th scope="col">{t("Address")}</th>
              <th scope="col" className="number">{t("Functions")}</th>
              <th scope="col">{t("Verdict")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.data.map((row) => (
              <tr key={row.name ?? row.address} data-facet={row.name ?? "unknown"} data-wrong={row.wrong.length + row.unknown.length}>
                <th scope="row">{row.name ?? "–"}</th>
                <td className="text">{row.address ? <AddressText address={row.address} /> : "–"}</td>
                <td>{row.right}</td>
                <td className="text">{verdict(row)}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </Section>
  );
}

interface NodeHead {
  readonly name: string;
  readonly number: bigint | null;
  readonly hash: string | null;
  readonly time: bigint | null;
}

/** The heads of the reader's node and of those that the operator names; hashes are compared at the lowest of them. */
function useHeads() {
  const { deployment, client, rpc, chain, head } = useApp();
  const others = deployment.nodes.filter((url) => url !== rpc);
  return useQuery({
    queryKey: ["heads", deployment.chainId, rpc, head?.hash],
    enabled: client !== null,
    refetchInterval: 5_000,
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const nodes = [{ name: rpc ? new URL(rpc).host : t("the wallet's"), client: client! }, ...others.map((url) => ({ name: new URL(url).host, client: reader(chainOf(deployment, url), http(url, { retryCount: 0, timeout: 8_000 })) }))];
      const heads = await Promise.all(
        nodes.map(async ({ name, client }): Promise<NodeHead> => {
          try {
            const [id, block] = await Promise.all([client.getChainId(), client.getBlock({ blockTag: "latest" })]);
            if (id !== chain.id) throw new Error("another chain");
            return { name, number: block.number, hash: block.hash, time: block.timestamp };
          } catch {
            return { name, number: null, hash: null, time: null };
          }
        }),
      );
      const numbers = heads.flatMap(({ number }) => (number === null ? [] : [number]));
      const lowest = numbers.reduce<bigint | null>((a, b) => (a === null || b < a ? b : a), null);
      const common = lowest === null ? [] : await Promise.all(nodes.map(({ client }, place) => (heads[place]!.number === null ? null : client.getBlock({ blockNumber: lowest }).then(({ hash }) => hash, () => null))));
      const hashes = new Set(common.filter((hash) => hash !== null));
      return { heads, lowest, agree: hashes.size <= 1 };
    },
  });
}

interface KeeperHealth {
  readonly live?: boolean;
  readonly trouble?: string | null;
  readonly last_tick?: { readonly block?: number; readonly time?: number } | null;
  readonly alerts?: number;
}

function Services() {
  const { deployment, head } = useApp();
  const heads = useHeads();
  const server = useHealth();
  const keeper = useQuery({
    queryKey: ["keeper", deployment.keeper],
    enabled: deployment.keeper !== null,
    refetchInterval: 5_000,
    retry: false,
    queryFn: async () => (await (await fetch(`${deployment.keeper!.replace(/\/$/, "")}/health`, { cache: "no-store" })).json()) as KeeperHealth,
  });
  const tick = keeper.data?.last_tick;
  const newest = heads.data?.heads.reduce<bigint>((most, { number }) => (number !== null && number > most ? number : most), 0n) ?? 0n;
  return (
    <Section title={t("Nodes and services")}>
      {heads.data && !heads.data.agree && (
        <p className="warning" role="alert">
          {t("The nodes disagree about block {block}. One of them follows another chain of blocks, or lies: do not sign before you know which.", { block: heads.data.lowest ?? 0n })}
        </p>
      )}
      <Table label={t("Table of nodes and services")}>
        <thead>
          <tr>
            <th scope="col">{t("Who")}</th>
            <th scope="col" className="number">{t("Block")}</th>
            <th scope="col">{t("Of")}</th>
            <th scope="col">{t("How it is")}</th>
          </tr>
        </thead>
        <tbody>
          {(heads.data?.heads ?? []).map(({ name, number, time }, place) => (
            <tr key={`${place}${name}`} data-node={name}>
              <th scope="row">{t("Node {name}", { name })}</th>
              <td>{number === null ? "–" : String(number)}</td>
              <td className="text">{time !== null && <Time at={time} />}</td>
              <td className="text">{number === null ? <span className="poor">{t("does not answer")}</span> : number + 20n < newest ? <span className="poor">{t("{blocks} blocks behind", { blocks: newest - number })}</span> : <span className="good">{t("answers")}</span>}</td>
            </tr>
          ))}
          <tr data-service="server">
            <th scope="row">{t("Server")}</th>
            <td>{server.health?.block ? String(server.health.block.number) : "–"}</td>
            <td className="text">{server.health?.block && <Time at={BigInt(server.health.block.time)} />}</td>
            <td className="text">
              {!server.url ? t("none is configured; the pages read the chain alone") : server.down ? <span className="poor">{t("does not answer")}</span> : !server.health ? t("asked …") : server.health.ready ? <span className="good">{t("follows the head")}</span> : <span className="poor">{server.health.trouble ?? t("does not follow the head")}</span>}
            </td>
          </tr>
          <tr data-service="keeper">
            <th scope="row">{t("Keeper")}</th>
            <td>{tick?.block !== undefined ? String(tick.block) : "–"}</td>
            <td className="text">{tick?.time !== undefined && <Time at={BigInt(Math.floor(tick.time))} />}</td>
            <td className="text">
              {!deployment.keeper ? t("none is configured") : keeper.isError ? <span className="poor">{t("does not answer")}</span> : !keeper.data ? t("asked …") : keeper.data.trouble ? <span className="poor">{keeper.data.trouble.slice(0, 300)}</span> : tick?.block !== undefined && head && head.number > BigInt(tick.block) + 600n ? <span className="poor">{t("its last tick is {blocks} blocks old", { blocks: head.number - BigInt(tick.block) })}</span> : <span className="good">{t("ticks")}</span>}
              {keeper.data?.alerts ? <span className="poor"> {t("{count} open alerts", { count: keeper.data.alerts })}</span> : null}
            </td>
          </tr>
        </tbody>
      </Table>
    </Section>
  );
}
