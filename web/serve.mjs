// Serves the built pages, and the deployment that they speak to, on loopback. For development: no cache, no compression.
//
//   node web/serve.mjs DEPLOYMENT [PORT]      prints the address when it is ready
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("dist/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json", ".wasm": "application/wasm" };
/** What the page states holds for every file, but for the worker that runs the rewards engine: its policy is that of its own answer, and it alone may compile WebAssembly. */
const STATED = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(await readFile(join(ROOT, "index.html"), "utf8"))[1];
const ENGINE = "/assets/engine.worker-";
const policy = (path) => ({ "content-security-policy": `${path.startsWith(ENGINE) ? STATED.replace("script-src 'self'", "$& 'wasm-unsafe-eval'") : STATED}; frame-ancestors 'none'` });
const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY" };

/** Starts the server; answers its address and how to stop it. `deployment` is the path of a file, or nothing for none. */
export async function serve(deployment, port = 0) {
  const server = createServer(async (request, answer) => {
    try {
      const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname));
      const file = path === "/deployment.json" ? deployment : join(ROOT, path === "/" ? "index.html" : path);
      if (request.method !== "GET" || !file || (file !== deployment && !file.startsWith(ROOT))) throw new Error("not here");
      const body = await readFile(file);
      answer.writeHead(200, { ...HEADERS, ...policy(path), "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(body);
    } catch {
      answer.writeHead(404, { ...HEADERS, ...policy("/"), "content-type": "text/plain" }).end("There is nothing here.\n");
    }
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))) };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [deployment, port] = process.argv.slice(2);
  const { url } = await serve(deployment, Number(port ?? 0));
  console.log(url);
}
