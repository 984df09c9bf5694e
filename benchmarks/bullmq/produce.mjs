// A producer's process, as ../peers/produce.py: node produce.mjs one|bulk|pickup <count>.
import { closeSync, constants, openSync, readSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { Queue } from "bullmq";
import { connection, QUEUE } from "./connection.mjs";

const SLICE = 1000;
const [how, count] = [process.argv[2], Number(process.argv[3])];
const queue = new Queue(QUEUE, { connection });

async function oneByOne(number) {
  for (let sent = 0; sent < number; sent += 1) await queue.add("empty", {});
}

async function inSlices(number) {
  for (let start = 0; start < number; start += SLICE) {
    const length = Math.min(SLICE, number - start);
    await queue.addBulk(Array.from({ length }, () => ({ name: "empty", data: {} })));
  }
}

async function rate(enqueue) {
  const warmUp = Math.floor(count / 5);
  await enqueue(warmUp);
  const begun = performance.now();
  await enqueue(count - warmUp);
  return (count - warmUp) / ((performance.now() - begun) / 1000);
}

async function pickups() {
  const pipe = openSync(process.env.BENCH_STARTS, constants.O_RDWR);
  const buffer = Buffer.alloc(64);
  const found = [];
  for (let done = 0; done < count * 1.2; done += 1) {
    await pause(5 + Math.random() * 25);
    const called = process.hrtime.bigint();
    await queue.add("stamp", {});
    const started = BigInt(buffer.toString("utf8", 0, readSync(pipe, buffer)).trim());
    found.push(Number(started - called) / 1e6);
  }
  closeSync(pipe);
  return found.slice(-count);
}

if (how === "pickup") console.log(...(await pickups()));
else console.log(await rate(how === "one" ? oneByOne : inSlices));
await queue.close();
