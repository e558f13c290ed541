// The client of the API against the description that it is generated from.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { api } from "../dist/api/index.js";

test("the types are those of the committed description", () => {
  const fresh = join(mkdtempSync(join(tmpdir(), "api-")), "schema.ts");
  execFileSync("npx", ["--no-install", "openapi-typescript", "../server/openapi.json", "--output", fresh], { stdio: "pipe" });
  assert.equal(readFileSync("api/schema.ts", "utf8"), readFileSync(fresh, "utf8"), "stale: npm run api");
});

test("a question is asked at its path, and answered with data or a problem", async () => {
  const asked = [];
  const fetch = async (request) => {
    asked.push(request.url);
    const isBad = request.url.includes("0x12");
    const body = isBad ? { status: 400, title: "Bad Request", detail: "40 digits" } : { data: { epoch: "3" } };
    const kind = isBad ? "application/problem+json" : "application/json";
    return new Response(JSON.stringify(body), { status: isBad ? 400 : 200, headers: { "content-type": kind } });
  };
  const client = api("http://server.example");
  const { data } = await client.GET("/v1/pool", { fetch });
  assert.equal(data.data.epoch, "3");
  const { error } = await client.GET("/v1/stakers/{address}", { params: { path: { address: "0x12" } }, fetch });
  assert.equal(error.detail, "40 digits");
  assert.deepEqual(asked, ["http://server.example/v1/pool", "http://server.example/v1/stakers/0x12"]);
});
