import assert from "node:assert/strict";
import { test } from "node:test";

import { StatusChecks, delayMs } from "../../static/client/transports/poller.js";
import { FakeSurroundings, settled } from "./support.js";

/** Checks that never jitter, and the times at which they were made. */
function checksAt(context, check = async () => false) {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const surroundings = new FakeSurroundings();
  const times = [];
  const checks = new StatusChecks(
    (signal) => {
      times.push(Date.now());
      return check(signal);
    },
    { surroundings, random: () => 0 },
  );
  const pass = async (ms) => {
    for (let passed = 0; passed < ms; passed += 100) {
      context.mock.timers.tick(100);
      await settled();
    }
  };
  return { checks, times, surroundings, pass };
}

test("the wait grows by half to half a minute, and jitter only shortens it", () => {
  assert.deepEqual([0, 1, 2, 3].map((attempt) => delayMs(attempt, () => 0)), [1000, 1500, 2250, 3375]);
  assert.equal(delayMs(50, () => 0), 30_000);
  assert.equal(delayMs(0, () => 0.5), 900);
});

test("checks begin at once and grow seldom", async (context) => {
  const { checks, times, pass } = checksAt(context);
  checks.start();
  checks.start();
  await pass(6000);
  assert.deepEqual(times.map((at) => at - times[0]), [0, 1000, 2500, 4800]);
  checks.stop();
});

test("news make the next check soon", async (context) => {
  let news = false;
  const { checks, times, pass } = checksAt(context, async () => news);
  checks.start();
  await pass(5000);
  news = true;
  const before = times.length;
  await pass(6000);
  assert.ok(times.length - before >= 3, `${times}`);
});

test("hurried checks begin with short waits again", async (context) => {
  const { checks, times, pass } = checksAt(context);
  checks.start();
  await pass(20_000);
  const before = times.length;
  checks.hurry();
  await pass(4000);
  assert.equal(times.length - before, 3);
  checks.stop();
});

test("checks that run already are not started again", async (context) => {
  const { checks, times, surroundings, pass } = checksAt(context);
  checks.start();
  await pass(500);
  checks.start();
  await pass(400);
  assert.equal(times.length, 1);
  checks.stop();
  assert.equal(surroundings.listeners.size, 0);
});

test("nothing is asked while the page is hidden or offline, and at once when it is back", async (context) => {
  const { checks, times, surroundings, pass } = checksAt(context);
  checks.start();
  await pass(200);
  surroundings.become(false);
  await pass(60_000);
  assert.equal(times.length, 1);
  surroundings.become(true);
  await pass(200);
  assert.equal(times.length, 2);
  checks.stop();
  assert.equal(surroundings.listeners.size, 0);
});

test("a question on its way is broken off, and a new start asks anew", async (context) => {
  const signals = [];
  const { checks, times, pass } = checksAt(context, (signal) => {
    signals.push(signal);
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  checks.start();
  await pass(100);
  checks.stop();
  assert.equal(signals[0].aborted, true);
  checks.start();
  await pass(200);
  assert.equal(times.length, 2);
  checks.stop();
});

test("Retry-After is respected, also by a hurried check, a page that is shown again and a new start", async (context) => {
  const { checks, times, surroundings, pass } = checksAt(context, async () => {
    throw Object.assign(new Error("busy"), { retryAfterS: 20 });
  });
  checks.start();
  await pass(5000);
  checks.hurry();
  await pass(5000);
  surroundings.become(false);
  surroundings.become(true);
  await pass(5000);
  checks.stop();
  checks.start();
  await pass(4000);
  assert.equal(times.length, 1);
  await pass(2000);
  assert.equal(times.length, 2);
  checks.stop();
});
