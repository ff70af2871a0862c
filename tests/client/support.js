/** Fakes for the client's tests: a connection, a server, and the browser's environment. */
import { TaskFeed } from "../../static/client/taskFeed.js";

let created = 0;

/** @param {object} [changes] */
export function aTask(changes = {}) {
  created += 1;
  return {
    taskId: `t${String(created).padStart(4, "0")}`,
    type: "GENERATE_BRAND_KIT",
    status: "processing",
    progress: 0,
    steps: [],
    rev: 1,
    tick: 0,
    ...changes,
  };
}

/** The part of the official SDK that the feed uses; `emit` plays the server. */
export class FakeConnection {
  handlers = {};
  subscriptions = new Map();
  newSubscription(channel, options) {
    if (this.subscriptions.has(channel)) throw new Error(`Subscription to the channel ${channel} already exists`);
    const subscription = new FakeSubscription(channel, options);
    this.subscriptions.set(channel, subscription);
    return subscription;
  }
  removeSubscription({ channel }) {
    this.subscriptions.delete(channel);
  }
  on(name, handler) {
    this.handlers[name] = handler;
  }
  connect() {
    this.emit("connecting");
  }
  disconnect() {
    this.emit("disconnected");
  }
  emit(name, context = {}) {
    this.handlers[name](context);
  }
  live(tasks) {
    this.emit("connected");
    this.emit("subscribed", { data: { tasks } });
  }
  push(task) {
    this.emit("publication", { data: { task } });
  }
}

/** A subscription to one channel; `accept`, `push`, `answer` and `fail` play the server. */
class FakeSubscription {
  handlers = {};
  constructor(channel, options) {
    this.channel = channel;
    this.options = options;
  }
  on(name, handler) {
    this.handlers[name] = handler;
  }
  subscribe() {}
  unsubscribe() {}
  history({ limit }) {
    return new Promise((resolve, reject) => {
      this.answer = (...pieces) => {
        const publications = limit < 0 ? pieces : pieces.slice(0, limit);
        resolve({ publications: publications.map((data) => ({ data })) });
      };
      this.fail = () => reject(new Error("connection closed"));
    });
  }
  /** Only a recoverable subscription is recovered. */
  accept({ recovered = false } = {}) {
    this.handlers.subscribed({ recovered: recovered && this.options.recoverable === true });
  }
  push(data) {
    this.handlers.publication({ data });
  }
}

/** A page that can be hidden. */
export class FakeEnvironment {
  listeners = new Set();
  isVisible = true;
  canPoll = () => this.isVisible;
  watch = (listener) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  become(visible) {
    this.isVisible = visible;
    for (const listener of this.listeners) listener();
  }
}

/** A feed on a fake connection. `server.tasks` are the server's tasks, `server.requests` the requests that it received. */
export function feedOf(context) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const server = { tasks: [], requests: [], down: false };
  const answer = async (request, tasks) => {
    server.requests.push(request);
    if (server.down) throw new TypeError("network");
    return tasks;
  };
  const service = {
    list: async ({ status, after, limit }) => {
      const older = server.tasks.filter(({ taskId }) => !after || taskId < after).sort((a, b) => (a.taskId < b.taskId ? 1 : -1));
      const tasks = older.filter((task) => !status || status.includes(task.status)).slice(0, limit);
      const request = `list${status ? ` ${status}` : ""}${after ? ` after ${after}` : ""}`;
      return answer(request, { tasks, ...(tasks.length === limit && { after: tasks.at(-1).taskId }) });
    },
    status: (ids) =>
      answer(ids, {
        tasks: server.tasks.filter(({ taskId }) => ids.includes(taskId)),
        notFound: ids.filter((id) => !server.tasks.some(({ taskId }) => taskId === id)),
      }),
  };
  const connection = new FakeConnection();
  const environment = new FakeEnvironment();
  const feed = new TaskFeed({ open: () => connection, service, environment });
  const pass = async (ms) => {
    for (let passed = 0; passed < ms; passed += 100) {
      context.mock.timers.tick(100);
      await settled();
    }
  };
  return { feed, service, connection, server, environment, pass };
}

/** Wait until all pending promises have settled. */
export async function settled() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
