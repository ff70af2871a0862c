import assert from "node:assert/strict";
import { test } from "node:test";

import { RequestError, TaskService } from "../../static/client/taskService.js";

/** A service whose server responds with `reply`; `requests` collects the requests. */
function serviceOf(reply, requests = []) {
  const fetch = async (url, options) => {
    requests.push({ url, ...options });
    return reply instanceof Response ? reply.clone() : Response.json(reply);
  };
  return new TaskService({ base: "https://h", getToken: async () => "token", fetch });
}

test("requests to create a task carry the given idempotency key, or a new one", async () => {
  const requests = [];
  const service = serviceOf({ taskId: "t" }, requests);
  await service.create("T", { a: 1 }, { idempotencyKey: "k", priority: "high" });
  await service.create("T", { a: 1 });
  assert.equal(requests[0].url, "https://h/api/jobs?action=create");
  assert.deepEqual(JSON.parse(requests[0].body), { type: "T", payload: { a: 1 }, priority: "high" });
  assert.equal(requests[0].headers["Idempotency-Key"], "k");
  assert.equal(requests[0].headers.Authorization, "Bearer token");
  assert.match(requests[1].headers["Idempotency-Key"], /^[\da-f-]{36}$/);
});

test("one request gets the states of many tasks", async () => {
  const requests = [];
  const { signal } = new AbortController();
  const service = serviceOf({ tasks: [], notFound: ["b&c"] }, requests);
  assert.deepEqual(await service.status(["a", "b&c"], { signal }), { tasks: [], notFound: ["b&c"] });
  assert.equal(requests[0].url, "https://h/api/jobs?action=status&taskIds=a,b%26c");
  assert.equal(requests[0].signal, signal);
});

test("a list request carries the filter and the cursor", async () => {
  const requests = [];
  const service = serviceOf({ tasks: [] }, requests);
  await service.list({ status: ["failed", "cancelled"], limit: 20, after: "x" });
  await service.list();
  assert.equal(requests[0].url, "https://h/api/jobs?limit=20&status=failed%2Ccancelled&after=x");
  assert.equal(requests[1].url, "https://h/api/jobs?limit=50");
});

test("ids are escaped in URLs", async () => {
  const requests = [];
  const service = serviceOf({ taskTypes: [1, 2] }, requests);
  await service.cancel("../x");
  await service.retry("a/b");
  await service.get("a/b");
  await service.result("a/b");
  assert.deepEqual(await service.taskTypes(), [1, 2]);
  assert.deepEqual(
    requests.map(({ url }) => url),
    ["/..%2Fx/cancel", "/a%2Fb/retry", "/a%2Fb", "/a%2Fb/result"].map((path) => `https://h/api/jobs${path}`).concat("https://h/api/taskTypes"),
  );
});

test("a refusal is an error with the details of each field", async () => {
  const problem = { title: "Bad", detail: "payload.count: too many", errors: [{ pointer: "/payload/count", detail: "too many" }] };
  const reply = Response.json(problem, { status: 422, headers: { "Retry-After": "7" } });
  await assert.rejects(serviceOf(reply).create("T", {}), (error) => {
    assert.ok(error instanceof RequestError);
    assert.deepEqual([error.status, error.message, error.errors, error.retryAfterS], [422, problem.detail, problem.errors, 7]);
    return true;
  });
});

test("an interrupted response is an error, not an empty task", async () => {
  const broken = new Response(new ReadableStream({ start: (body) => body.error(new TypeError("network")) }), { status: 202 });
  const service = new TaskService({ getToken: async () => "token", fetch: async () => broken });
  await assert.rejects(service.create("T", {}), TypeError);
});

test("a refusal by a proxy is an error too", async () => {
  await assert.rejects(serviceOf(new Response("<html>", { status: 502 })).cancel("t"), {
    message: "The server responded with status 502.",
    retryAfterS: undefined,
  });
});
