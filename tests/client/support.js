/** Stand-ins for what surrounds the client: a connection, a server, a browser's surroundings. */

let made = 0;

/** @param {object} [changes] */
export function aTask(changes = {}) {
  made += 1;
  return {
    taskId: `t${String(made).padStart(4, "0")}`,
    type: "GENERATE_BRAND_KIT",
    status: "processing",
    progress: 0,
    steps: [],
    rev: 1,
    tick: 0,
    ...changes,
  };
}

/** The part of the official SDK that the feed uses; `emit` is what the server does. */
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

/** A subscription of one channel; `accept`, `push`, `answer` and `fail` are what the server does. */
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
  /** Only a subscription that asks to be recoverable is recovered. */
  accept({ recovered = false } = {}) {
    this.handlers.subscribed({ recovered: recovered && this.options.recoverable === true });
  }
  push(data) {
    this.handlers.publication({ data });
  }
}

/** A page that can be hidden. */
export class FakeSurroundings {
  listeners = new Set();
  isAwake = true;
  awake = () => this.isAwake;
  watch = (listener) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  become(awake) {
    this.isAwake = awake;
    for (const listener of this.listeners) listener();
  }
}

/** Let everything that is due now happen. */
export async function settled() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
