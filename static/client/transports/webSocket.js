import { Centrifuge } from "centrifuge";

import { TaskStream } from "./taskStream.js";

/** @import { Task } from "../task.js" */
/** @import { Receiver, Transport } from "./transport.js" */

/**
 * The part of a Centrifuge client that the transport needs.
 *
 * @typedef {Pick<Centrifuge, "on" | "connect" | "disconnect" | "newSubscription" | "removeSubscription">} Connection
 */

/** @typedef {{tasks: Task[], truncated?: boolean, after?: string}} TaskSnapshot */

/**
 * Receives task states, drafts and emitted data over Herald's WebSocket.
 *
 * @implements {Transport}
 */
export class WebSocketTransport {
  isUp = false;
  /** @type {Connection | null} created when it is first needed, so that nothing connects on a server */
  #connection = null;
  /** @type {Map<string, TaskStream>} by task id, while anyone follows it */
  #streams = new Map();

  /**
   * @param {object} options
   * @param {() => Connection} options.open creates the connection
   * @param {Receiver} options.receiver
   * @param {(subscribed: {snapshot?: TaskSnapshot, recovered: boolean}) => void} options.onSubscribed called after
   *   each (re)connection: with a snapshot, or with `recovered` if every missed change follows. With neither, changes
   *   may have been missed.
   */
  constructor({ open, receiver, onSubscribed }) {
    this.open = open;
    this.receiver = receiver;
    this.onSubscribed = onSubscribed;
  }

  start() {
    this.#connect().connect();
  }

  stop() {
    this.#connection?.disconnect();
  }

  /**
   * Follow what a task publishes, from the start of the channel's history.
   * @param {string} taskId
   * @param {() => void} listener called after each change of its `stream`
   * @returns {() => void} stops following
   */
  watch(taskId, listener) {
    const stream = this.stream(taskId) ?? new TaskStream(this.#connect(), taskId);
    this.#streams.set(taskId, stream);
    const removeListener = stream.subscribe(listener);
    return () => {
      if (!removeListener()) return;
      stream.close();
      this.#streams.delete(taskId);
    };
  }

  /** @param {string} taskId @returns {TaskStream | undefined} what it has published; only while anyone watches it */
  stream(taskId) {
    return this.#streams.get(taskId);
  }

  /** @returns {Connection} */
  #connect() {
    if (this.#connection) return this.#connection;
    const connection = (this.#connection = this.open());
    /** @param {boolean} isUp */
    const setUp = (isUp) => {
      this.isUp = isUp;
      this.receiver.onStatus();
    };
    connection.on("connected", () => setUp(true));
    connection.on("connecting", () => setUp(false));
    connection.on("disconnected", () => setUp(false));
    connection.on("subscribed", ({ data, recovered }) => this.onSubscribed({ snapshot: data, recovered }));
    connection.on("publication", ({ data }) => data.task && this.receiver.onTasks([data.task]));
    return connection;
  }
}

/**
 * A function that creates the official client, which reconnects by itself.
 * @param {string} base the server's URL; relative to the page's, or empty for the page's own server
 * @param {() => Promise<string>} getToken
 * @returns {() => Connection}
 */
export function centrifugeOf(base, getToken) {
  return () => {
    const url = new URL(`${base}/connection/websocket`, globalThis.location?.href);
    url.protocol = url.protocol.replace("http", "ws");
    return new Centrifuge(url.href, { getToken, minReconnectDelay: 200, maxReconnectDelay: 10_000 });
  };
}
