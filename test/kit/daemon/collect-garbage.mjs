// Loaded into a daemon by `node --expose-gc --import`: SIGUSR2 has it collect its garbage, so that what is measured
// afterwards is what it still needs, and not when the collector came by last.
process.on('SIGUSR2', () => globalThis.gc());
