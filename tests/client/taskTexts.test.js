import assert from "node:assert/strict";
import { test } from "node:test";

import { currentText, stepText } from "../../static/ui/taskTexts.js";
import { aTask } from "./support.js";

test("a step with several items says how many are done", () => {
  assert.deepEqual([stepText({ name: "Writing", done: 3, total: 12 }), stepText({ name: "Writing", total: 12 }), stepText({ name: "Writing" })], ["Writing 3 of 12", "Writing 0 of 12", "Writing"]);
});

test("an active task shows its step, or why it waits", () => {
  const texts = [
    { status: "processing", currentStep: "Writing", steps: [{ name: "Writing", done: 1, total: 2 }] },
    { status: "processing", currentStep: "Half way" },
    { status: "processing" },
    { status: "queued", queuePosition: 1 },
    { status: "queued", queuePosition: 3 },
    { status: "queued", queuePosition: 3, waitingFor: { reason: "noWorker" } },
    { status: "queued", waitingFor: { reason: "aNewerReason" } },
  ].map((task) => currentText(aTask({ steps: [], ...task })));
  assert.deepEqual(texts, ["Writing 1 of 2", "Half way", "Starting…", "Waiting for a worker", "Number 3 in the queue", "No worker for this type is online", "Waiting for a worker"]);
});
