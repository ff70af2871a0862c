import { Centrifuge } from "centrifuge";

import { Draft } from "./draft.js";
import { isNewer } from "./version.js";

const ACTIVE = new Set(["queued", "processing", "retrying"]);

/**
 * @typedef {object} Task a task's public state, as it is pushed
 * @property {string} taskId
 * @property {string} type
 * @property {"queued" | "processing" | "retrying" | "completed" | "failed" | "cancelled"} status
 * @property {number} progress whole percents
 * @property {string} [currentStep]
 * @property {{name: string, status: string}[]} steps
 * @property {number} [queuePosition] which one it is of those that wait, from 1
 * @property {string} [estimatedStart] RFC 3339
 * @property {string} [estimatedCompletion] RFC 3339
 * @property {object} [result] a reference to what was made
 * @property {string} [lastError]
 * @property {number} rev
 * @property {number} tick
 * @property {string} createdAt RFC 3339
 */

/**
 * The user's tasks, kept up to date by push.
 *
 * Events: `change` when tasks changed, with `detail.changed: {task, before}[]` (`before` is undefined for a
 * task that was not known, and every state from a snapshot carries `detail.snapshot: true`); `state` when
 * the connection came or went.
 *
 * @example
 * const feed = new TaskFeed({ url: "wss://example.com/connection/websocket", getToken });
 * feed.addEventListener("change", () => render(feed.list()));
 * feed.connect();
 */
export class TaskFeed extends EventTarget {
  /** @param {{url: string, getToken: () => Promise<string>}} options */
  constructor({ url, getToken }) {
    super();
    /** @type {Map<string, Task>} */
    this.tasks = new Map();
    /** @type {"connecting" | "live" | "closed"} */
    this.state = "connecting";
    this.connection = new Centrifuge(url, { getToken: () => getToken(), minReconnectDelay: 200, maxReconnectDelay: 10_000 });
    this.connection.on("connected", () => this.#enter("live"));
    this.connection.on("connecting", () => this.#enter("connecting"));
    this.connection.on("disconnected", () => this.#enter("closed"));
    this.connection.on("subscribed", ({ data }) => data && this.#takeSnapshot(data.tasks));
    this.connection.on("publication", ({ data }) => data.task && this.#take([data.task], false));
  }

  connect() {
    this.connection.connect();
  }

  close() {
    this.connection.disconnect();
  }

  /** @returns {Task[]} newest first */
  list() {
    return [...this.tasks.values()].sort((a, b) => (a.taskId < b.taskId ? 1 : -1));
  }

  /** @returns {number} how many tasks have not ended */
  activeCount() {
    return this.list().filter((task) => ACTIVE.has(task.status)).length;
  }

  /**
   * Take in a task's state that came another way, such as the answer to the request that created it.
   * @param {Task} task
   */
  add(task) {
    this.#take([task], false);
  }

  /**
   * Follow what a model is writing for a task, from the beginning of its history on.
   * @param {string} taskId
   * @param {(draft: Draft) => void} listener called after each further piece
   * @returns {() => void} stops it
   */
  watchDraft(taskId, listener) {
    const draft = new Draft();
    const subscription = this.connection.newSubscription(`task:${taskId}`, { recoverable: true });
    /** @type {object[] | null} pieces that wait for those before them */
    let early = [];
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

  /** @param {Task[]} tasks all that are active, and some that have ended */
  #takeSnapshot(tasks) {
    const present = new Set(tasks.map((task) => task.taskId));
    for (const [taskId, task] of this.tasks) {
      if (ACTIVE.has(task.status) && !present.has(taskId)) this.tasks.delete(taskId);
    }
    this.#take(tasks, true);
  }

  /** @param {Task[]} tasks @param {boolean} snapshot */
  #take(tasks, snapshot) {
    const changed = [];
    for (const task of tasks) {
      const before = this.tasks.get(task.taskId);
      if (!isNewer(task, before)) continue;
      this.tasks.set(task.taskId, task);
      changed.push({ task, before });
    }
    this.dispatchEvent(new CustomEvent("change", { detail: { changed, snapshot } }));
  }

  #enter(state) {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}
