// How fast is a simulation here? The same loop for Node and for a browser.
export function measure(Simulation, scenarios, warmUp) {
  const run = (scenario) => {
    const sim = new Simulation({ scenario, records: false });
    const began = performance.now();
    sim.runUntil(3_600_000);
    const seconds = (performance.now() - began) / 1000;
    const outcome = { seconds, events: sim.events(), digest: sim.digest() };
    sim.free();
    return outcome;
  };
  scenarios.slice(0, warmUp).forEach(run);
  const outcomes = scenarios.map(run);
  const total = (part) => outcomes.reduce((sum, outcome) => sum + outcome[part], 0);
  return { events: total("events"), seconds: total("seconds"), digests: outcomes.map((outcome) => outcome.digest) };
}
