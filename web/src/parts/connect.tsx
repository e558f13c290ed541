// The dialog in which a wallet is chosen: those that the browser announces (EIP-6963), and on the development chain a built-in one.
import { useEffect, useRef, useState } from "react";
import { useConnect, useConnection, useConnectors, useDisconnect, useSwitchChain } from "wagmi";
import { useApp } from "../app";
import { shortAddress } from "../lib/format";
import { explain } from "../lib/errors";
import { choose, DEVELOPMENT_WALLET } from "../wallet/development";

const NOBODY = { staked: { address: "0x", symbol: "", decimals: 0 }, rewards: { address: "0x", symbol: "", decimals: 0 } } as const;

export function Connect() {
  const app = useApp();
  const connection = useConnection();
  const dialog = useRef<HTMLDialogElement>(null);
  const { mutate: switchChain } = useSwitchChain();
  const open = (): void => dialog.current?.showModal();
  return (
    <div className="wallet">
      {app.wrongChain !== null && (
        <button type="button" className="warn" onClick={() => switchChain({ chainId: app.deployment.chainId })}>
          Switch to {app.chain.name}
        </button>
      )}
      <button type="button" className="connect" aria-haspopup="dialog" onClick={open}>
        {connection.status === "connected" && connection.address ? <>{shortAddress(connection.address)}</> : connection.status === "reconnecting" ? "Connecting …" : "Connect a wallet"}
      </button>
      <dialog ref={dialog} aria-labelledby="connect-title">
        <Choice close={() => dialog.current?.close()} />
      </dialog>
    </div>
  );
}

function Choice({ close }: { close: () => void }) {
  const { deployment } = useApp();
  const connection = useConnection();
  const connectors = useConnectors();
  const connect = useConnect();
  const disconnect = useDisconnect();
  const [account, setAccount] = useState(() => deployment.accounts.find(({ name }) => name.startsWith("staker"))?.name ?? deployment.accounts[0]?.name ?? "");
  const [slow, setSlow] = useState(false);
  const built = connectors.find(({ id }) => id === DEVELOPMENT_WALLET);
  // The generic connector is for wallets that announce nothing; where one does announce itself it would be there twice.
  const announced = connectors.filter(({ id, type }) => id !== DEVELOPMENT_WALLET && type === "injected" && id !== "injected");
  const generic = announced.length === 0 && typeof window !== "undefined" && "ethereum" in window ? connectors.find(({ id }) => id === "injected") : undefined;
  const wallets = generic ? [generic] : announced;

  useEffect(() => {
    if (!connect.isPending) return setSlow(false);
    const timer = setTimeout(() => setSlow(true), 8_000);
    return () => clearTimeout(timer);
  }, [connect.isPending]);

  const use = (connector: (typeof connectors)[number]): void => {
    connect.reset();
    connect.mutate({ connector }, { onSuccess: close });
  };

  return (
    <>
      <h2 id="connect-title">{connection.status === "connected" ? "Your wallet" : "Connect a wallet"}</h2>
      {connection.status === "connected" ? (
        <>
          <p>
            <code className="whole">{connection.address}</code>
          </p>
          <p className="note">
            {connection.connector?.name}, chain {connection.chainId}
          </p>
          <p className="buttons">
            <button type="button" className="quiet" onClick={() => disconnect.mutate({}, { onSuccess: close })}>
              Disconnect
            </button>
          </p>
        </>
      ) : (
        <>
          <p className="note">The page learns your address, nothing else. Each transaction is asked for in your wallet.</p>
          <ul className="wallets">
            {wallets.map((connector) => (
              <li key={connector.uid}>
                <button type="button" onClick={() => use(connector)} disabled={connect.isPending}>
                  {connector.icon?.startsWith("data:") && <img src={connector.icon.trim()} alt="" width="24" height="24" />}
                  {connector.name === "Injected" ? "The wallet of this browser" : connector.name}
                </button>
              </li>
            ))}
            {built && (
              <li className="built">
                <label htmlFor="development-account">Account of the development chain</label>
                <select id="development-account" value={account} onChange={(event) => setAccount(event.target.value)}>
                  {deployment.accounts.map(({ name, address }) => (
                    <option key={name} value={name}>
                      {name}, {shortAddress(address)}
                    </option>
                  ))}
                </select>
                <button
                  type="button"
                  disabled={connect.isPending}
                  onClick={() => {
                    choose(account);
                    use(built);
                  }}
                >
                  Development wallet
                </button>
                <p className="note">Signs without asking, with keys that everybody knows. It exists on this chain only.</p>
              </li>
            )}
          </ul>
          {wallets.length === 0 && !built && (
            <p>
              No wallet was found in this browser. Install one as an extension, or open this page in the browser of your wallet's app. Everything can be read without one.
            </p>
          )}
          {connect.isPending && <p role="status">{slow ? "Your wallet has not answered yet. It may be locked, or its question may be behind this window." : "Your wallet asks you …"}</p>}
          {connect.isError && (
            <p className="poor" role="alert">
              {explain(connect.error, NOBODY)}
            </p>
          )}
        </>
      )}
      <p className="buttons">
        <button type="button" className="quiet" onClick={close}>
          Close
        </button>
      </p>
    </>
  );
}
