import { useQuery, keepPreviousData } from "@tanstack/react-query";
import { encodeFunctionData, getAddress, isAddress, isHex, keccak256, stringToHex, type Address, type Hex } from "viem";
import { useId, useState } from "react";
import { claimsProxyAbi, merkleDistributorAbi, poolAbi, trustedBorrowerL2ProxyAbi } from "../../abi";
import { useReady } from "../app";
import { readAll } from "../chain/history";
import { duration, parseAmount, short, time } from "../lib/format";
import { decode, governor, pretty, safe, timelock, type Proposed } from "../lib/proposal";
import { windowStart } from "../lib/rules";
import { AddressText, Amount, download, Heading, Section, Table, Time, Waiting } from "../parts/parts";
import { useName } from "./borrowers";

const ROLES = [
  ["OWNER_ROLE", "Grants and revokes roles, cuts facets, sweeps the surplus"],
  ["EPOCH_PARAMETERS_ROLE", "Changes schedule and blackout window"],
  ["REWARDS_RATE_ROLE", "Changes the emission"],
  ["BORROWER_ADMIN_ROLE", "Sets shares, caps and restrictions of borrowers"],
  ["CLAIM_OPERATOR_ROLE", "Claims for stakers, to any recipient: fully trusted"],
  ["STAKE_OPERATOR_ROLE", "Requests and withdraws for stakers, to any recipient: fully trusted"],
  ["DEBT_OPERATOR_ROLE", "Writes off debt"],
] as const;
const idOf = (role: string): Hex => keccak256(stringToHex(role));

export default function GovernancePage() {
  const ready = useReady();
  return (
    <>
      <Heading intro="Who may change what, and proposals as files for a Safe, a timelock or a governor. Nothing is sent from this page.">Governance</Heading>
      {ready ? (
        <>
          <Roles />
          <Parameters />
          <Propose />
          <Decode />
          <Past />
        </>
      ) : (
        <Waiting />
      )}
    </>
  );
}

const useEvents = () => {
  const { client, pool, deployment, head } = useReady()!;
  return useQuery({ queryKey: ["governance", pool, head.number / 20n, head.number < 2_000n ? head.hash : ""], placeholderData: keepPreviousData, retry: 1, queryFn: () => readAll(client, pool, deployment.fromBlock, head) });
};

