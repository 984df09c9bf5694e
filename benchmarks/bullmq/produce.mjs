// A producer's process: node produce.mjs <one|bulk> <count> enqueues empty jobs and prints how many a second.
import { Queue } from "bullmq";
import { connection, QUEUE } from "./connection.mjs";

const SLICE = 1000;
const [how, count] = [process.argv[2], Number(process.argv[3])];
const queue = new Queue(QUEUE, { connection });

async function enqueue(number) {
  if (how === "one") {
    for (let sent = 0; sent < number; sent += 1) await queue.add("empty", {});
    return;
  }
  for (let start = 0; start < number; start += SLICE) {
    const length = Math.min(SLICE, number - start);
    await queue.addBulk(Array.from({ length }, () => ({ name: "empty", data: {} })));
  }
}

const warmUp = Math.floor(count / 5);
await enqueue(warmUp);
const begun = performance.now();
await enqueue(count - warmUp);
console.log((count - warmUp) / ((performance.now() - begun) / 1000));
await queue.close();
