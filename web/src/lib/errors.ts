// Why a contract refused, in plain words. One sentence for each typed error; `{name:kind}` stands for an argument of the error.
//
// Kinds: a amount of the staked token, r amount of the rewards token, t moment, d length of time, p basis points, h address, x as it is.
import { decodeErrorResult, type Hex } from "viem";
import { errorAbi } from "../../abi/errorAbi";
import { amount, duration, percent, shortAddress, time, type Token } from "./format";

const WORDS: Readonly<Record<string, string>> = {
  // Epochs
  EpochZeroNotStarted: "The pool opens {start:t}. Until then nothing can be staked.",
  EpochZeroNotInFuture: "Epoch zero would start {start:t}, which is not later than now ({timestamp:t}).",
  EpochOverflow: "This is epoch {epoch:x}; records reach up to epoch {maximum:x} only.",
  EpochStartOverflow: "Epoch {epoch:x}, at {interval:x} seconds each, starts beyond what can be counted.",
  BlackoutWindowExceedsHalfEpoch: "The blackout window ({blackoutWindow:d}) is longer than half an epoch ({interval:d}).",
  BlackoutWindowTooShort: "The blackout window ({blackoutWindow:d}) is shorter than {minimum:d}.",
  EpochTooLong: "The epoch ({interval:d}) is longer than {maximum:d}.",
  OffsetOverflow: "The start of epoch zero ({offset:x}) is above {maximum:x}.",
  InBlackoutWindow: "Requests and schedules are closed in the blackout window, the last {blackoutWindow:d} of each epoch. The next epoch starts in {timeRemaining:d}.",
  EndsInBlackoutWindow: "Under the new schedule this moment would lie in the blackout window: {timeRemaining:d} would be left, the window is {blackoutWindow:d} long.",
  EpochNumberChanged: "The present epoch would become number {proposed:x} instead of {current:x}.",
  EpochStartChanged: "The running epoch would start {proposed:t} instead of {current:t}.",
  // Balances
  BalanceOverflow: "A balance would be {balance:x}, above the most that can be recorded, {maximum:x}.",
  InsufficientBalance: "{requested:a} would be taken from a balance of {available:a}. This should not be possible: please report it.",
  InsufficientActiveBalance: "{requested:a} was asked for, but only {available:a} stay active next epoch.",
  InsufficientRequestedBalance: "{requested:a} would be cancelled, but only {available:a} were requested in this epoch.",
  InsufficientInactiveBalance: "{requested:a} was asked for, but only {available:a} are inactive.",
  InsufficientUnborrowedStake: "{requested:a} was asked for, but only {available:a} are in the pool and not lent out.",
  ShortfallNotMarked: "Loans ({borrowed:a}) exceed the active stake ({active:a}). Until somebody marks the debt, stake neither comes nor goes. Anybody can mark it.",
  // Rewards
  RewardsRateTooHigh: "{requested:x} reward units a second were asked for; the most is {maximum:x}.",
  IndexOverflow: "The rewards index would be {index:x}, above {maximum:x}. This should not be possible: please report it.",
  AccruedOverflow: "Rewards would be {accrued:x} units, above {maximum:x}. This should not be possible: please report it.",
  IndexDecreased: "The account is settled at index {settled:x}, beyond the pool's {index:x}. This should not be possible: please report it.",
  // Loans and debt
  ArrayLengthMismatch: "{borrowers:x} borrowers were named with {values:x} values.",
  AllocationTooHigh: "A share of {allocation:p} is larger than the whole, {maximum:p}.",
  AllocationSumChanged: "The new shares sum to {proposed:p}; they must sum to {required:p}, what these borrowers have for the next epoch.",
  CapTooHigh: "The cap {cap:x} is above the most that can be recorded, {maximum:x}.",
  ZeroAmount: "The amount is zero. Nothing is borrowed or repaid by that.",
  BorrowingRestricted: "{borrower:h} may not borrow until governance allows it again.",
  BorrowExceedsAvailable: "{requested:a} was asked for, but only {available:a} are neither lent nor inactive.",
  BorrowExceedsAllocation: "The loan would be {borrowed:a}, above the borrower's share of {limit:a}.",
  BorrowExceedsCap: "The loan would be {borrowed:a}, above the borrower's cap of {cap:a}.",
  RepayExceedsBorrowed: "{requested:a} would be repaid, but only {borrowed:a} are borrowed.",
  BorrowerNotOverdue: "The loan of {borrowed:a} is within the borrower's share of {allocated:a}: it is not overdue.",
  NoShortfall: "There is nothing to mark: loans ({borrowed:a}) do not exceed the active stake ({active:a}).",
  ShortfallNotCovered: "The named borrowers are overdue by less than the shortfall: {covered:x} of {required:x} ten-thousandths of a unit. Name all overdue borrowers.",
  UnknownShortfall: "There is no shortfall number {index:x}; there were {count:x}.",
  TooManyShortfalls: "There were {count:x} shortfalls, the most that can be recorded is {maximum:x}.",
  ExceedsDebt: "{requested:a} was asked for, but the debt is {debt:a}.",
  InsufficientRepaidDebt: "{requested:a} was asked for, but only {available:a} of the debt have been repaid and not withdrawn yet.",
  SettlementEpochOutOfRange: "Epoch {epoch:x} lies outside of the epochs that can be settled, {minimum:x} to {maximum:x}.",
  InvalidBorrower: "{borrower:h} cannot be a borrower.",
  // Addresses and tokens
  InvalidStaker: "{staker:h} cannot hold stake: it is the zero address or the pool itself.",
  InvalidRecipient: "{recipient:h} cannot receive tokens: it is the zero address or the pool itself.",
  ReceivedAmountMismatch: "The token delivered {received:a} where {expected:a} were due, for example because it takes a fee.",
  SafeErc20FailedOperation: "The token {token:h} refused to move. The payer holds or allows too little, or the token is paused.",
  // The stake as a token
  ERC20InsufficientBalance: "{needed:a} would be transferred, but only {balance:a} of {sender:h} stay active next epoch.",
  ERC20InvalidSender: "{sender:h} cannot transfer stake.",
  ERC20InvalidReceiver: "{receiver:h} cannot hold stake.",
  ERC20InvalidApprover: "{approver:h} cannot allow anything.",
  ERC20InvalidSpender: "{spender:h} cannot be allowed anything.",
  ERC20InsufficientAllowance: "{spender:h} may transfer {allowance:a}, but {needed:a} was asked for.",
  ERC20FailedDecreaseAllowance: "{spender:h} may transfer {currentAllowance:a}; that cannot be lowered by {requestedDecrease:a}.",
  AllowanceOverflow: "The allowance of {currentAllowance:x} units cannot be raised by {requestedIncrease:x}.",
  ERC2612ExpiredSignature: "The signed permission was valid until {deadline:t}. Sign again.",
  ERC2612InvalidSigner: "The permission was signed by {signer:h}, not by {owner:h}.",
  ECDSAInvalidSignature: "The signature is not valid.",
  ECDSAInvalidSignatureS: "The signature has the form that is not accepted (high s).",
  // Roles
  AccessControlUnauthorizedAccount: "{account:h} does not hold the role that this needs ({neededRole:x}).",
  AccessControlBadConfirmation: "One gives up only one's own roles.",
  LastOwner: "{owner:h} is the last owner; somebody must stay owner.",
  InvalidOwner: "{owner:h} cannot be owner.",
  NotProposedOwner: "The owner role is offered to {proposed:h}, not to {caller:h}.",
  NotProposingOwner: "The owner role is offered by {proposing:h}, not by {owner:h}.",
  // Construction
  AlreadyInitialized: "The pool is constructed already.",
  NotConstructing: "This is possible only while the pool is constructed.",
  NotStylusDeployer: "Only the StylusDeployer ({deployer:h}) constructs, not {caller:h}.",
  InvalidToken: "There is no token at {token:h}.",
  InvalidTreasury: "{treasury:h} cannot be the treasury.",
  InvalidDistribution: "The distribution would end {end:t}, before its start {start:t}.",
  DistributionEndOverflow: "The distribution would end at second {end:x}, after {maximum:x}.",
  InvalidTextLength: "The name or symbol has {length:x} bytes; 1 to {maximum:x} are allowed.",
  UnprintableText: "Byte {position:x} of the name or symbol ({character:x}) is not printable ASCII.",
  MissingDecimals: "The token {token:h} does not say how many decimals it has.",
  TooManyDecimals: "The token has {decimals:x} decimals; at most {maximum:x} are allowed.",
  // Routing
  UnknownSelector: "The pool does not know the function {selector:x}.",
  MissingSelector: "The call has {length:x} bytes; {minimum:x} name a function.",
  InvalidFacet: "There is no program at {facet:h}.",
  RemovedFacetNotZero: "A removal must name the zero address, not {facet:h}.",
  InvalidCutAction: "There is no cut action {action:x}; the last is {maximum:x}.",
  NoSelectors: "The cut of {facet:h} names no function.",
  DuplicateSelector: "The function {selector:x} is routed to {facet:h} already.",
  CannotRemoveDiamondCut: "The function diamondCut ({selector:x}) cannot be removed, only replaced.",
  RequiredSelectorUnrouted: "Nobody would answer {selector:x}, which must always be answered.",
  FacetDoesNotCut: "{facet:h} does not say that it cuts: this could be the last cut.",
  InvalidInitializer: "There is no program at {init:h} to initialise with.",
  // The rewards distributor
  CidTooLong: "The CID has {length:x} bytes; at most {maximum:x} are allowed.",
  ClaimNotAllowed: "{account:h} has not allowed others to claim for it, and {caller:h} is no claim operator.",
  CumulativeAmountDecreased: "The tree credits {cumulativeAmount:r}, but {claimed:r} were paid already: the proof is of an older tree.",
  InvalidMerkleProof: "The proof leads to the root {proven:x}, the active one is {active:x}: the proof is of another tree.",
  InvalidOracle: "There is no contract at {oracle:h}.",
  InvalidTraderScoreAlpha: "Alpha is {traderScoreAlpha:x}; the most is {maximum:x}.",
  IpfsEpochZeroNotStarted: "An update period ago ({timestamp:t}) epoch zero had not started ({start:t}).",
  IpfsPeriodExceedsTime: "The update period ({period:d}) is longer than time is old.",
  IpnsNameTooLong: "The name has {length:x} bytes; at most {maximum:x} are allowed.",
  MalformedOracleAnswer: "The oracle {oracle:h} did not answer a root, an epoch and a CID.",
  NoProposedRoot: "No root is proposed, or it was cancelled.",
  OffsetTooFar: "Epoch zero would start at second {offset:x}, later than {maximum:x}.",
  OracleFailed: "The oracle {oracle:h} refused to answer.",
  OracleRootUnset: "The oracle knows no root yet.",
  RewardsAmountTooHigh: "{amount:x} units of rewards an epoch are above {maximum:x}.",
  RootAlreadyProposed: "The root {merkleRoot:x} of epoch {epoch:x} was proposed already.",
  RootWasCancelled: "The root {merkleRoot:x} of epoch {epoch:x} was cancelled.",
  UnexpectedOracleEpoch: "The oracle's root is of epoch {epoch:x}; the next must be of epoch {next:x}.",
  UnexpectedProposedEpoch: "The proposed root is of epoch {epoch:x}, the next must be of epoch {next:x}: it is active already.",
  UnexpectedRoot: "The proposed root is {proposed:x}, not {expected:x}.",
  UpdatesNotPaused: "Root updates are not paused.",
  UpdatesPaused: "Root updates are paused.",
  WaitingPeriodNotElapsed: "The proposed root waits until {waitingPeriodEnd:t}; it is {timestamp:t}.",
  ZeroInterval: "Epochs cannot have no length.",
  InvalidModule: "There is no contract at {module:h}.",
  InvalidModuleAnswer: "{module:h} did not answer an amount.",
  TotalOverflow: "{total:x} and {added:x} together are more than can be counted.",
  // The borrower's proxy
  ApprovedAmountOverflow: "The approved amount {approved:x} cannot be raised by {increase:x}.",
  BalanceDecreased: "The proxy's balance fell from {balanceBefore:a} to {balanceAfter:a}, which this call must not do.",
  BalanceIncreased: "The proxy's balance rose from {balanceBefore:a} to {balanceAfter:a}, which this call must not do.",
  BorrowedTokenNotWithdrawable: "{token:h} is the borrowed token, which has a function of its own.",
  BorrowingRestrictedByGuardian: "The guardian has restricted this proxy: it may not borrow.",
  DepositBeingCancelled: "The deposit to vault {vaultId:x} is being cancelled.",
  DepositOfBorrowedFunds: "The proxy holds {held:a} and owes {owed:a}: borrowed funds go to allowed vaults only.",
  DepositVaultAlreadyAllowed: "Vault {vaultId:x} is on the list already, allowed from {allowedFrom:t}.",
  DepositVaultAlreadyDisallowed: "Vault {vaultId:x} is not on the list.",
  DepositVaultNotAllowed: "Vault {vaultId:x} may not be deposited to (allowed from second {allowedFrom:x}; 0: never).",
  ExceedsWithdrawableBalance: "{requested:a} was asked for; {excess:a} are held beyond what is owed and {approved:a} are approved by the guardian.",
  ForcedTradeNotQueued: "The forced trade {argsHash:x} is not queued.",
  ForcedTradeTooEarly: "The forced trade is possible from {earliest:t}; it is {timestamp:t}.",
  ForcedTradeTooLate: "The forced trade was possible until {latest:t}; it is {timestamp:t}.",
  InsufficientFundsToRepay: "The proxy holds {held:a}, but {required:a} are to be repaid. Bring tokens back from the exchange first.",
  InvalidContract: "There is no contract at {account:h}.",
  InvalidRoleHolder: "{account:h} cannot hold the role {role:x}.",
  LastRoleHolder: "{account:h} is the last holder of the role {role:x}.",
  NoOverdueDebt: "Nothing is overdue.",
  NotInBlackoutWindow: "This is possible in the blackout window only.",
  RecipientAlreadyAllowed: "{recipient:h} is allowed already.",
  RecipientAlreadyDisallowed: "{recipient:h} is not allowed anyway.",
  RecipientNotAllowed: "{recipient:h} is not on the list of recipients.",
  StarkKeyAlreadyAllowed: "The STARK key {starkKey:x} is allowed already.",
  StarkKeyAlreadyDisallowed: "The STARK key {starkKey:x} is not allowed anyway.",
  StarkKeyIsBlocked: "The guardian has blocked the STARK key {starkKey:x}.",
  StarkKeyNotAllowed: "The STARK key {starkKey:x} is not allowed.",
  StarkKeyNotRegistered: "The STARK key {starkKey:x} is registered to {ethKey:h}, not to the proxy.",
  TokenMismatch: "The exchange's token {token:h} is not the pool's, {stakedToken:h}.",
  UnreadableAnswer: "{account:h} answered something that cannot be read.",
};

