import assert from "node:assert/strict";
import { test } from "node:test";

import { Herald, TaskFailedError } from "../../static/client/herald.js";
import { RequestError } from "../../static/client/taskService.js";
import { FakeConnection, FakeEnvironment, aTask, settled } from "./support.js";

/** A client on a fake connection, closed after the test; `replies` has the server's response to each request. */
function heraldOf(context, replies) {
  const connection = new FakeConnection();
  const fetch = async (url, { method }) => {
    const reply = replies[`${method} ${url}`];
    return reply ? Response.json(reply) : Response.json({ detail: "not found" }, { status: 404 });
  };
  const herald = new Herald({ getToken: async () => "token", fetch, open: () => connection, environment: new FakeEnvironment() });
  context.after(() => herald.close());
  return { herald, connection };
}

test("tasks that are started, cancelled or retried are in the feed at once", async (context) => {
  const task = aTask({ status: "queued" });
  const path = `POST /api/jobs/${task.taskId}`;
  const { herald } = heraldOf(context, {
    "POST /api/jobs?action=create": task,
    [`${path}/cancel`]: { ...task, rev: 2, status: "cancelled" },
    [`${path}/retry`]: { ...task, rev: 3 },
  });
  await herald.start("T", {});
  assert.equal(herald.feed.get(task.taskId).rev, 1);
  await herald.cancel(task.taskId);
  assert.equal(herald.feed.get(task.taskId).status, "cancelled");
  await herald.retry(task.taskId);
  assert.equal(herald.feed.get(task.taskId).rev, 3);
});

test("a task is requested only if it isn't in the feed", async (context) => {
  const [old, known] = [aTask({ status: "completed" }), aTask()];
  const { herald } = heraldOf(context, { [`GET /api/jobs/${old.taskId}`]: old });
  herald.feed.add(known);
  assert.equal(await herald.load(known.taskId), known);
  await herald.load(old.taskId);
  assert.deepEqual(herald.feed.get(old.taskId), old);
  await assert.rejects(herald.load("unknown"), RequestError);
});

test("a result is available once the task has completed", async (context) => {
  const task = aTask();
  const { herald, connection } = heraldOf(context, { [`GET /api/jobs/${task.taskId}/result`]: { paragraphs: [] } });
  herald.feed.add(task);
  let result;
  herald.result(task).then((value) => (result = value));
  await settled();
  connection.live([{ ...task, progress: 50, tick: 1 }]);
  await settled();
  assert.equal(result, undefined);
  connection.push({ ...task, rev: 2, status: "completed" });
  await settled();
  await new Promise(setImmediate);
  assert.deepEqual(result, { paragraphs: [] });
});

test("the result of a failed or cancelled task is an error with the task", async (context) => {
  const { herald } = heraldOf(context, {});
  const [failed, cancelled] = [aTask({ status: "failed", lastError: "Too long." }), aTask({ status: "cancelled" })];
  for (const task of [failed, cancelled]) herald.feed.add(task);
  await assert.rejects(herald.result(failed.taskId), (error) => {
    assert.ok(error instanceof TaskFailedError);
    assert.deepEqual([error.message, error.task], ["Too long.", failed]);
    return true;
  });
  await assert.rejects(herald.result(cancelled), { message: "The task was cancelled." });
});

test("waiting for a result can be aborted", async (context) => {
  const { herald } = heraldOf(context, {});
  const task = aTask();
  herald.feed.add(task);
  const controller = new AbortController();
  const waiting = herald.result(task, controller);
  await settled();
  controller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  let reason;
  herald.result(task, { signal: AbortSignal.abort() }).catch((error) => (reason = error));
  await settled();
  assert.equal(reason?.name, "AbortError");
});

test("connecting twice opens one connection, and a closed client can connect again", (context) => {
  const { herald, connection } = heraldOf(context, {});
  let connects = 0;
  connection.connect = () => (connects += 1);
  herald.connect();
  herald.connect();
  assert.equal(connects, 1);
  herald.close();
  herald.connect();
  assert.equal(connects, 2);
});
