// A worker's process: node worker.mjs <concurrency> runs jobs until it is told to end. Every job is kept.
import { appendFileSync } from "node:fs";
import { Worker } from "bullmq";
import { connection, QUEUE } from "./connection.mjs";

async function run(job) {
  if (job.name !== "stamp") return;
  const started = process.hrtime.bigint();
  appendFileSync(process.env.BENCH_STARTS, `${started}\n`);
}

const worker = new Worker(QUEUE, run, { connection, concurrency: Number(process.argv[2]) });
process.on("SIGTERM", async () => {
  await worker.close();
  process.exit(0);
});
