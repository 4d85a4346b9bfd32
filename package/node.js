// Node cannot fetch a file: the module is read from beside this one.
import { readFile } from "node:fs/promises";
import start from "./quorumscope.js";

export * from "./quorumscope.js";

export default async function init(input) {
  return start(input ?? { module_or_path: await readFile(new URL("quorumscope_bg.wasm", import.meta.url)) });
}
