import assert from "node:assert/strict";
import { test } from "node:test";

import { Poller, delayMs } from "../../static/client/transports/poller.js";
import { FakeEnvironment, settled } from "./support.js";

/** A poller without jitter, and the times at which it polled. */
function pollerOf(context, poll = async () => false) {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const environment = new FakeEnvironment();
  const times = [];
  const poller = new Poller(
    (signal) => {
      times.push(Date.now());
      return poll(signal);
    },
    { environment, random: () => 0 },
  );
  const pass = async (ms) => {
    for (let passed = 0; passed < ms; passed += 100) {
      context.mock.timers.tick(100);
      await settled();
    }
  };
  return { poller, times, environment, pass };
}

test("the delay grows by half up to 30 seconds, and jitter only shortens it", () => {
  assert.deepEqual([0, 1, 2, 3].map((attempt) => delayMs(attempt, () => 0)), [1000, 1500, 2250, 3375]);
  assert.equal(delayMs(50, () => 0), 30_000);
  assert.equal(delayMs(0, () => 0.5), 900);
});

test("the first poll is immediate, and the delays grow", async (context) => {
  const { poller, times, pass } = pollerOf(context);
  poller.start();
  poller.start();
  await pass(6000);
  assert.deepEqual(times.map((at) => at - times[0]), [0, 1000, 2500, 4800]);
  poller.stop();
});

test("a change resets the delay", async (context) => {
  let changed = false;
  const { poller, times, pass } = pollerOf(context, async () => changed);
  poller.start();
  await pass(5000);
  changed = true;
  const before = times.length;
  await pass(6000);
  assert.ok(times.length - before >= 3, `${times}`);
});

test("hurry resets the delay", async (context) => {
  const { poller, times, pass } = pollerOf(context);
  poller.start();
  await pass(20_000);
  const before = times.length;
  poller.hurry();
  await pass(4000);
  assert.equal(times.length - before, 3);
  poller.stop();
});

test("starting twice polls once", async (context) => {
  const { poller, times, environment, pass } = pollerOf(context);
  poller.start();
  await pass(500);
  poller.start();
  await pass(400);
  assert.equal(times.length, 1);
  poller.stop();
  assert.equal(environment.listeners.size, 0);
});

test("a hidden or offline page doesn't poll, and polls at once when it is back", async (context) => {
  const { poller, times, environment, pass } = pollerOf(context);
  poller.start();
  await pass(200);
  environment.become(false);
  await pass(60_000);
  assert.equal(times.length, 1);
  environment.become(true);
  await pass(200);
  assert.equal(times.length, 2);
  poller.stop();
  assert.equal(environment.listeners.size, 0);
});

test("stop aborts the request in flight, and a new start polls again", async (context) => {
  const signals = [];
  const { poller, times, pass } = pollerOf(context, (signal) => {
    signals.push(signal);
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  poller.start();
  await pass(100);
  poller.stop();
  assert.equal(signals[0].aborted, true);
  poller.start();
  await pass(200);
  assert.equal(times.length, 2);
  poller.stop();
});

test("Retry-After is respected, even after hurry, a page that becomes visible and a new start", async (context) => {
  const { poller, times, environment, pass } = pollerOf(context, async () => {
    throw Object.assign(new Error("busy"), { retryAfterS: 20 });
  });
  poller.start();
  await pass(5000);
  poller.hurry();
  await pass(5000);
  environment.become(false);
  environment.become(true);
  await pass(5000);
  poller.stop();
  poller.start();
  await pass(4000);
  assert.equal(times.length, 1);
  await pass(2000);
  assert.equal(times.length, 2);
  poller.stop();
});
