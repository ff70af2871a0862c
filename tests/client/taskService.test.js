import assert from "node:assert/strict";
import { test } from "node:test";

import { RequestError, TaskService } from "../../static/client/taskService.js";

/** A service whose server answers with `reply`; `asked` is what it was sent. */
function serviceOf(reply, asked = []) {
  const fetch = async (url, options) => {
    asked.push({ url, ...options });
    return reply instanceof Response ? reply.clone() : Response.json(reply);
  };
  return new TaskService({ base: "https://h", getToken: async () => "token", fetch });
}

test("a task is created once, however often it is sent with one key", async () => {
  const asked = [];
  const service = serviceOf({ taskId: "t" }, asked);
  await service.create("T", { a: 1 }, { idempotencyKey: "k", priority: "high" });
  await service.create("T", { a: 1 });
  assert.equal(asked[0].url, "https://h/api/jobs?action=create");
  assert.deepEqual(JSON.parse(asked[0].body), { type: "T", payload: { a: 1 }, priority: "high" });
  assert.equal(asked[0].headers["Idempotency-Key"], "k");
  assert.equal(asked[0].headers.Authorization, "Bearer token");
  assert.match(asked[1].headers["Idempotency-Key"], /^[\da-f-]{36}$/);
});

test("many tasks are checked in one request", async () => {
  const asked = [];
  const { signal } = new AbortController();
  const service = serviceOf({ tasks: [], notFound: ["b&c"] }, asked);
  assert.deepEqual(await service.status(["a", "b&c"], { signal }), { tasks: [], notFound: ["b&c"] });
  assert.equal(asked[0].url, "https://h/api/jobs?action=status&taskIds=a,b%26c");
  assert.equal(asked[0].signal, signal);
});

test("pages of tasks follow each other", async () => {
  const asked = [];
  const service = serviceOf({ tasks: [] }, asked);
  await service.list({ status: ["failed", "cancelled"], limit: 20, after: "x" });
  await service.list();
  assert.equal(asked[0].url, "https://h/api/jobs?limit=20&status=failed%2Ccancelled&after=x");
  assert.equal(asked[1].url, "https://h/api/jobs?limit=50");
});

test("ids are no paths", async () => {
  const asked = [];
  const service = serviceOf({ personas: [1, 2] }, asked);
  await service.cancel("../x");
  await service.retry("a/b");
  assert.deepEqual(await service.results({ type: "AUTO_GENERATE_PERSONAS", taskId: "a&b" }), [1, 2]);
  assert.deepEqual(
    asked.map(({ url }) => url),
    ["https://h/api/jobs/..%2Fx/cancel", "https://h/api/jobs/a%2Fb/retry", "https://h/api/personas?taskId=a%26b"],
  );
  await assert.rejects(service.results({ type: "UNKNOWN", taskId: "t" }), TypeError);
});

test("a refusal is an error that says what is wrong with which field", async () => {
  const problem = { title: "Bad", detail: "payload.count: too many", errors: [{ pointer: "/payload/count", detail: "too many" }] };
  const reply = Response.json(problem, { status: 422, headers: { "Retry-After": "7" } });
  await assert.rejects(serviceOf(reply).create("T", {}), (error) => {
    assert.ok(error instanceof RequestError);
    assert.deepEqual([error.status, error.message, error.errors, error.retryAfterS], [422, problem.detail, problem.errors, 7]);
    return true;
  });
});

test("a response that breaks off is an error, not an empty task", async () => {
  const broken = new Response(new ReadableStream({ start: (body) => body.error(new TypeError("network")) }), { status: 202 });
  const service = new TaskService({ getToken: async () => "token", fetch: async () => broken });
  await assert.rejects(service.create("T", {}), TypeError);
});

test("a refusal by something that is not Herald is an error too", async () => {
  await assert.rejects(serviceOf(new Response("<html>", { status: 502 })).cancel("t"), {
    message: "the server answered 502",
    retryAfterS: undefined,
  });
});
