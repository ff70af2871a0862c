import { Centrifuge } from "centrifuge";

import { Draft } from "./draft.js";
import { StatusChecks, browser } from "./statusChecks.js";
import { ACTIVE, isActive, isNewer } from "./task.js";
import { MAX_CHECKED, MAX_LISTED } from "./taskService.js";

/** @typedef {import("./task.js").Task} Task */

/**
 * What the feed knows at one moment. It is never changed: a new one takes its place.
 *
 * @typedef {object} Snapshot
 * @property {readonly Task[]} tasks newest first
 * @property {State} state
 * @property {boolean} loaded whether the tasks have been read at least once
 */

/**
 * `live`: changes are pushed; `connecting`: not yet, or not any more; `polling`: they are asked for meanwhile;
 * `offline`: there is no network, or nobody answers.
 *
 * @typedef {"live" | "connecting" | "polling" | "offline"} State
 */

/**
 * The part of a Centrifuge client that the feed needs.
 *
 * @typedef {Pick<Centrifuge, "on" | "connect" | "disconnect" | "newSubscription" | "removeSubscription">} Connection
 */

/**
 * The user's tasks, kept up to date by push, and by asking where nothing can be pushed.
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
  /** @type {Snapshot | null} the current one, once somebody has asked for it */
  #snapshot = null;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  #telling = false;
  #loaded = false;
  #live = false;
  /** @type {boolean | null} whether the last check was answered */
  #answered = null;
  #checkedTo = 0;
  /** @type {string | null} after which task older ones are to be read; "" is from the newest on, null is nowhere */
  #unread = "";
  /** @type {Set<string>} active tasks that the last snapshot or list has not mentioned: they may have ended since */
  #doubtful = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patience;
  #stopWatching = () => {};

  /**
   * @param {object} options
   * @param {string} options.url of the hub's WebSocket
   * @param {() => Promise<string>} options.getToken
   * @param {import("./taskService.js").TaskService} options.service what is asked when nothing can be pushed
   * @param {number} [options.patienceMs] how long to be without a connection before asking
   * @param {import("./statusChecks.js").Surroundings} [options.surroundings]
   * @param {Connection} [options.connection]
   */
  constructor({ url, getToken, service, patienceMs = 3000, surroundings = browser, connection }) {
    this.service = service;
    this.patienceMs = patienceMs;
    this.surroundings = surroundings;
    /** @type {Connection} */
    this.connection = connection ?? new Centrifuge(url, { getToken, minReconnectDelay: 200, maxReconnectDelay: 10_000 });
    this.checks = new StatusChecks((signal) => this.#check(signal), { surroundings });
    this.connection.on("connected", () => this.#enter(true));
    this.connection.on("connecting", () => this.#enter(false));
    this.connection.on("disconnected", () => this.#enter(false));
    this.connection.on("subscribed", ({ data, recovered }) => {
      if (data) this.#take(data);
      else if (!recovered) this.#unread = ""; // a Centrifugo has no snapshot of a user's tasks
      if (this.#isIncomplete()) this.checks.start();
    });
    this.connection.on("publication", ({ data }) => data.task && this.add(data.task));
  }

  connect() {
    this.#stopWatching = this.surroundings.watch(() => this.#tell());
    this.#enter(false);
    this.connection.connect();
  }

  close() {
    this.#stopWatching();
    this.connection.disconnect();
    clearTimeout(this.#patience);
    this.checks.stop();
  }

  /**
   * Be called after changes; those that come together are told once.
   * @param {() => void} listener
   * @returns {() => void} ends it
   */
  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** @returns {Snapshot} the same one until something changes */
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
   * Take in a task's state that came another way, such as the answer to the request that created it.
   * @param {Task} task
   * @returns {boolean} whether it was news
   */
  add(task) {
    this.#doubtful.delete(task.taskId);
    if (!isNewer(task, this.#tasks.get(task.taskId))) return false;
    this.#tasks.set(task.taskId, task);
    this.#tell();
    if (isActive(task) && !this.#live) this.checks.hurry();
    return true;
  }

  /**
   * Follow what a model is writing for a task, from the beginning of its history on.
   * @param {string} taskId
   * @param {(draft: Draft) => void} listener called after each further piece
   * @returns {() => void} ends it
   */
  watchDraft(taskId, listener) {
    const draft = new Draft();
    const subscription = this.connection.newSubscription(`task:${taskId}`, { recoverable: true });
    /** @type {any[] | null} pieces that wait for those before them */
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
  #enter(live) {
    this.#live = live;
    clearTimeout(this.#patience);
    if (live) {
      this.checks.stop();
      this.#answered = null;
    } else {
      this.#patience = setTimeout(() => this.checks.start(), this.patienceMs);
    }
    this.#tell();
  }

  /**
   * Take in a snapshot. One that is not truncated has all active tasks: others are gone.
   * @param {{tasks: Task[], truncated?: boolean, after?: string}} snapshot
   */
  #take({ tasks, truncated, after }) {
    this.#doubt();
    this.#loaded = true;
    this.#unread = truncated ? (after ?? null) : null;
    this.#tell();
    for (const task of tasks) this.add(task);
    if (!truncated) for (const taskId of this.#doubtful) this.#remove(taskId);
  }

  /** Take no active task for granted that is not mentioned from now on. */
  #doubt() {
    this.#doubtful = new Set(this.#active());
  }

  #active() {
    return [...this.#tasks.values()].filter(isActive).map((task) => task.taskId);
  }

  /** @param {string} taskId */
  #remove(taskId) {
    this.#tasks.delete(taskId);
    this.#doubtful.delete(taskId);
  }

  /** @returns {boolean} whether something has to be asked for though changes are pushed */
  #isIncomplete() {
    return this.#unread !== null || this.#doubtful.size > 0;
  }

  /**
   * Ask how the active tasks are doing, all in one request; or which tasks there are, as long as that is not known.
   * @param {AbortSignal} signal
   */
  async #check(signal) {
    try {
      const news = await this.#ask(signal);
      if (signal.aborted) return false;
      if (!this.#live) this.#answered = true;
      else if (!this.#isIncomplete()) this.checks.stop();
      this.#tell();
      return news;
    } catch (error) {
      if (!signal.aborted && !this.#live) {
        this.#answered = false;
        this.#tell();
      }
      throw error;
    }
  }

  /** @param {AbortSignal} signal @returns {Promise<boolean>} whether there were news */
  async #ask(signal) {
    if (this.#unread !== null) return this.#read(signal);
    const wanted = this.#live ? [...this.#doubtful] : this.#active();
    if (wanted.length === 0) return false;
    const from = this.#checkedTo % wanted.length; // more than fit into a request take turns
    const turn = [...wanted.slice(from), ...wanted.slice(0, from)].slice(0, MAX_CHECKED);
    this.#checkedTo = from + turn.length;
    const { tasks, notFound } = await this.service.status(turn, { signal });
    if (signal.aborted) return false;
    for (const taskId of notFound) this.#remove(taskId);
    return tasks.map((task) => this.add(task)).includes(true);
  }

  /**
   * Read the newest tasks, and all older ones that are active; or only the latter, where a snapshot had the newest.
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>} whether there were news
   */
  async #read(signal) {
    let news = false;
    while (this.#unread !== null) {
      const older = this.#unread !== "" && { after: this.#unread, status: [...ACTIVE] };
      const { tasks, after } = await this.service.list({ limit: MAX_LISTED, signal, ...older });
      if (signal.aborted) return false;
      if (!older) this.#doubt();
      this.#loaded = true;
      this.#unread = after ?? null;
      news = tasks.map((task) => this.add(task)).includes(true) || news;
    }
    return news;
  }

  #tell() {
    this.#snapshot = null;
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }
}
