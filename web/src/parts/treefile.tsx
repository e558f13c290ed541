// Where files are dropped or chosen, and what the engine makes of them.
import { useEffect, useId, useState } from "react";
import type { Address } from "viem";
import type { Answer } from "../lib/engine";
import { t } from "../lib/words";

/** Files above this size are refused: the browser would run out of memory. */
const MOST = 400 * 1024 * 1024;

export interface Dropped {
  readonly name: string;
  readonly file: File;
}

interface Props {
  readonly label: string;
  /** Several files, or a folder, for the inputs of an epoch; else one. */
  readonly many?: boolean;
  readonly onFiles: (files: readonly Dropped[] | null) => void;
}

/** Files of a dropped folder, with their paths; plain files as they are. */
async function entries(transfer: DataTransfer): Promise<Dropped[]> {
  const found: Dropped[] = [];
  const walk = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      found.push({ name: entry.fullPath.replace(/^\//, ""), file });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (part.length === 0) return;
      for (const one of part) await walk(one);
    }
  };
  // All entries are asked for before anything waits: afterwards the transfer is empty.
  for (const entry of [...transfer.items].map((item) => item.webkitGetAsEntry())) if (entry) await walk(entry);
  return found;
}

export function TreeFile({ label, many, onFiles }: Props) {
  const id = useId();
  const [names, setNames] = useState("");
  const [over, setOver] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const take = (files: readonly Dropped[]): void => {
    if (files.length === 0) return;
    const size = files.reduce((sum, { file }) => sum + file.size, 0);
    setNames(files.length > 6 ? t("{count} files", { count: files.length }) : files.map(({ name }) => name).join(", "));
    if (size > MOST) {
      setProblem(t("{size} bytes; at most {most} are read. The command tidepool rewards verify has no such limit.", { size, most: MOST }));
      return onFiles(null);
    }
    setProblem(null);
    onFiles(files);
  };
  const chosen = (list: FileList | null): Dropped[] => [...(list ?? [])].map((file) => ({ name: file.webkitRelativePath || file.name, file }));
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
        void entries(event.dataTransfer).then((files) => take(many ? files : files.slice(0, 1)));
      }}
    >
      <p>
        <label htmlFor={id}>{label}</label>
      </p>
      <input
        id={id}
        type="file"
        multiple={many ?? false}
        accept=".json,.jsonl,.ndjson,.csv,.toml,application/json,text/csv"
        {...(many ? { webkitdirectory: "" } : {})}
        onChange={(event) => take(chosen(event.target.files))}
      />
      {names && <p className="note">{names}</p>}
      {problem && (
        <p className="poor" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

/** What the engine finds in files; nothing while it works or while there are none. */
export function useTree(files: readonly Dropped[] | null, against: Dropped | null, account: Address | null): Answer | null {
  const [answer, setAnswer] = useState<Answer | null>(null);
  useEffect(() => {
    setAnswer(null);
    if (files === null) return;
    const worker = new Worker(new URL("../lib/engine.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Answer>) => setAnswer(data);
    worker.onerror = () => setAnswer({ stopped: "worker" });
    worker.postMessage({ files, against, account });
    return () => worker.terminate();
  }, [files, against, account]);
  return answer;
}

/** Why there is no tree, in words. */
export const flaw = (answer: Answer | null): string | null =>
  answer === null || "root" in answer ? null : "problem" in answer ? answer.problem : t("The rewards engine could not be started in this browser: {reason}", { reason: answer.stopped });
