import assert from "node:assert/strict";
import { test } from "node:test";

import { isActive, isNewer, overallProgress } from "../../static/client/task.js";
import { aTask } from "./support.js";

test("the state with the greater pair of rev and tick is newer", () => {
  assert.equal(isNewer({ rev: 1, tick: 0 }, undefined), true);
  assert.equal(isNewer({ rev: 2, tick: 0 }, { rev: 1, tick: 9 }), true);
  assert.equal(isNewer({ rev: 1, tick: 9 }, { rev: 2, tick: 0 }), false);
  assert.equal(isNewer({ rev: 1, tick: 1 }, { rev: 1, tick: 1 }), false);
});

test("queued, processing and retrying tasks are active", () => {
  const statuses = ["queued", "processing", "retrying", "completed", "failed", "cancelled"];
  assert.deepEqual(
    statuses.filter((status) => isActive(aTask({ status }))),
    ["queued", "processing", "retrying"],
  );
});

test("the overall progress is the mean, and 0 without tasks", () => {
  assert.equal(overallProgress([aTask({ progress: 50 }), aTask({ progress: 99 })]), 74);
  assert.equal(overallProgress([]), 0);
});
