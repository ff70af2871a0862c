import assert from "node:assert/strict";
import { test } from "node:test";

import { Notifications } from "../../static/client/notifications.js";
import { aTask, settled } from "./support.js";

/** The storage and locks that all tabs of a browser share. */
class Shared {
  store = new Map();
  held = new Set();
  get length() {
    return this.store.size;
  }
  key = (index) => [...this.store.keys()][index] ?? null;
  getItem = (key) => this.store.get(key) ?? null;
  setItem = (key, value) => this.store.set(key, value);
  removeItem = (key) => this.store.delete(key);
  request = async (name, _, work) => {
    const free = !this.held.has(name);
    if (free) this.held.add(name);
    await work(free ? {} : null);
    if (free) this.held.delete(name);
  };
}

class FakeFeed {
  tasks = [];
  listeners = new Set();
  subscribe = (listener) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  getSnapshot = () => ({ tasks: this.tasks });
  become(...tasks) {
    this.tasks = tasks;
    for (const listener of this.listeners) listener();
  }
}

/** A tab with its own feed; `shown` and `notified` collect its messages and system notifications. */
function tabOf(shared, { hidden = false, user } = {}) {
  const tab = { feed: new FakeFeed(), shown: [], notified: [], hidden };
  tab.notifications = new Notifications({
    feed: tab.feed,
    user,
    show: ({ kind, tasks }) => tab.shown.push(`${kind} ${tasks.length}`),
    describe: ({ kind, tasks }) => ({ title: `${kind} ${tasks.length}` }),
    storage: shared,
    locks: shared,
    hidden: () => tab.hidden,
    notify: (title) => tab.notified.push(title),
  });
  tab.notifications.start();
  return tab;
}

function clock(context) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  return async (ms) => {
    for (let passed = 0; passed < ms; passed += 50) {
      context.mock.timers.tick(50);
      await settled();
    }
  };
}

const done = (task) => ({ ...task, status: "completed", rev: task.rev + 1 });
const failed = (task) => ({ ...task, status: "failed", rev: task.rev + 1 });

test("five successes are one message, a failure is shown at once", async (context) => {
  const pass = clock(context);
  const tab = tabOf(new Shared());
  const tasks = Array.from({ length: 6 }, () => aTask());
  tab.feed.become(...tasks);
  await pass(100);
  tab.feed.become(failed(tasks[0]), ...tasks.slice(1).map(done));
  await pass(100);
  assert.deepEqual(tab.shown, ["failed 1"]);
  await pass(1000);
  assert.deepEqual(tab.shown, ["failed 1", "completed 5"]);
});

test("tasks that ended earlier, were cancelled or have an unknown status are not announced", async (context) => {
  const pass = clock(context);
  const shared = new Shared();
  const tab = tabOf(shared);
  const [task, other] = [aTask(), aTask()];
  tab.feed.become(task, other, done(aTask()));
  await pass(100);
  assert.equal(shared.length, 2, "a task that was never active here is stored");
  const skipped = { ...other, status: "skipped", completedAt: "2026-11-24T11:21:53Z", rev: 2 };
  tab.feed.become({ ...task, status: "cancelled", rev: 2 }, skipped);
  await pass(2000);
  assert.deepEqual(tab.shown, []);
});

test("later successes are a separate message", async (context) => {
  const pass = clock(context);
  const tab = tabOf(new Shared());
  const [one, two] = [aTask(), aTask()];
  tab.feed.become(one, two);
  await pass(100);
  tab.feed.become(done(one), two);
  await pass(1000);
  tab.feed.become(done(one), done(two));
  await pass(1000);
  assert.deepEqual(tab.shown, ["completed 1", "completed 1"]);
});

test("a task is stored when it starts, not at each progress event", async (context) => {
  const pass = clock(context);
  const shared = new Shared();
  const tab = tabOf(shared);
  const task = aTask();
  tab.feed.become(task);
  await pass(100);
  shared.store.clear();
  tab.feed.become({ ...task, tick: 1 });
  await pass(100);
  assert.equal(shared.length, 0);
});

test("a reload repeats nothing, and announces tasks that ended in the meantime", async (context) => {
  const pass = clock(context);
  const shared = new Shared();
  const first = tabOf(shared);
  const [announced, missed] = [aTask(), aTask()];
  first.feed.become(announced, missed);
  await pass(100);
  first.feed.become(done(announced), missed);
  await pass(1000);
  first.notifications.stop();
  const second = tabOf(shared);
  second.feed.become(done(announced), done(missed));
  await pass(1000);
  assert.deepEqual([first.shown, second.shown], [["completed 1"], ["completed 1"]]);
});

