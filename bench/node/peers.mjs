// Runs the peer loop of the wasm module that lies beside this file; prints what was seen as JSON.
// Arguments: contender, nodes, bytes of a command, batch, commands of the warm-up, commands, commands between compactions.
import { createRequire } from "node:module";

const { Loop, contenders } = createRequire(import.meta.url)("./peers.cjs");

const [name, ...numbers] = process.argv.slice(2);
const [nodes, payloadBytes, batch, warmUp, commands, compactEvery] = numbers.map(Number);
const position = contenders().indexOf(name);
if (position < 0) {
  throw new Error(`nobody is called ${name}; there are ${contenders().join(", ")}`);
}
const race = new Loop(position, nodes, payloadBytes, compactEvery);
race.run(warmUp, batch);
const before = process.cpuUsage();
const count = race.run(commands, batch);
const { user, system } = process.cpuUsage(before);
race.finish();
console.log(JSON.stringify({ commits_per_second: (count * 1e6) / (user + system) }));
