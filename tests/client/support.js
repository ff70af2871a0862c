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

/** Of the official SDK what the feed uses; `emit` is what the server does. */
export class FakeConnection {
  handlers = {};
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

/** A page that can be looked away from. */
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
