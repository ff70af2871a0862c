import { isActive, isNewer } from "./task.js";
import { browserEnvironment } from "./transports/poller.js";
import { PollingTransport } from "./transports/polling.js";
import { WebSocketTransport } from "./transports/webSocket.js";

/** @typedef {import("./task.js").Task} Task */

/**
 * The feed's contents at one moment. A snapshot never changes; each change creates a new one.
 *
 * @typedef {object} Snapshot
 * @property {readonly Task[]} tasks newest first
 * @property {State} state
 * @property {boolean} loaded whether the tasks have been read at least once
 */

/**
 * `live`: changes are pushed; `connecting`: no connection yet, or it was lost; `polling`: no connection, but requests
 * are answered; `offline`: no network, or the server doesn't respond.
 *
 * @typedef {"live" | "connecting" | "polling" | "offline"} State
 */

/**
 * The user's tasks, kept up to date over a WebSocket, and by polling while the WebSocket is down.
 *
 * @example
 * const service = new TaskService({ getToken });
 * const feed = new TaskFeed({ url: "wss://example.com/connection/websocket", getToken, service });
 * const unsubscribe = feed.subscribe(() => render(feed.getSnapshot().tasks));
 * feed.connect();
 */
export class TaskFeed {
  /** @type {Map<string, Task>} */
  #tasks = new Map();
  /** @type {Snapshot | null} created when it is first read */
  #snapshot = null;
  #loaded = false;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  #notifying = false;
  #stopWatching = () => {};

  /**
   * @param {object} options
   * @param {string} options.url the hub's WebSocket
   * @param {() => Promise<string>} options.getToken
   * @param {import("./taskService.js").TaskService} options.service used for polling
   * @param {number} [options.patienceMs] how long to wait for a connection before polling starts
   * @param {import("./transports/poller.js").Environment} [options.environment]
   * @param {import("./transports/webSocket.js").Connection} [options.connection]
   */
  constructor({ url, getToken, service, patienceMs = 3000, environment = browserEnvironment, connection }) {
    this.environment = environment;
    const receiver = {
      onTasks: this.#addAll.bind(this),
      onNotFound: this.#removeAll.bind(this),
      onStatus: () => this.#notify(),
    };
    this.polling = new PollingTransport({ service, receiver, activeIds: () => this.#activeIds(), patienceMs, environment });
    this.webSocket = new WebSocketTransport({
      url,
      getToken,
      connection,
      receiver: { ...receiver, onStatus: () => this.#switchTransport() },
      onSubscribed: ({ snapshot, recovered }) => {
        if (snapshot) this.#merge(snapshot);
        else if (!recovered) this.polling.restart(""); // Centrifugo sends no snapshots
        this.polling.catchUp();
      },
    });
  }

  connect() {
    this.#stopWatching = this.environment.watch(() => this.#notify());
    this.webSocket.start();
  }

  close() {
    this.#stopWatching();
    this.webSocket.stop();
    this.polling.stop();
  }

  /**
   * Call a listener after each change; changes that happen together are one call.
   * @param {() => void} listener
   * @returns {() => void} removes the listener
   */
  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** @returns {Snapshot} the same object until something changes */
  getSnapshot = () => {
    this.#snapshot ??= Object.freeze({
      tasks: Object.freeze([...this.#tasks.values()].sort((a, b) => (a.taskId < b.taskId ? 1 : -1))),
      state: this.#state(),
      loaded: this.#loaded,
    });
    return this.#snapshot;
  };

  /** @param {string} taskId @returns {Task | undefined} */
  get(taskId) {
    return this.#tasks.get(taskId);
  }

  /**
   * Add a task's state, such as the response to the request that created it. An older state changes nothing.
   * @param {Task} task
   * @returns {boolean} whether it was new
   */
  add(task) {
    this.polling.confirm(task.taskId);
    if (!isNewer(task, this.#tasks.get(task.taskId))) return false;
    this.#tasks.set(task.taskId, task);
    this.#notify();
    if (isActive(task)) this.polling.hurry();
    return true;
  }

  /**
   * Follow the draft that a model is writing for a task, from its beginning.
   * @param {string} taskId
   * @param {(draft: import("./draft.js").Draft) => void} listener called after each change of the draft
   * @returns {() => void} stops following
   */
  watchDraft(taskId, listener) {
    return this.webSocket.watchDraft(taskId, listener);
  }

  /** @returns {State} */
  #state() {
    if (this.webSocket.isUp) return "live";
    if (globalThis.navigator?.onLine === false || this.polling.isUp === false) return "offline";
    return this.polling.isUp ? "polling" : "connecting";
  }

  #switchTransport() {
    if (this.webSocket.isUp) this.polling.stop();
    else this.polling.start();
    this.#notify();
  }

  /**
   * Merge a snapshot. Unless it is truncated it holds all active tasks, so any other has ended long ago.
   * @param {import("./transports/webSocket.js").TaskSnapshot} snapshot
   */
  #merge({ tasks, truncated, after }) {
    this.polling.restart(after ?? null);
    this.#addAll(tasks, { listed: true });
    if (!truncated) this.#removeAll(this.polling.unconfirmed());
  }

  /** @param {Task[]} tasks @param {{listed?: boolean}} [options] @returns {boolean} whether anything was new */
  #addAll(tasks, { listed = false } = {}) {
    if (listed && !this.#loaded) {
      this.#loaded = true;
      this.#notify();
    }
    return tasks.map((task) => this.add(task)).includes(true);
  }

  /** @param {string[]} taskIds */
  #removeAll(taskIds) {
    for (const taskId of taskIds) {
      this.#tasks.delete(taskId);
      this.polling.confirm(taskId);
      this.#notify();
    }
  }

  /** @returns {string[]} */
  #activeIds() {
    return [...this.#tasks.values()].filter(isActive).map(({ taskId }) => taskId);
  }

  #notify() {
    this.#snapshot = null;
    if (this.#notifying) return;
    this.#notifying = true;
    queueMicrotask(() => {
      this.#notifying = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }
}
