// Whether there is a server, and whether it can be used: it is asked every few seconds, and without it the pages go on from the chain.
import { useQuery } from "@tanstack/react-query";
import type { components } from "../../../typescript/api/schema";
import { useApp } from "../app";

export type Health = components["schemas"]["Health"];

export interface Server {
  /** Its URL, before `/v1`; nothing if none is configured. */
  readonly url: string | null;
  readonly health: Health | undefined;
  readonly down: boolean;
  /** Its URL if its data can be shown: it answers, follows the head, and is of this pool. */
  readonly usable: string | null;
  readonly foreign: boolean;
}

export function useHealth(): Server {
  const { deployment, pool } = useApp();
  const url = deployment.server;
  const asked = useQuery({
    queryKey: ["server", url],
    enabled: url !== null,
    refetchInterval: 4_000,
    retry: false,
    // A server that does not answer is down at once, whatever it said before.
    queryFn: async ({ signal }) => {
      const within = AbortSignal.any([signal, AbortSignal.timeout(8_000)]);
      const health = (await (await fetch(`${url}/health`, { cache: "no-store", signal: within })).json()) as Health;
      if (health.live !== true) throw new Error("not a server of this kind");
      const of = health.ready ? ((await (await fetch(`${url}/v1/pool`, { signal: within })).json()) as components["schemas"]["At_PoolState"]).data.address : null;
      return { health, of };
    },
  });
  const down = url !== null && asked.isError;
  const { health, of } = down ? { health: undefined, of: null } : (asked.data ?? { health: undefined, of: null });
  const foreign = typeof of === "string" && of.toLowerCase() !== pool.toLowerCase();
  return { url, health, down, foreign, usable: health?.ready && !foreign ? url : null };
}
