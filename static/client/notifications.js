/**
 * Notifies the user when tasks end: of each failure at once, and of several successes in one message.
 *
 * Each task is announced once, even after a reload or with several open tabs. A visible tab goes first; if no tab is
 * visible, the browser shows a system notification, if the user allows it.
 *
 * @example
 * const notifications = new Notifications({
 *   feed,
 *   show: ({ kind, tasks }) => toast(`${tasks.length} ${kind}`),
 *   describe: ({ kind, tasks }) => ({ title: "Herald", body: `${tasks.length} ${kind}` }),
 * });
 * notifications.start();
 */

import { isActive } from "./task.js";

/** @import { Task } from "./task.js" */
/** @import { TaskFeed } from "./taskFeed.js" */
/** @typedef {{kind: "completed" | "failed", tasks: Task[]}} Announcement */

const SCAN_DELAY_MS = 50;
const GROUP_MS = 800;
const HIDDEN_DELAY_MS = 400;
const LOCK_HOLD_MS = 5000;
const MAX_REMEMBERED = 500;
const WATCHED = "watched";
const ANNOUNCED = "announced";

export class Notifications {
  /** @type {Map<string, boolean>} by task id, whether the task was active at the last scan */
  #wasActive = new Map();
  /** @type {Task[]} */
  #completed = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #scanTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #groupTimer;
  #unsubscribe = () => {};

  /**
   * @param {object} options
   * @param {Pick<TaskFeed, "subscribe" | "getSnapshot">} options.feed
   * @param {(announcement: Announcement) => void} options.show shows a message in the page
   * @param {(announcement: Announcement) => {title: string, body?: string}} options.describe the text of a system
   *   notification
   * @param {string} [options.user] keeps several users of one browser apart
   * @param {Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">} [options.storage] shared by all tabs
   * @param {Pick<LockManager, "request">} [options.locks]
   * @param {() => boolean} [options.hidden] whether the page is hidden
   * @param {(title: string, options: NotificationOptions) => void} [options.notify] shows a system notification
   */
  constructor({
    feed,
    show,
    describe,
    user = "",
    storage = globalThis.localStorage,
    locks = globalThis.navigator?.locks,
    hidden = () => document.visibilityState === "hidden",
    notify = notifySystem,
  }) {
    this.feed = feed;
    this.show = show;
    this.describe = describe;
    this.prefix = `herald:announced:${user}:`;
    this.storage = storage;
    this.locks = locks;
    this.hidden = hidden;
    this.notify = notify;
  }

  start() {
    this.#prune();
    this.#unsubscribe = this.feed.subscribe(() => {
      this.#scanTimer ??= setTimeout(() => this.#scan(), SCAN_DELAY_MS);
    });
    this.#scan();
  }

  stop() {
    this.#unsubscribe();
    clearTimeout(this.#scanTimer);
    clearTimeout(this.#groupTimer);
    this.#scanTimer = this.#groupTimer = undefined;
  }

  /**
   * Ask for permission to show system notifications. Browsers require a click first.
   * @returns {Promise<NotificationPermission | "unsupported">}
   */
  static async allow() {
    return "Notification" in globalThis ? Notification.requestPermission() : "unsupported";
  }

  /** Watch the active tasks, and announce those that have ended since the last scan. */
  #scan() {
    this.#scanTimer = undefined;
    for (const task of this.feed.getSnapshot().tasks) {
      const active = isActive(task);
      if (this.#wasActive.get(task.taskId) === active) continue;
      this.#wasActive.set(task.taskId, active);
      if (active) this.#watch(task);
      else if (["completed", "failed"].includes(task.status)) this.#onEnded(task);
    }
  }

  /** @param {Task} task */
  async #onEnded(task) {
    if (!this.#isWatched(task)) return; // it wasn't active in this browser, or has already been announced
    if (this.hidden()) await new Promise((resolve) => setTimeout(resolve, HIDDEN_DELAY_MS));
    if (!(await this.#claim(task))) return;
    if (task.status === "failed") {
      this.#announce({ kind: "failed", tasks: [task] });
    } else {
      this.#completed.push(task);
      this.#groupTimer ??= setTimeout(() => {
        this.#groupTimer = undefined;
        this.#announce({ kind: "completed", tasks: this.#completed.splice(0) });
      }, GROUP_MS);
    }
  }

  /**
   * Claim the announcement of an ended task for this tab.
   *
   * Other tabs may see a stored value a little later, so the tab that claims a task also holds a lock for a while. A
   * tab that comes too late records the announcement as well.
   * @param {Task} task
   * @returns {Promise<boolean>} false if another tab was faster
   */
  #claim(task) {
    const take = () => {
      const unclaimed = this.#isWatched(task);
      this.#record(task, ANNOUNCED);
      return unclaimed;
    };
    if (!this.locks) return Promise.resolve(take());
    const name = `${this.prefix}${task.taskId}:${task.rev}`;
    return new Promise((resolve, reject) => {
      const held = this.locks.request(name, { ifAvailable: true }, async (lock) => {
        resolve(take() && lock !== null);
        if (lock) await new Promise((release) => setTimeout(release, LOCK_HOLD_MS));
      });
      held.catch(reject);
    });
  }

  /** @param {Announcement} announcement */
  #announce(announcement) {
    this.show(announcement);
    if (this.hidden()) {
      const { title, body } = this.describe(announcement);
      this.notify(title, { body, tag: announcement.tasks.map((task) => task.taskId).join() });
    }
  }

  /** @param {Task} task an active task */
  #watch(task) {
    const [state, rev] = this.#recall(task);
    if (state === ANNOUNCED && rev >= task.rev) return; // this tab lags behind: the task has already ended
    this.#record(task, WATCHED);
  }

  /** @param {Task} task @returns {boolean} whether it was seen active and hasn't been announced */
  #isWatched(task) {
    return this.#recall(task)[0] === WATCHED;
  }

  /** @param {Task} task @returns {[string | undefined, number]} the recorded state, and the task's rev at that time */
  #recall({ taskId }) {
    const [state, rev] = this.storage.getItem(this.prefix + taskId)?.split(" ") ?? [];
    return [state, Number(rev)];
  }

  /** @param {Task} task @param {string} state */
  #record(task, state) {
    this.storage.setItem(this.prefix + task.taskId, `${state} ${task.rev}`);
  }

  /** Delete the records of the oldest tasks. */
  #prune() {
    const keys = Array.from({ length: this.storage.length }, (_, index) => this.storage.key(index) ?? "");
    const records = keys.filter((key) => key.startsWith(this.prefix)).sort();
    for (const key of records.slice(0, -MAX_REMEMBERED)) this.storage.removeItem(key);
  }
}

/** @param {string} title @param {NotificationOptions} options */
function notifySystem(title, options) {
  if (globalThis.Notification?.permission === "granted") new Notification(title, options);
}
