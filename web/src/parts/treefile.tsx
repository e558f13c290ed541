// Where a tree file is dropped or chosen, and what its worker answers.
import { useEffect, useId, useState } from "react";
import type { Address } from "viem";
import type { Answer } from "../lib/tree.worker";

/** Files above this size are refused: the browser would run out of memory. */
const MOST = 200 * 1024 * 1024;

export function TreeFile({ label, onText }: { label: string; onText: (text: string | null, name: string) => void }) {
  const id = useId();
  const [name, setName] = useState("");
  const [over, setOver] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const take = (file: File | undefined): void => {
    if (!file) return;
    setName(file.name);
    if (file.size > MOST) {
      setProblem(`${file.name} has ${file.size} bytes; at most ${MOST} are read.`);
      return onText(null, file.name);
    }
    setProblem(null);
    void file.text().then((text) => onText(text, file.name));
  };
  return (
    <div
      className={`drop${over ? " over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer.files[0]);
      }}
    >
      <p>
        <label htmlFor={id}>{label}</label>
      </p>
      <input id={id} type="file" accept=".json,application/json" onChange={(event) => take(event.target.files?.[0])} />
      {name && <p className="note">{name}</p>}
      {problem && (
        <p className="poor" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

/** What the worker finds in a file; nothing while it works or while there is no file. */
export function useTree(text: string | null, against: string | null, account: Address | null): Answer | null {
  const [answer, setAnswer] = useState<Answer | null>(null);
  useEffect(() => {
    setAnswer(null);
    if (text === null) return;
    const worker = new Worker(new URL("../lib/tree.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Answer>) => setAnswer(data);
    worker.onerror = () => setAnswer({ problem: "The worker that rebuilds the tree could not be started." });
    worker.postMessage({ text, against, account });
    return () => worker.terminate();
  }, [text, against, account]);
  return answer;
}
