import { defineConfig } from "vite";

// Relative addresses, so that the folder works wherever it is put. No source maps: the source is the repository.
export default defineConfig({
  base: "./",
  // The typed client of the API lives beside its description; what it needs is installed here.
  resolve: { dedupe: ["openapi-fetch"] },
  build: {
    rolldownOptions: {
      // Marks of another kind of bundler, in wagmi's files.
      onLog: (level, log, handle) => log.code !== "MODULE_LEVEL_DIRECTIVE" && handle(level, log),
    },
    outDir: "dist", target: "es2022", modulePreload: { polyfill: false }, chunkSizeWarningLimit: 700, reportCompressedSize: false,
  },
  worker: { format: "es" },
  server: { host: "127.0.0.1" },
  test: { include: ["src/**/*.test.ts"], testTimeout: 60_000 },
} as import("vite").UserConfig);
