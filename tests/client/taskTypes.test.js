import assert from "node:assert/strict";
import { test } from "node:test";

import { endMessage, titleOf } from "../../static/app/registry/taskType.js";
import { TaskTypes } from "../../static/app/registry/taskTypes.js";

const registered = (type, more = {}) => ({ type, payloadSchema: {}, resultSchema: {}, online: true, ...more });

/** Task types whose requests get these replies, one after another; an Error rejects. */
function typesOf(...replies) {
  const types = new TaskTypes(async () => {
    types.requests += 1;
    const reply = replies.length > 1 ? replies.shift() : replies[0];
    if (reply instanceof Error) throw reply;
    return reply;
  });
  types.requests = 0;
  return types;
}

test("types with forms of their own come first, the others by label", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const types = typesOf([registered("B", { title: "Zebra" }), registered("C", { title: "{x}" }), registered("AUTO_GENERATE_PERSONAS"), registered("GENERATE_MEDIA_PLAN")]);
  await types.load();
  assert.deepEqual(
    types.getSnapshot().types.map(({ label }) => label),
    ["Media plan", "Personas", "C", "Zebra"],
  );
});

test("types are read again every minute, and listeners are called only if they have changed", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const types = typesOf([registered("A")], [registered("A")], [registered("A", { online: false })]);
  const seen = [];
  types.subscribe(() => seen.push(types.get("A").isOnline));
  await types.load();
  for (let minute = 0; minute < 2; minute++) {
    context.mock.timers.tick(60_000);
    await types.load(); // the same request
  }
  assert.equal(types.requests, 3);
  assert.deepEqual(seen, [true, false]);
});

test("a task of an unknown type has them read again, once", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const types = typesOf([registered("A")]);
  types.need(["B"]); // nothing has been read yet: that is under way
  assert.equal(types.requests, 0);
  await types.load();
  types.need(["A"]);
  types.need(["A", "B"]);
  await types.load();
  types.need(["B"]);
  assert.equal(types.requests, 2);
});

test("known types stay while the server doesn't respond, and the first reading is repeated soon", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const types = typesOf(new TypeError("network"), [registered("A")], new TypeError("network"));
  await types.load();
  assert.equal(types.getSnapshot().loaded, false);
  context.mock.timers.tick(5_000);
  await types.load();
  await types.load();
  assert.equal(types.getSnapshot().types.length, 1);
});

test("a type that isn't registered has a label too, so that its old tasks are shown", () => {
  const type = typesOf([]).get("SEO_AUDIT");
  assert.deepEqual([type.label, type.isOnline, type.fields()], ["SEO audit", false, []]);
});

test("tasks are named by their title, or by their type", () => {
  const type = typesOf([]).get("SEO_AUDIT");
  assert.deepEqual([titleOf({ title: "acme.example" }, type), titleOf({}, type)], ["acme.example", "SEO audit"]);
  assert.deepEqual([endMessage({ title: "acme.example" }, type, "ready"), endMessage({}, type, "failed")], ["“acme.example” is ready", "SEO audit failed"]);
  assert.equal(endMessage({ title: "x" }, typesOf([]).get("GENERATE_BRAND_KIT"), "ready"), "Your brand kit is ready");
});
