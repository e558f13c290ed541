import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { http } from "viem";
import { createConfig, createStorage, injected, noopStorage, WagmiProvider } from "wagmi";
import { AppProvider, chainOf, ownNode } from "./app";
import { linkedDeployment, ownDeployment, parseDeployment, type Deployment } from "./deployment";
import { ForeignScreen } from "./parts/foreign";
import { Shell } from "./parts/shell";
import { developmentConnectors } from "./wallet/development";

// Keys hold amounts and block numbers, which JSON does not know.
const queryKeyHashFn = (key: readonly unknown[]): string => JSON.stringify(key, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
const queries = new QueryClient({ defaultOptions: { queries: { queryKeyHashFn, retry: 1, refetchOnWindowFocus: false, structuralSharing: false } } });

function configOf(deployment: Deployment, rpc: string | null) {
  const chain = chainOf(deployment, rpc);
  const storage = (): Storage | typeof noopStorage => {
    try {
      return deployment.foreign ? noopStorage : localStorage;
    } catch {
      return noopStorage;
    }
  };
  return createConfig({
    chains: [chain],
    connectors: [...developmentConnectors(deployment, rpc), injected()],
    transports: { [chain.id]: http(rpc ?? undefined) },
    storage: createStorage({ key: `tidepool.wallet.${deployment.chainId}`, storage: storage() }),
    pollingInterval: 2_000,
  });
}

function Started({ deployment }: { deployment: Deployment }) {
  const rpc = deployment.foreign ? deployment.rpc : (ownNode(deployment.chainId) ?? deployment.rpc);
  const config = useMemo(() => configOf(deployment, rpc), [deployment, rpc]);
  return (
    <WagmiProvider config={config} reconnectOnMount={!deployment.foreign}>
      <QueryClientProvider client={queries}>
        <AppProvider deployment={deployment} rpc={rpc} config={config}>
          <Shell />
        </AppProvider>
      </QueryClientProvider>
    </WagmiProvider>
  );
}

function Choice({ own, linked }: { own: Deployment | null; linked: Deployment }) {
  const [accepted, setAccepted] = useState(false);
  return accepted ? <Started deployment={linked} /> : <ForeignScreen deployment={linked} own={own} accept={() => setAccepted(true)} />;
}

function Failed({ reason }: { reason: string }) {
  return (
    <main className="static">
      <h1>Tidepool</h1>
      <p role="alert">{reason}</p>
      <p>
        <a href="./">Load the page again</a>
      </p>
    </main>
  );
}

async function start(): Promise<void> {
  const root = createRoot(document.getElementById("root")!);
  const draw = (what: React.ReactNode): void => root.render(<StrictMode>{what}</StrictMode>);
  const link = linkedDeployment(location);
  if (link === null) {
    // A link that names a deployment and is opened in a page that runs already must be looked at as well.
    addEventListener("hashchange", () => linkedDeployment(location) !== null && location.reload());
    return ownDeployment().then((deployment) => draw(<Started deployment={deployment} />), (error: Error) => draw(<Failed reason={error.message} />));
  }
  const own = await ownDeployment().catch(() => null);
  try {
    draw(<Choice own={own} linked={parseDeployment(JSON.parse(link), true)} />);
  } catch (error) {
    draw(<Failed reason={`The link names a deployment that cannot be read: ${error instanceof SyntaxError ? "it is not JSON." : (error as Error).message}`} />);
  }
}

void start();
