/** What a run is started with. Give a scenario (TOML), or a protocol and a number of nodes. */
export interface SimulationOptions {
  /** A scenario document (TOML); it says protocol and nodes itself. */
  scenario?: string;
  protocol?: "raft";
  /** How many nodes, 1 to 99; 5 where nobody says. */
  nodes?: number;
  /** A whole number below 2^53; the same seed gives the same run. */
  seed?: number;
  /** When the run ends, in milliseconds: at most, and without a scenario by itself, one hour. */
  until?: number;
  /** Whether records are made; without them a run is faster and its digest the same. True where nobody says. */
  records?: boolean;
}

/** Which records are wanted, and how much of them. */
export interface RecordsOptions {
  /** Only those after the record with this id. */
  since?: string;
  /** Whether each carries its line of a trace file; false where nobody says. */
  lines?: boolean;
}

/** One operation on the replicated key-value store, or a command in words where a scenario names another machine. */
export type Operation =
  | { set: { key: string; value: string } }
  | { get: { key: string } }
  | { delete: { key: string } }
  | { command: string };

/** Everything that can be known at one instant. Times are in milliseconds of the run. */
export interface View {
  at: number;
  protocol: string;
  name: string;
  nodes: NodeView[];
  clients: ClientView[];
  messages: MessageView[];
  /** Links that are cut, each in one direction: [from, to]. */
  cut: [string, string][];
  /** How many entries are committed, by the oracle's definition. */
  decided: number;
  violations: Violation[];
  ended: boolean;
}

export interface NodeView {
  id: string;
  liveness: "down" | "up" | "paused" | "crashed" | "broken";
  role: "follower" | "pre-candidate" | "candidate" | "leader" | "learner" | "observer";
  term: number;
  votedFor?: string;
  leader?: string;
  commit: number;
  applied: number;
  durable: number;
  /** On the node's own clock, in milliseconds. */
  timer?: { armed: number; deadline: number };
  /** Index of its newest snapshot. */
  snapshot?: number;
  /** The last entry that is no longer in `log`; 0 where it holds all. */
  compacted: number;
  log: Entry[];
}

export interface Entry {
  index: number;
  term: number;
  text: string;
  committed: boolean;
}

export interface MessageView {
  id: string;
  from: string;
  to: string;
  name: string;
  departed: number;
  arrives?: number;
  held: boolean;
}

export interface ClientView {
  id: string;
  operations: OperationView[];
}

export interface OperationView {
  number: number;
  operation: string;
  asked: number;
  attempts: number;
  to: string;
  told?: number;
  verdict?: "ok" | "failed" | "unknown" | "early";
  /** What became of it where it was answered before a quorum had it. */
  early?: "open" | "safe" | "lost";
  result?: string;
}

export interface Violation {
  at: number;
  node?: string;
  property: string;
  detail: string;
}

/** What became of one expectation of the scenario. */
export interface Expectation {
  /** The expectation in one line. */
  text: string;
  /** Whether it held; missing while that is open. */
  held?: boolean;
  /** What contradicts it, or when it came true. */
  detail: string;
}

/** One thing that happened. */
export interface TraceRecord {
  id: string;
  /** The record that brought it about. */
  cause?: string;
  at: number;
  node?: string;
  /** In a few words; missing where it is too small to be told. */
  text?: string;
  /** Whether it would also be read aloud. */
  headline: boolean;
  /** The record as a line of a trace file (JSON), where lines were asked for. */
  line?: string;
}

/** What went wrong: every error that is thrown is an `Error` with one of these codes. */
export type ErrorCode = "bad-options" | "bad-scenario" | "bad-operation" | "bad-node" | "bad-command" | "bad-time";
