import assert from "node:assert/strict";
import { test } from "node:test";

import { RequestError } from "../../static/client/taskService.js";
import { duration, errorMessage, statusLabel } from "../../static/ui/labels.js";

test("a failed connection and a refusal are explained to the user", () => {
  assert.match(errorMessage(new TypeError("Failed to fetch")), /^Couldn't reach the server\./);
  assert.equal(errorMessage(new RequestError(409, { detail: "The task has ended." })), "The task has ended.");
});

test("a status that only a newer server knows keeps its name", () => {
  assert.deepEqual([statusLabel("processing"), statusLabel("paused")], ["Running", "paused"]);
});

test("durations are in seconds, then in minutes and seconds, and never negative", () => {
  assert.deepEqual([-5, 8100, 125_000].map(duration), ["0 s", "9 s", "2 min 5 s"]);
});
