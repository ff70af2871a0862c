import { isActive, isNewer } from "./task.js";
import { browserEnvironment } from "./transports/poller.js";
import { PollingTransport } from "./transports/polling.js";
import { WebSocketTransport } from "./transports/webSocket.js";

/** @import { Answer } from "./draft.js" */
/** @import { Task } from "./task.js" */
/** @import { TaskService } from "./taskService.js" */
/** @import { Environment } from "./transports/poller.js" */
/** @import { Connection, TaskSnapshot } from "./transports/webSocket.js" */

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

/** @type {Snapshot} the contents before anything has been read */
export const EMPTY = Object.freeze({ tasks: Object.freeze([]), state: "connecting", loaded: false });

/** @type {readonly Answer[]} */
const NO_ANSWERS = Object.freeze([]);

/**
 * The user's tasks, kept up to date over a WebSocket, and by polling while the WebSocket is down.
 *
 * @example
 * const { feed } = new Herald({ getToken });
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
   * @param {() => Connection} options.open creates the connection
   * @param {Pick<TaskService, "status" | "list">} options.service used for polling
   * @param {number} [options.patienceMs] how long to wait for a connection before polling starts
   * @param {Environment} [options.environment]
   */
  constructor({ open, service, patienceMs = 3000, environment = browserEnvironment }) {
    this.environment = environment;
    const receiver = {
      onTasks: this.#addAll.bind(this),
      onNotFound: this.#removeAll.bind(this),
      onStatus: () => this.#notify(),
    };
    this.polling = new PollingTransport({ service, receiver, activeIds: () => this.#activeIds(), patienceMs, environment });
    this.webSocket = new WebSocketTransport({
      open,
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
   * Follow what a task publishes while it runs: its draft and the data that it emits.
   * @param {string} taskId
   * @param {() => void} listener called after each change of `draft` or `emitted`
   * @returns {() => void} stops following
   */
  watch(taskId, listener) {
    return this.webSocket.watch(taskId, listener);
  }

  /**
   * The draft that a model is writing for a task.
   * @param {string} taskId
   * @returns {readonly Answer[]} the same array until it changes; empty unless the task is watched
   */
  draft(taskId) {
    return this.webSocket.stream(taskId)?.draft.current() ?? NO_ANSWERS;
  }

  /**
   * The newest data that a task has emitted under a name.
   * @param {string} taskId
   * @param {string} name
   * @returns {any} undefined if there is none
   */
  emitted(taskId, name) {
    const task = this.get(taskId);
    const pushed = this.webSocket.stream(taskId)?.emitted.get(name);
    const isAhead = this.webSocket.isUp && (!task || isActive(task)); // the task's own copy follows within a second
    return (isAhead ? pushed : undefined) ?? task?.emitted?.[name] ?? pushed;
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
   * @param {TaskSnapshot} snapshot
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
