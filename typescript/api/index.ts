// The API of `tidepool serve`, typed by its own description: `schema.ts` is generated from server/openapi.json (npm run api).
import createClient, { type Client } from "openapi-fetch";
import type { paths } from "./schema.js";

export type { components, paths } from "./schema.js";

/** A client of the server at this URL: `const { data, error } = await api(url).GET("/v1/pool")`. */
export const api = (baseUrl: string): Client<paths> => createClient<paths>({ baseUrl });
