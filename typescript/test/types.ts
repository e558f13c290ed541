// Checked by the compiler alone: arguments and results have the types of the interface, and what does not exist is an error.
import type { ContractErrorName, ContractFunctionArgs, ContractFunctionReturnType } from "viem";
import { poolAbi, trustedBorrowerL2ProxyAbi } from "../dist/index.js";

type Pool = typeof poolAbi;
const account = "0x0000000000000000000000000000000000000001";

export const caps: ContractFunctionArgs<Pool, "nonpayable", "setBorrowerCaps"> = [[account], [1n]];

declare const borrower: ContractFunctionReturnType<Pool, "view", "getBorrower">;
export const cap: bigint = borrower.cap;
export const overdue: boolean = borrower.overdue;

declare const schedule: ContractFunctionReturnType<Pool, "view", "getEpochParameters">;
export const interval: bigint = schedule.interval;

// Errors of the pool come through a proxy.
export const error: ContractErrorName<typeof trustedBorrowerL2ProxyAbi> = "BorrowExceedsAvailable";

// @ts-expect-error: an amount is a bigint
export const amount: ContractFunctionArgs<Pool, "nonpayable", "stake"> = [1];

// @ts-expect-error: there is no such error
export const unknown: ContractErrorName<Pool> = "NoSuchError";
