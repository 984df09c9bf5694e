// A worker's process: node worker.mjs <concurrency> runs empty jobs until it is told to end. Every job is kept.
import { Worker } from "bullmq";
import { connection, QUEUE } from "./connection.mjs";

const worker = new Worker(QUEUE, async () => null, { connection, concurrency: Number(process.argv[2]) });
process.on("SIGTERM", async () => {
  await worker.close();
  process.exit(0);
});
