// Where the broker is, for each of these processes.
const url = new URL(process.env.BENCH_BROKER_URL ?? "redis://127.0.0.1:6379/0");

export const QUEUE = "bench";
export const connection = { host: url.hostname, port: Number(url.port), maxRetriesPerRequest: null };
