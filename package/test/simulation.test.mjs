// Does the package work as it is packed? Run by `cargo xtask test package`, from beside the packed files.
import assert from "node:assert/strict";
import test from "node:test";
import init, { Simulation } from "quorumscope";

await init();

test("a cluster elects, loses and replaces a leader, and commits what is proposed", () => {
  const sim = new Simulation({ protocol: "raft", nodes: 5, seed: 7, records: true });
  const leader = () => sim.view().nodes.find((node) => node.role === "leader" && node.liveness === "up")?.id;
  sim.runUntil(2000);
  const first = leader();
  assert.ok(first);
  sim.crash(first);
  sim.runUntil(5000);
  assert.ok(leader() && leader() !== first);
  sim.partition([[first], ["n1", "n2", "n3", "n4", "n5"].filter((node) => node !== first)]);
  sim.propose({ set: { key: "x", value: "1" } });
  sim.runUntil(8000);
  sim.heal();
  assert.equal(sim.view().clients[0].operations[0].verdict, "ok");
  assert.deepEqual(sim.violations(), []);
  assert.ok(sim.records().some((record) => record.text && record.cause));
  assert.match(sim.digest(), /^[0-9a-f]{16}$/);
  assert.match(sim.shareLink(), /^#v1\./);
  sim.free();
});

test("going back repeats the run, and a fork goes its own way", () => {
  const sim = new Simulation({ nodes: 3, seed: 1 });
  sim.runUntil(1000);
  const [digest, fork] = [sim.digest(), sim.fork()];
  sim.runUntil(1500);
  sim.crash("n1");
  sim.runUntil(2000);
  assert.notEqual(sim.digest(), digest);
  sim.seek(1000);
  assert.deepEqual([sim.digest(), fork.digest()], [digest, digest]);
});

test("a run of another machine takes its commands in words", () => {
  const sim = new Simulation({ scenario: 'protocol = "raft"\nnodes = 3\nmachine = "workflow"\n' });
  sim.runUntil(2000);
  sim.propose({ command: "create case c1 open" });
  sim.runUntil(3000);
  assert.equal(sim.view().clients[0].operations.at(-1).verdict, "ok");
  for (const wrong of [{ set: { key: "x", value: "1" } }, { command: "create" }]) {
    assert.throws(() => sim.propose(wrong), (error) => error.code === "bad-operation" && error.message !== "");
  }
  const store = new Simulation({ nodes: 3 });
  assert.throws(() => store.propose({ command: "create case c1 open" }), (error) => error.code === "bad-operation");
});

test("a wrong argument throws an Error with a code and leaves the run as it was", () => {
  const sim = new Simulation({ nodes: 3 });
  const before = sim.digest();
  const throwing = { get seed() { throw new TypeError("no"); } };
  for (const [attempt, code] of [
    [() => new Simulation({ nodes: -1 }), "bad-options"],
    [() => new Simulation("raft"), "bad-options"],
    [() => new Simulation(throwing), "bad-options"],
    [() => new Simulation({ scenario: "nodes = " }), "bad-scenario"],
    [() => sim.crash(), "bad-node"],
    [() => sim.crash({}), "bad-node"],
    [() => sim.crash(Symbol("n1")), "bad-node"],
    [() => sim.pause("n7"), "bad-node"],
    [() => sim.runUntil("soon"), "bad-time"],
    [() => sim.runUntil(10n), "bad-time"],
    [() => sim.seek(NaN), "bad-time"],
    [() => sim.propose({ put: 1 }), "bad-operation"],
    [() => sim.propose(undefined), "bad-operation"],
    [() => sim.partition("n1"), "bad-options"],
    [() => sim.records({ since: 3 }), "bad-options"],
  ]) {
    assert.throws(attempt, (error) => error instanceof Error && error.code === code && error.message !== "", `${attempt}`);
  }
  assert.equal(sim.digest(), before);
});