/** What an amount in an error is an amount of. */
export interface Units {
  readonly staked: Token;
  readonly rewards: Token;
}

export { errorAbi };

/** The sentence of an error, for a test that walks all of them. */
export const words = (name: string): string | undefined => (Object.hasOwn(WORDS, name) ? WORDS[name] : undefined);

function written(value: unknown, kind: string, units: Units): string {
  if (typeof value === "number") return written(BigInt(value), kind, units);
  if (typeof value !== "bigint") return kind === "h" && typeof value === "string" ? shortAddress(value) : String(value);
  switch (kind) {
    case "a":
      return amount(value, units.staked);
    case "r":
      return amount(value, units.rewards);
    case "t":
      return time(value);
    case "d":
      return duration(value);
    case "p":
      return percent(value);
    default:
      return String(value);
  }
}

/** A contract's refusal in plain words, from the data of its revert. */
export function explainRevert(data: Hex, units: Units): string {
  if (data === "0x") return "The contract refused without a reason: a program of the pool may have expired, or the call came in the middle of another one.";
  try {
    const { errorName, args } = decodeErrorResult({ abi: errorAbi, data });
    const inputs = errorAbi.find((entry) => entry.name === errorName)?.inputs ?? [];
    const sentence = words(errorName);
    if (sentence) {
      const told = sentence.replace(/\{(\w+):(\w)\}/g, (_, name: string, kind: string) =>
        written((args as readonly unknown[] | undefined)?.[inputs.findIndex((input) => input.name === name)], kind, units),
      );
      return `${told} (${errorName})`;
    }
  } catch {
    // Not one of ours: below.
  }
  try {
    const { errorName, args } = decodeErrorResult({ data });
    return `${errorName}: ${String(args?.[0] ?? "")}`;
  } catch {
    return `The contract refused with ${data.slice(0, 74)}, which none of the pool's errors is.`;
  }
}

