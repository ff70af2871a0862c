import { Centrifuge } from "centrifuge";

import { taskChannel } from "../channels.js";
import { Draft } from "../draft.js";

/** @typedef {import("./transport.js").Transport} Transport */

/**
 * The part of a Centrifuge client that the transport needs.
 *
 * @typedef {Pick<Centrifuge, "on" | "connect" | "disconnect" | "newSubscription" | "removeSubscription">} Connection
 */

/** @typedef {{tasks: import("../task.js").Task[], truncated?: boolean, after?: string}} TaskSnapshot */

/**
 * Receives task states and drafts over Herald's WebSocket.
 *
 * @implements {Transport}
 */
export class WebSocketTransport {
  isUp = false;

  /**
   * @param {object} options
   * @param {string} options.url
   * @param {() => Promise<string>} options.getToken
   * @param {import("./transport.js").Receiver} options.receiver
   * @param {(subscribed: {snapshot?: TaskSnapshot, recovered: boolean}) => void} options.onSubscribed called after
   *   each (re)connection: with a snapshot, or with `recovered` if every missed change follows. With neither, changes
   *   may have been missed.
   * @param {Connection} [options.connection]
   */
  constructor({ url, getToken, receiver, onSubscribed, connection }) {
    /** @type {Connection} */
    this.connection = connection ?? new Centrifuge(url, { getToken, minReconnectDelay: 200, maxReconnectDelay: 10_000 });
    /** @param {boolean} isUp */
    const setUp = (isUp) => {
      this.isUp = isUp;
      receiver.onStatus();
    };
    this.connection.on("connected", () => setUp(true));
    this.connection.on("connecting", () => setUp(false));
    this.connection.on("disconnected", () => setUp(false));
    this.connection.on("subscribed", ({ data, recovered }) => onSubscribed({ snapshot: data, recovered }));
    this.connection.on("publication", ({ data }) => data.task && receiver.onTasks([data.task]));
  }

  start() {
    this.connection.connect();
  }

  stop() {
    this.connection.disconnect();
  }

  /**
   * Follow the draft of a task from the start of the channel's history.
   * @param {string} taskId
   * @param {(draft: Draft) => void} listener called after each change of the draft
   * @returns {() => void} stops following
   */
  watchDraft(taskId, listener) {
    const draft = new Draft();
    const subscription = this.connection.newSubscription(taskChannel(taskId), { recoverable: true });
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
}
