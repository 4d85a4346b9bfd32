// The simulation beside the page: the same wasm module, which finds no window here and serves requests.
import init from "./quorumscope_web.js";
init();
