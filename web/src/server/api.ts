// The server's data, typed by its own description. Past and lists only: what is present is read from the chain.
import { keepPreviousData, useQuery, type UseQueryResult } from "@tanstack/react-query";
import type { Client } from "openapi-fetch";
import type { paths } from "../../../typescript/api";
import { useHealth } from "./health";

type Asked<Answer> = (client: Client<paths>) => Promise<{ data?: Answer; error?: unknown; response: Response }>;

/** A problem that the server told of, in its own words. */
export class ServerProblem extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** An answer of the server, asked again as it goes on; nothing is asked while there is no server. The client comes when it is first needed. */
export function useServer<Answer>(key: readonly unknown[], ask: Asked<Answer>, options: { readonly enabled?: boolean; readonly often?: number } = {}): UseQueryResult<Answer, Error> {
  const { usable, health } = useHealth();
  const block = health?.block?.number ?? 0;
  return useQuery({
    queryKey: ["api", usable, ...key, options.often ? "" : block],
    enabled: usable !== null && options.enabled !== false,
    refetchInterval: options.often ?? false,
    placeholderData: keepPreviousData,
    retry: 1,
    queryFn: async () => {
      const { api } = await import("../../../typescript/api");
      const { data, error, response } = await ask(api(usable!));
      if (data === undefined) throw new ServerProblem(String((error as { detail?: unknown } | undefined)?.detail ?? `${response.status}`).slice(0, 300), response.status);
      return data;
    },
  });
}