test("only one of several tabs announces a task: a visible one", async (context) => {
  const pass = clock(context);
  const shared = new Shared();
  const tabs = [tabOf(shared, { hidden: true }), tabOf(shared), tabOf(shared)];
  const task = aTask();
  for (const tab of tabs) tab.feed.become(task);
  await pass(100);
  for (const tab of tabs) tab.feed.become(done(task));
  await pass(2000);
  assert.deepEqual(
    tabs.map(({ shown, notified }) => shown.length + notified.length),
    [0, 1, 0],
  );
});

test("a hidden page shows a system notification", async (context) => {
  const pass = clock(context);
  const tab = tabOf(new Shared(), { hidden: true });
  const task = aTask();
  tab.feed.become(task);
  await pass(100);
  tab.feed.become(failed(task));
  await pass(1000);
  assert.deepEqual([tab.shown, tab.notified], [["failed 1"], ["failed 1"]]);
});

test("a retried task is announced again", async (context) => {
  const pass = clock(context);
  const tab = tabOf(new Shared());
  const task = aTask();
  tab.feed.become(task);
  await pass(100);
  tab.feed.become(failed(task));
  await pass(100);
  tab.feed.become({ ...task, status: "queued", rev: 3 });
  await pass(100);
  tab.feed.become({ ...task, status: "completed", rev: 5 });
  await pass(1000);
  assert.deepEqual(tab.shown, ["failed 1", "completed 1"]);
});

test("a tab that lags behind doesn't repeat an announcement, even after a reload", async (context) => {
  const pass = clock(context);
  const shared = new Shared();
  const [quick, slow] = [tabOf(shared), tabOf(shared)];
  const task = aTask();
  quick.feed.become(task);
  await pass(100);
  quick.feed.become(done(task));
  await pass(1000);
  slow.feed.become(task);
  await pass(100);
  slow.feed.become(done(task));
  await pass(1000);
  const later = tabOf(shared);
  later.feed.become(done(task));
  await pass(1000);
  assert.deepEqual([quick.shown, slow.shown, later.shown], [["completed 1"], [], []]);
});

test("an announcement isn't repeated while the storage lags behind", async (context) => {
  const pass = clock(context);
  const [shared, stale] = [new Shared(), new Shared()];
  stale.request = shared.request; // the locks are the same, the storage lags behind
  const [quick, slow] = [tabOf(shared), tabOf(stale)];
  const task = aTask();
  for (const tab of [quick, slow]) tab.feed.become(task);
  await pass(100);
  quick.feed.become(done(task));
  await pass(3000);
  slow.feed.become(done(task));
  await pass(6000); // the lock is free again
  assert.deepEqual([quick.shown, slow.shown], [["completed 1"], []]);
  const later = tabOf(stale);
  later.feed.become(done(task));
  await pass(1000);
  assert.deepEqual(later.shown, []);
});

test("stopped notifications can be started again", async (context) => {
  const pass = clock(context);
  const tab = tabOf(new Shared());
  const [one, two] = [aTask(), aTask()];
  tab.feed.become(one, two);
  await pass(100);
  tab.feed.become(done(one), two);
  await pass(100);
  tab.feed.become(done(one), two); // a change that hasn't been scanned yet
  tab.notifications.stop();
  tab.notifications.start();
  tab.feed.become(done(one), done(two));
  await pass(1000);
  assert.deepEqual(tab.shown, ["completed 2"]);
});

test("old tasks are forgotten, except those of another user", () => {
  const shared = new Shared();
  for (let number = 599; number >= 0; number -= 1) {
    shared.setItem(`herald:announced::t${String(number).padStart(4, "0")}`, "announced 1");
  }
  shared.setItem("herald.user", "ada");
  tabOf(shared, { user: "ada" });
  assert.equal(shared.length, 601);
  tabOf(shared);
  assert.equal(shared.length, 501);
  assert.equal(shared.getItem("herald:announced::t0099"), null);
});

test("invalid storage contents do no harm", async (context) => {
  const pass = clock(context);
  const shared = new Shared();
  shared.getItem = () => "{nonsense";
  const tab = tabOf(shared);
  tab.feed.become(aTask());
  await pass(100);
  tab.feed.become(done(aTask()));
  await pass(1000);
  assert.deepEqual(tab.shown, []);
});