/** What wallets and nodes throw, in plain words. */
export function explain(error: unknown, units: Units): string {
  const chain: Record<string, unknown>[] = [];
  for (let at: unknown = error; typeof at === "object" && at !== null && chain.length < 12; at = (at as { cause?: unknown }).cause) chain.push(at as Record<string, unknown>);
  for (const link of chain) {
    const data = link["data"] ?? link["raw"];
    const hex = typeof data === "object" && data !== null ? (data as Record<string, unknown>)["data"] : data;
    if (typeof hex === "string" && /^0x([0-9a-f]{2})*$/i.test(hex) && hex.length >= 10) return explainRevert(hex as Hex, units);
  }
  const code = chain.map((link) => link["code"]).find((code) => typeof code === "number");
  if (code === 4001 || chain.some((link) => link["name"] === "UserRejectedRequestError")) return "You declined in your wallet. Nothing was sent.";
  if (code === -32002) return "Your wallet has a question open already. Open the wallet and answer it.";
  if (code === 4100) return "Your wallet is locked or does not let this page use the account. Unlock it and connect again.";
  if (code === 4900 || code === 4901) return "Your wallet has no connection to the chain.";
  if (code === 5750) return "You declined in your wallet to make your account able to batch. Nothing was sent.";
  if (chain.some((link) => ["HttpRequestError", "TimeoutError", "WebSocketRequestError"].includes(String(link["name"])))) return "The node does not answer. Check your connection, or name another node below.";
  const first = chain[0];
  const told = String(first?.["shortMessage"] ?? first?.["details"] ?? first?.["message"] ?? error);
  return told.split("\n")[0]!.slice(0, 300);
}
