import { Centrifuge } from "centrifuge";

import { Draft } from "./draft.js";
import { StatusChecks, browser } from "./transports/poller.js";
import { ACTIVE, isActive, isNewer } from "./task.js";
import { MAX_CHECKED, MAX_LISTED } from "./taskService.js";

/** @typedef {import("./task.js").Task} Task */

/**
 * The feed's contents at one moment. A snapshot never changes; the next change makes a new one.
 *
 * @typedef {object} Snapshot
 * @property {readonly Task[]} tasks newest first
 * @property {State} state
 * @property {boolean} loaded whether the tasks have been read at least once
 */

/**
 * `live`: changes are pushed; `connecting`: no connection yet, or it was lost; `polling`: no connection, but status
 * checks are answered; `offline`: there is no network, or the server does not answer.
 *
 * @typedef {"live" | "connecting" | "polling" | "offline"} State
 */

/**
 * The part of a Centrifuge client that the feed needs.
 *
 * @typedef {Pick<Centrifuge, "on" | "connect" | "disconnect" | "newSubscription" | "removeSubscription">} Connection
 */

/**
 * The user's tasks, kept up to date by push, and by status checks while nothing can be pushed.
 *
 * @example
 * const service = new TaskService({ getToken });
 * const feed = new TaskFeed({ url: "wss://example.com/connection/websocket", getToken, service });
 * const stop = feed.subscribe(() => render(feed.getSnapshot().tasks));
 * feed.connect();
 */
export class TaskFeed {
  /** @type {Map<string, Task>} */
  #tasks = new Map();
  /** @type {Set<string>} active tasks that the last snapshot or list did not contain, so they may have ended */
  #unconfirmed = new Set();
  /** @type {string | null} the cursor of the next page to read over HTTP: "" is the first page, null means none */
  #nextPage = "";
  /** where in the list of active tasks the next status check starts */
  #checkFrom = 0;
  /** @type {Snapshot | null} the current one, made when it is first read */
  #snapshot = null;
  #loaded = false;
  #live = false;
  /** @type {boolean | null} whether the last check without a connection was answered */
  #answered = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pollTimer;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  #notifying = false;
  #stopWatching = () => {};

