// The pages that there are. The first one is in the first bundle, the others come when they are opened.
import type { ComponentType } from "react";
import { later } from "../lib/words";

export interface Page {
  readonly path: string;
  /** A sentence for `t`. */
  readonly name: string;
  /** Absent for the page that is in the first bundle. */
  readonly load?: () => Promise<{ default: ComponentType }>;
}

export const PAGES: readonly Page[] = [
  { path: "pool", name: later("Pool") },
  { path: "stake", name: later("Stake"), load: () => import("../pages/stake") },
  { path: "borrowers", name: later("Borrowers"), load: () => import("../pages/borrowers") },
  { path: "debt", name: later("Debt"), load: () => import("../pages/debt") },
  { path: "rewards", name: later("Rewards"), load: () => import("../pages/rewards") },
  { path: "verify", name: later("Verify"), load: () => import("../pages/verify") },
  { path: "governance", name: later("Governance"), load: () => import("../pages/governance") },
  { path: "status", name: later("Status"), load: () => import("../pages/status") },
  { path: "learn", name: later("Learn"), load: () => import("../pages/learn") },
];
