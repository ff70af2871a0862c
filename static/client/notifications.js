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
const REMEMBERED = 500;
const WATCHED = 0;

export class Notifications {
  /** @type {Map<string, boolean>} by task and version, whether it was active */
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
   * @param {Pick<Storage, "getItem" | "setItem">} [options.storage] what the tabs have in common
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
    this.key = `herald:announced:${user}`;
    this.storage = storage;
    this.locks = locks;
    this.hidden = hidden;
    this.notify = notify;
  }

  start() {
    this.#unsubscribe = this.feed.subscribe(() => {
      this.#look ??= setTimeout(() => this.#lookAround(), LOOK_AFTER_MS);
    });
    this.#lookAround();
  }

  stop() {
    this.#unsubscribe();
    clearTimeout(this.#look);
    clearTimeout(this.#gather);
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
    const watched = [];
    for (const task of this.feed.getSnapshot().tasks) {
      const before = this.#seen.get(task.taskId);
      const active = isActive(task);
      if (before === active) continue;
      this.#seen.set(task.taskId, active);
      if (active) watched.push(task);
      else if (task.status !== "cancelled") this.#ended(task);
    }
    if (watched.length > 0) this.#remember(watched.map((task) => [task.taskId, WATCHED]));
  }

  /** @param {Task} task */
  async #ended(task) {
    if (this.#memory()[task.taskId] !== WATCHED) return; // nobody here has waited for it, or it has been announced
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
   * @param {Task} task
   * @returns {Promise<boolean>} false if another tab was faster
   */
  async #claim(task) {
    const take = () => {
      const free = this.#memory()[task.taskId] === WATCHED;
      if (free) this.#remember([[task.taskId, task.rev]]);
      return free;
    };
    return this.locks ? this.locks.request(this.key, take) : take();
  }

  /** @param {Announcement} announcement */
  #announce(announcement) {
    this.show(announcement);
    if (this.hidden()) {
      const { title, body } = this.describe(announcement);
      this.notify(title, { body, tag: announcement.tasks.map((task) => task.taskId).join() });
    }
  }

  /** @returns {Record<string, number>} by task: `WATCHED`, or the version of the ending that was announced */
  #memory() {
    try {
      return JSON.parse(this.storage.getItem(this.key) ?? "{}");
    } catch {
      return {};
    }
  }

  /** @param {[string, number][]} entries */
  #remember(entries) {
    const all = Object.entries({ ...this.#memory(), ...Object.fromEntries(entries) });
    const newest = all.sort(([a], [b]) => (a < b ? -1 : 1)).slice(-REMEMBERED);
    this.storage.setItem(this.key, JSON.stringify(Object.fromEntries(newest)));
  }
}

/** @param {string} title @param {NotificationOptions} options */
function notifySystem(title, options) {
  if (globalThis.Notification?.permission === "granted") new Notification(title, options);
}
