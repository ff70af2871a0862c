/**
 * Says when tasks have ended: failures at once, successes gathered for a moment, so that five are one message.
 *
 * An ending is announced once: not again after a reload, and not by each of several tabs. A page that can be seen
 * goes first; where none can be seen, the system's own notification is used if the user allows it.
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

/** @typedef {import("./task.js").Task} Task */
/** @typedef {{kind: "completed" | "failed", tasks: Task[]}} Announcement */

const LOOK_AFTER_MS = 50;
const GATHER_MS = 800;
const HIDDEN_WAITS_MS = 400;
const HOLD_MS = 5000;
const REMEMBERED = 500;
const WATCHED = "watched";
const TOLD = "told";

export class Notifications {
  /** @type {Map<string, boolean>} by task, whether it was active when it was last looked at */
  #seen = new Map();
  /** @type {Task[]} */
  #completed = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #look;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #gather;
  #unsubscribe = () => {};

  /**
   * @param {object} options
   * @param {Pick<import("./taskFeed.js").TaskFeed, "subscribe" | "getSnapshot">} options.feed
   * @param {(announcement: Announcement) => void} options.show where the user is looking
   * @param {(announcement: Announcement) => {title: string, body?: string}} options.describe for the system
   * @param {string} [options.user] whose tasks these are; users of one browser are told apart
   * @param {Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">} [options.storage] what the tabs
   *   have in common
   * @param {Pick<LockManager, "request">} [options.locks]
   * @param {() => boolean} [options.hidden] whether nobody sees this page
   * @param {(title: string, options: NotificationOptions) => void} [options.notify] to the system
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
    this.#forget();
    this.#unsubscribe = this.feed.subscribe(() => {
      this.#look ??= setTimeout(() => this.#lookAround(), LOOK_AFTER_MS);
    });
    this.#lookAround();
  }

  stop() {
    this.#unsubscribe();
    clearTimeout(this.#look);
    clearTimeout(this.#gather);
    this.#look = this.#gather = undefined;
  }

  /**
   * Ask the user for the system's notifications; browsers want that to follow a click.
   * @returns {Promise<NotificationPermission | "unsupported">}
   */
  static async allow() {
    return "Notification" in globalThis ? Notification.requestPermission() : "unsupported";
  }

  /** Note which tasks run, and announce those that have ended since. */
  #lookAround() {
    this.#look = undefined;
    for (const task of this.feed.getSnapshot().tasks) {
      const active = isActive(task);
      if (this.#seen.get(task.taskId) === active) continue;
      this.#seen.set(task.taskId, active);
      if (active) this.#watch(task);
      else if (["completed", "failed"].includes(task.status)) this.#ended(task);
    }
  }

  /** @param {Task} task */
  async #ended(task) {
    if (!this.#isWatched(task)) return; // nobody here has waited for it, or it has been announced
    if (this.hidden()) await new Promise((resolve) => setTimeout(resolve, HIDDEN_WAITS_MS));
    if (!(await this.#claim(task))) return;
    if (task.status === "failed") {
      this.#announce({ kind: "failed", tasks: [task] });
    } else {
      this.#completed.push(task);
      this.#gather ??= setTimeout(() => {
        this.#gather = undefined;
        this.#announce({ kind: "completed", tasks: this.#completed.splice(0) });
      }, GATHER_MS);
    }
  }

  /**
   * Make an ending this tab's to announce.
   *
   * What one tab stores the others may see a little later, so who has claimed an ending holds its lock for a while;
   * whoever comes too late notes as well that it has been announced.
   * @param {Task} task
   * @returns {Promise<boolean>} false if another tab was faster
   */
  #claim(task) {
    const take = () => {
      const free = this.#isWatched(task);
      this.#remember(task, TOLD);
      return free;
    };
    if (!this.locks) return Promise.resolve(take());
    const name = `${this.prefix}${task.taskId}:${task.rev}`;
    return new Promise((resolve, reject) => {
      const held = this.locks.request(name, { ifAvailable: true }, async (lock) => {
        resolve(take() && lock !== null);
        if (lock) await new Promise((release) => setTimeout(release, HOLD_MS));
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

  /** @param {Task} task one that is active */
  #watch(task) {
    const [what, rev] = this.#memory(task);
    if (what === TOLD && rev >= task.rev) return; // another tab knows already that it has ended
    this.#remember(task, WATCHED);
  }

  /** @param {Task} task @returns {boolean} whether its ending is waited for, and has not been announced */
  #isWatched(task) {
    return this.#memory(task)[0] === WATCHED;
  }

  /** @param {Task} task @returns {[string | undefined, number]} what is remembered, and of which version */
  #memory({ taskId }) {
    const [what, rev] = this.storage.getItem(this.prefix + taskId)?.split(" ") ?? [];
    return [what, Number(rev)];
  }

  /** @param {Task} task @param {string} what */
  #remember(task, what) {
    this.storage.setItem(this.prefix + task.taskId, `${what} ${task.rev}`);
  }

  /** Forget the oldest tasks. */
  #forget() {
    const keys = Array.from({ length: this.storage.length }, (_, index) => this.storage.key(index) ?? "");
    const known = keys.filter((key) => key.startsWith(this.prefix)).sort();
    for (const key of known.slice(0, -REMEMBERED)) this.storage.removeItem(key);
  }
}

/** @param {string} title @param {NotificationOptions} options */
function notifySystem(title, options) {
  if (globalThis.Notification?.permission === "granted") new Notification(title, options);
}
