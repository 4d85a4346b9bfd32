// Measures the package under Node; prints what was seen as JSON.
import { readFile } from "node:fs/promises";
import init, { Simulation } from "./package/node.js";
import { measure } from "./events.mjs";

await init();
const { scenarios, warmUp } = JSON.parse(await readFile(new URL("scenarios.json", import.meta.url), "utf8"));
console.log(JSON.stringify(measure(Simulation, scenarios, warmUp)));
