// Rebuilds a tree beside the page, so that a large one does not stop it.
import type { Address } from "viem";
import { build, firstDifference, parseTree, type Built, type Entry } from "./tree";

export interface Job {
  readonly text: string;
  readonly against: string | null;
  readonly account: Address | null;
}
export type Answer = { readonly built: Built; readonly difference: ReturnType<typeof firstDifference> | undefined } | { readonly problem: string };

self.onmessage = ({ data }: MessageEvent<Job>) => {
  let answer: Answer;
  try {
    const entries: Entry[] = parseTree(data.text);
    answer = { built: build(entries, data.account), difference: data.against === null ? undefined : firstDifference(entries, parseTree(data.against)) };
  } catch (error) {
    answer = { problem: (error as Error).message };
  }
  self.postMessage(answer);
};
