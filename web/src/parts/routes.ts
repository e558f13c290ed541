// The pages that there are. The first one is in the first bundle, the others come when they are opened.
import type { ComponentType } from "react";

export interface Page {
  readonly path: string;
  readonly name: string;
  /** Absent for the page that is in the first bundle. */
  readonly load?: () => Promise<{ default: ComponentType }>;
}

export const PAGES: readonly Page[] = [
  { path: "pool", name: "Pool" },
  { path: "stake", name: "Stake", load: () => import("../pages/stake") },
  { path: "borrowers", name: "Borrowers", load: () => import("../pages/borrowers") },
  { path: "debt", name: "Debt", load: () => import("../pages/debt") },
  { path: "rewards", name: "Rewards", load: () => import("../pages/rewards") },
  { path: "verify", name: "Verify", load: () => import("../pages/verify") },
  { path: "governance", name: "Governance", load: () => import("../pages/governance") },
  { path: "learn", name: "Learn", load: () => import("../pages/learn") },
];
