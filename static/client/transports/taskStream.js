import { taskChannel } from "../channels.js";
import { Draft } from "../draft.js";

/** @import { Centrifuge } from "centrifuge" */

/**
 * Follows what a running task publishes on its own channel: its draft, and the data that its code emits.
 *
 * It starts with the channel's history, and again with it after a connection that wasn't recovered.
 */
export class TaskStream {
  draft = new Draft();
  /** @type {Map<string, any>} the newest data by name */
  emitted = new Map();
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {any[] | null} messages that arrive before the history has been read */
  #early = [];

  /**
   * @param {Pick<Centrifuge, "newSubscription" | "removeSubscription">} connection
   * @param {string} taskId
   */
  constructor(connection, taskId) {
    this.connection = connection;
    this.subscription = connection.newSubscription(taskChannel(taskId), { recoverable: true });
    this.subscription.on("publication", ({ data }) => {
      if (this.#early) this.#early.push(data);
      else this.#add([data]);
    });
    this.subscription.on("subscribed", ({ recovered }) => this.#onSubscribed(recovered));
    this.subscription.subscribe();
  }

  close() {
    this.subscription.unsubscribe();
    this.connection.removeSubscription(this.subscription);
  }

  /**
   * @param {() => void} listener called after each change
   * @returns {() => boolean} removes the listener, and returns whether it was the last one
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener) && this.#listeners.size === 0;
  }

  /** @param {boolean} recovered whether every missed message follows */
  async #onSubscribed(recovered) {
    if (!recovered) {
      this.#early ??= [];
      this.emitted.clear();
      const history = await this.subscription.history({ limit: -1 }).catch(() => ({ publications: [] }));
      this.#add(history.publications.map(({ data }) => data));
    }
    this.#add(this.#early ?? []);
    this.#early = null;
  }

  /** @param {any[]} messages */
  #add(messages) {
    if (messages.map((message) => this.#apply(message)).includes(true)) {
      for (const listener of [...this.#listeners]) listener();
    }
  }

  /** @param {any} message @returns {boolean} whether anything changed */
  #apply(message) {
    if (message.type === "task.delta") return this.draft.add(message);
    if (message.type !== "task.emitted") return false;
    this.emitted.set(message.name, message.data);
    return true;
  }
}
