import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { OPS_CHANNEL, brandChannel, parseChannel, taskChannel, userChannel } from "../../static/client/channels.js";

// Also read by tests/unit/shared/tasks/test_channels.py, so that both sides agree.
const examples = JSON.parse(readFileSync(new URL("../support/channels.json", import.meta.url), "utf8"));
const builders = { user: userChannel, task: taskChannel, brand: brandChannel, ops: () => OPS_CHANNEL };

for (const { name, channel } of examples) {
  test(`the channel name ${JSON.stringify(name)} is parsed as on the server`, () => {
    assert.deepEqual(parseChannel(name), channel);
    if (channel) assert.equal(builders[channel.kind](channel.id), name);
  });
}

test("an empty id names no channel", () => {
  for (const channel of [userChannel, taskChannel, brandChannel]) assert.equal(parseChannel(channel("")), null);
});