function Roles() {
  const { client, pool, head } = useReady()!;
  const events = useEvents();
  const name = useName();
  const members = useQuery({
    queryKey: ["roles", pool, head.hash, events.data?.length],
    enabled: events.data !== undefined,
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const granted = events.data!.filter(({ name }) => name === "RoleGranted").map(({ args }) => ({ role: args["role"] as Hex, account: args["account"] as Address }));
      const unique = [...new Map(granted.map((one) => [`${one.role}${one.account}`, one])).values()];
      const held = await Promise.all(unique.map((one) => client.readContract({ address: pool, abi: poolAbi, functionName: "hasRole", args: [one.role, one.account], blockNumber: head.number })));
      return unique.filter((_, place) => held[place]);
    },
  });
  return (
    <Section title="Roles">
      {events.isError && <p className="reason">This node does not give the logs of the past, so holders cannot be listed.</p>}
      {!members.data && !events.isError && <Waiting />}
      {members.data && (
        <Table label="Roles and their holders">
          <thead>
            <tr>
              <th scope="col">Role</th>
              <th scope="col">May</th>
              <th scope="col">Held by</th>
            </tr>
          </thead>
          <tbody>
            {ROLES.map(([role, may]) => {
              const holders = members.data!.filter((one) => one.role === idOf(role));
              return (
                <tr key={role} data-role={role}>
                  <th scope="row">{role}</th>
                  <td className="text">{may}</td>
                  <td className="text">
                    {holders.length === 0
                      ? "nobody"
                      : holders.map(({ account }) => (
                          <div key={account}>
                            <AddressText address={account} name={name(account)} />
                          </div>
                        ))}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </Table>
      )}
      <p className="note">Holders are those that an event names and the contract confirms now.</p>
    </Section>
  );
}

function Parameters() {
  const { state, tokens } = useReady()!;
  return (
    <Section title="Parameters">
      <dl className="facts">
        <div>
          <dt>Epoch, by EPOCH_PARAMETERS_ROLE</dt>
          <dd>{duration(state.interval)}, epoch zero <Time at={state.offset} /></dd>
        </div>
        <div>
          <dt>Blackout window, by EPOCH_PARAMETERS_ROLE</dt>
          <dd>{duration(state.blackoutWindow)}</dd>
        </div>
        <div>
          <dt>Emission a second, by REWARDS_RATE_ROLE</dt>
          <dd><Amount value={state.state.rewardsPerSecond} token={tokens.rewards} /></dd>
        </div>
      </dl>
    </Section>
  );
}

type Kind = "cap" | "share" | "restriction" | "lift" | "rate" | "window" | "grant" | "revoke";
const KINDS: Record<Kind, { title: string; account: string | null; value: string | null }> = {
  cap: { title: "Cap of a borrower", account: "Borrower", value: "Cap in tokens; 0 for none" },
  share: { title: "Shares of borrowers", account: "Borrower", value: "Share from the next epoch on, per cent; the rest comes from or goes to nobody" },
  restriction: { title: "Restrict a borrower", account: "Borrower", value: null },
  lift: { title: "Lift a restriction", account: "Borrower", value: null },
  rate: { title: "Rewards rate", account: null, value: "Rewards in tokens a second" },
  window: { title: "Length of the blackout window", account: null, value: "Days" },
  grant: { title: "Grant a role", account: "Account", value: null },
  revoke: { title: "Revoke a role", account: "Account", value: null },
};

function Propose() {
  const ready = useReady()!;
  const { state, tokens, pool, client, deployment, head } = ready;
  const id = useId();
  const [kind, setKind] = useState<Kind>("cap");
  const [account, setAccount] = useState("");
  const [value, setValue] = useState("");
  const [role, setRole] = useState<string>("BORROWER_ADMIN_ROLE");
  const [delay, setDelay] = useState("2");
  const [made, setMade] = useState<{ call: string; calls: Proposed[]; title: string; refused: string | null } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const of = KINDS[kind];
  const change = <T,>(set: (value: T) => void) => (value: T) => {
    set(value);
    setMade(null);
    setProblem(null);
  };

  async function call(): Promise<Hex> {
    const named = account.trim();
    if (of.account && !isAddress(named)) throw new Error(`${of.account}: ${named ? "not an address, or its capitals do not match its checksum." : "enter an address."}`);
    const who = of.account ? getAddress(named) : pool;
    const number = (token: { symbol: string; decimals: number }): bigint => {
      const parsed = parseAmount(value, { address: pool, ...token });
      if ("problem" in parsed) throw new Error(parsed.problem);
      return parsed.value;
    };
    switch (kind) {
      case "cap":
        return encodeFunctionData({ abi: poolAbi, functionName: "setBorrowerCaps", args: [[who], [number(tokens.staked)]] });
      case "share": {
        const points = number({ symbol: "%", decimals: 2 });
        const nobody = "0x0000000000000000000000000000000000000000";
        const share = (borrower: Address) => client.readContract({ address: pool, abi: poolAbi, functionName: "getAllocationFractionNextEpoch", args: [borrower], blockNumber: head.number });
        const [old, free] = await Promise.all([share(who), share(nobody)]);
        const left = free + old - points;
        if (left < 0n) throw new Error(`The share rises by ${short(points - old, 2)} %, nobody has ${short(free, 2)} % to give.`);
        return encodeFunctionData({ abi: poolAbi, functionName: "setBorrowerAllocations", args: old === points ? [[who], [points]] : [[who, nobody], [points, left]] });
      }
      case "restriction":
      case "lift":
        return encodeFunctionData({ abi: poolAbi, functionName: "setBorrowingRestriction", args: [who, kind === "restriction"] });
      case "rate":
        return encodeFunctionData({ abi: poolAbi, functionName: "setRewardsPerSecond", args: [number(tokens.rewards)] });
      case "window": {
        const days = number({ symbol: "days", decimals: 4 });
        return encodeFunctionData({ abi: poolAbi, functionName: "setBlackoutWindow", args: [(days * 86_400n) / 10_000n] });
      }
      case "grant":
      case "revoke":
        return encodeFunctionData({ abi: poolAbi, functionName: kind === "grant" ? "grantRole" : "revokeRole", args: [idOf(role), who] });
    }
  }

  async function make(): Promise<void> {
    try {
      const data = await call();
      setMade({ call: decode(data, [poolAbi])!, calls: [{ to: pool, data }], title: of.title, refused: null });
    } catch (error) {
      setProblem((error as Error).message.split("\n")[0]!);
    }
  }

  const file = (name: string, text: string): void => download(name, "application/json", text);
  const listed = (calls: readonly Proposed[]) => calls.map(({ to, data }) => ({ call: decode(data, [poolAbi]) ?? "", data, to: to.toLowerCase(), value: "0" }));
  return (
    <Section title="Make a proposal">
      <form
        className="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <div className="field">
          <label htmlFor={`${id}k`}>What</label>
          <select id={`${id}k`} value={kind} onChange={(event) => change(setKind)(event.target.value as Kind)}>
            {Object.entries(KINDS).map(([key, { title }]) => (
              <option key={key} value={key}>
                {title}
              </option>
            ))}
          </select>
        </div>
        {of.account && (
          <div className="field">
            <label htmlFor={`${id}a`}>{of.account}</label>
            <input id={`${id}a`} type="text" spellCheck={false} autoComplete="off" value={account} placeholder="0x…" onChange={(event) => change(setAccount)(event.target.value)} />
          </div>
        )}
        {(kind === "grant" || kind === "revoke") && (
          <div className="field">
            <label htmlFor={`${id}r`}>Role</label>
            <select id={`${id}r`} value={role} onChange={(event) => change(setRole)(event.target.value)}>
              {ROLES.map(([name]) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </div>
        )}
        {of.value && (
          <div className="field">
            <label htmlFor={`${id}v`}>{of.value}</label>
            <input id={`${id}v`} inputMode="decimal" autoComplete="off" value={value} placeholder="0" onChange={(event) => change(setValue)(event.target.value)} />
          </div>
        )}
        {kind === "cap" && value.trim() === "0" && <p className="warning">Without a cap a borrower that stakes what it borrowed can take more than its share.</p>}
        {["share", "window"].includes(kind) && <p className="note">{state.state.inBlackoutWindow ? "The blackout window is running: this is refused until the next epoch." : `The blackout window begins ${time(windowStart(state))}: a proposal that is executed later than that is refused.`}</p>}
        <button type="submit" className="go">
          Make the proposal
        </button>
        {problem && (
          <p className="poor" role="alert">
            {problem}
          </p>
        )}
      </form>
      {made && (
        <div className="card">
          <h3>{made.title}</h3>
          <p>
            <code>{made.call}</code>
          </p>
          <p className="note">To the pool, <code>{pool}</code></p>
          <div className="field">
            <label htmlFor={`${id}d`}>Delay of the timelock, days</label>
            <input id={`${id}d`} inputMode="numeric" value={delay} onChange={(event) => setDelay(event.target.value)} />
          </div>
          <p className="buttons">
            <button type="button" className="quiet" onClick={() => file("safe.json", safe(deployment.chainId, made.title, made.calls, Date.now()))}>
              File for a Safe
            </button>
            <button type="button" className="quiet" disabled={!/^\d{1,4}$/.test(delay)} onClick={() => file("timelock.json", pretty({ ...timelock(made.title, made.calls, BigInt(delay) * 86_400n), calls: listed(made.calls) }))}>
              File for a timelock
            </button>
            <button type="button" className="quiet" onClick={() => file("governor.json", pretty({ ...governor(made.title, made.calls), calls: listed(made.calls) }))}>
              File for a governor
            </button>
          </p>
        </div>
      )}
    </Section>
  );
}

function Decode() {
  const id = useId();
  const [text, setText] = useState("");
  const data = text.trim();
  const words = isHex(data) && data.length >= 10 ? decode(data, [poolAbi, merkleDistributorAbi, trustedBorrowerL2ProxyAbi, claimsProxyAbi]) : null;
  return (
    <Section title="What does this call do?">
      <div className="form">
        <div className="field">
          <label htmlFor={id}>Call data</label>
          <textarea id={id} rows={3} spellCheck={false} value={text} placeholder="0x…" onChange={(event) => setText(event.target.value)} />
        </div>
        <p role="status" id="decoded">
          {data === "" ? "" : words ? <code>{words}</code> : isHex(data) ? "None of the pool's, the distributor's or a borrower's functions is called like this." : "Call data starts with 0x and consists of hexadecimal digits."}
        </p>
      </div>
    </Section>
  );
}

const TOLD = new Set(["RoleGranted", "RoleRevoked", "RewardsPerSecondUpdated", "EpochParametersChanged", "BlackoutWindowChanged", "ScheduledBorrowerAllocationChange", "BorrowerCapChanged", "BorrowingRestrictionChanged", "OwnerProposed", "SurplusSwept", "DiamondCut", "OperatorDecreasedBorrowerDebt", "OperatorDecreasedStakerDebt"]);

function Past() {
  const events = useEvents();
  const rows = (events.data ?? []).filter(({ name }) => TOLD.has(name));
  const role = (value: unknown): string => ROLES.find(([name]) => idOf(name) === value)?.[0] ?? String(value);
  const written = (value: unknown): string => (typeof value === "object" && value !== null ? Object.entries(value).map(([key, inner]) => `${key} ${written(inner)}`).join(", ") : role(value));
  /** Too long to be read whole: which facets, and how many functions of each. */
  const cut = (args: Readonly<Record<string, unknown>>): string => {
    const ACTIONS = ["adds", "replaces", "removes"];
    const facets = (args["_diamondCut"] ?? []) as readonly { facetAddress: string; action: number; functionSelectors: readonly string[] }[];
    return facets.map(({ facetAddress, action, functionSelectors }) => `${ACTIONS[action] ?? "?"} ${functionSelectors.length} functions, facet ${facetAddress}`).join("; ");
  };
  return (
    <Section title="What was changed">
      {events.data && rows.length === 0 && <p className="note">Nothing yet.</p>}
      {rows.length > 0 && (
        <Table label="Table of changes">
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Event</th>
              <th scope="col">What</th>
            </tr>
          </thead>
          <tbody>
            {[...rows].reverse().slice(0, 100).map((row) => (
              <tr key={`${row.block}:${row.index}`}>
                <th scope="row">{time(row.time)}</th>
                <td className="text">{row.name}</td>
                <td className="text">{row.name === "DiamondCut" ? cut(row.args) : written(row.args)}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </Section>
  );
}