  /**
   * @param {object} options
   * @param {string} options.url the hub's WebSocket
   * @param {() => Promise<string>} options.getToken
   * @param {import("./taskService.js").TaskService} options.service for status checks and lists
   * @param {number} [options.patienceMs] how long to wait for a connection before status checks start
   * @param {import("./transports/poller.js").Surroundings} [options.surroundings]
   * @param {Connection} [options.connection]
   */
  constructor({ url, getToken, service, patienceMs = 3000, surroundings = browser, connection }) {
    this.service = service;
    this.patienceMs = patienceMs;
    this.surroundings = surroundings;
    /** @type {Connection} */
    this.connection = connection ?? new Centrifuge(url, { getToken, minReconnectDelay: 200, maxReconnectDelay: 10_000 });
    this.checks = new StatusChecks((signal) => this.#check(signal), { surroundings });
    this.connection.on("connected", () => this.#setLive(true));
    this.connection.on("connecting", () => this.#setLive(false));
    this.connection.on("disconnected", () => this.#setLive(false));
    this.connection.on("subscribed", ({ data, recovered }) => {
      if (data) this.#merge(data);
      else if (!recovered) this.#readFrom(""); // Centrifugo sends no snapshots
      if (this.#isIncomplete()) this.checks.start();
    });
    this.connection.on("publication", ({ data }) => data.task && this.add(data.task));
  }

  connect() {
    this.#stopWatching = this.surroundings.watch(() => this.#notify());
    this.#setLive(false);
    this.connection.connect();
  }

  close() {
    this.#stopWatching();
    this.connection.disconnect();
    clearTimeout(this.#pollTimer);
    this.checks.stop();
  }

  /**
   * Listen for changes. Changes that come together are one call.
   * @param {() => void} listener
   * @returns {() => void} unsubscribes the listener
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
   * Add a state of a task, such as the response to the request that created it. An older state changes nothing.
   * @param {Task} task
   * @returns {boolean} whether it was new
   */
  add(task) {
    this.#unconfirmed.delete(task.taskId);
    if (!isNewer(task, this.#tasks.get(task.taskId))) return false;
    this.#tasks.set(task.taskId, task);
    this.#notify();
    if (isActive(task) && !this.#live) this.checks.hurry();
    return true;
  }

  /**
   * Follow the draft that a model is writing for a task, from the start of the channel's history.
   * @param {string} taskId
   * @param {(draft: Draft) => void} listener called after each change of the draft
   * @returns {() => void} stops following
   */
  watchDraft(taskId, listener) {
    const draft = new Draft();
    const subscription = this.connection.newSubscription(`task:${taskId}`, { recoverable: true });
    /** @type {any[] | null} messages that arrive before the history has been read */
    let early = [];
    /** @param {any[]} messages */
    const add = (messages) => {
      const pieces = messages.filter(({ type }) => type === "task.delta");
      if (pieces.map((piece) => draft.add(piece)).includes(true)) listener(draft);
    };
    subscription.on("publication", ({ data }) => (early ? early.push(data) : add([data])));
    subscription.on("subscribed", async ({ recovered }) => {
      if (!recovered) {
        early ??= [];
        const history = await subscription.history({ limit: -1 }).catch(() => ({ publications: [] }));
        add(history.publications.map(({ data }) => data));
      }
      add(early ?? []);
      early = null;
    });
    subscription.subscribe();
    return () => {
      listener = () => {}; // the history may still be on its way
      subscription.unsubscribe();
      this.connection.removeSubscription(subscription);
    };
  }

  /** @returns {State} */
  #state() {
    if (this.#live) return "live";
    if (globalThis.navigator?.onLine === false || this.#answered === false) return "offline";
    return this.#answered ? "polling" : "connecting";
  }

  /** @param {boolean} live */
  #setLive(live) {
    this.#live = live;
    clearTimeout(this.#pollTimer);
    if (live) {
      this.checks.stop();
      this.#answered = null;
    } else {
      this.#pollTimer = setTimeout(() => this.checks.start(), this.patienceMs);
    }
    this.#notify();
  }

  /**
   * Merge a snapshot. Unless it is truncated it has all active tasks, so any other is gone.
   * @param {{tasks: Task[], truncated?: boolean, after?: string}} snapshot
   */
  #merge({ tasks, truncated, after }) {
    this.#readFrom(after ?? null);
    this.#loaded = true;
    this.#notify();
    for (const task of tasks) this.add(task);
    if (!truncated) for (const taskId of this.#unconfirmed) this.#remove(taskId);
  }

  /**
   * Start over from a snapshot or list: until it mentions them, the active tasks may have ended.
   * @param {string | null} after the cursor of the first page to read
   */
  #readFrom(after) {
    this.#nextPage = after;
    this.#unconfirmed = new Set(this.#active());
  }

  /** @returns {string[]} the ids of the active tasks */
  #active() {
    return [...this.#tasks.values()].filter(isActive).map((task) => task.taskId);
  }

  /** @param {string} taskId */
  #remove(taskId) {
    this.#tasks.delete(taskId);
    this.#unconfirmed.delete(taskId);
  }

  /** @returns {boolean} whether requests are needed although changes are pushed */
  #isIncomplete() {
    return this.#nextPage !== null || this.#unconfirmed.size > 0;
  }

  /**
   * Read the pages that are missing, or else check active tasks.
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>} whether anything was new
   */
  async #check(signal) {
    try {
      const changed = await (this.#nextPage === null ? this.#checkActive(signal) : this.#readPages(signal));
      if (!this.#live) this.#answered = true;
      else if (!this.#isIncomplete()) this.checks.stop();
      return changed;
    } catch (error) {
      if (!signal.aborted && !this.#live) this.#answered = false;
      throw error;
    } finally {
      this.#notify();
    }
  }

  /**
   * Check active tasks in one request; while changes are pushed, only the unconfirmed ones.
   * @param {AbortSignal} signal
   */
  async #checkActive(signal) {
    const ids = this.#live ? [...this.#unconfirmed] : this.#active();
    if (ids.length === 0) return false;
    const from = this.#checkFrom % ids.length; // tasks take turns if there are more than fit into a request
    const turn = [...ids.slice(from), ...ids.slice(0, from)].slice(0, MAX_CHECKED);
    this.#checkFrom = from + turn.length;
    const { tasks, notFound } = await this.service.status(turn, { signal });
    signal.throwIfAborted();
    for (const taskId of notFound) this.#remove(taskId);
    return tasks.map((task) => this.add(task)).includes(true);
  }

  /**
   * Read all pages that are missing: of the newest tasks if nothing has been read, and of older ones that are active.
   * @param {AbortSignal} signal
   */
  async #readPages(signal) {
    let changed = false;
    while (this.#nextPage !== null) {
      const older = this.#nextPage && { after: this.#nextPage, status: [...ACTIVE] };
      const { tasks, after } = await this.service.list({ limit: MAX_LISTED, signal, ...older });
      signal.throwIfAborted();
      this.#loaded = true;
      this.#nextPage = after ?? null;
      changed = tasks.map((task) => this.add(task)).includes(true) || changed;
    }
    return changed;
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
