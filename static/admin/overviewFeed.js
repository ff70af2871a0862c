/**
 * The overview as it is pushed to the operators' channel, and those before it, for the charts.
 *
 * @example
 * const board = new Board({ url, getToken, onRefused: (why) => … });
 * board.connect();
 * const end = board.subscribe(() => draw(board.getSnapshot()));
 */
import { Centrifuge } from "centrifuge";

const KEPT = 150;
const CHANNEL = "ops";

export class Board {
  #listeners = new Set();
  #snapshot = Object.freeze({ live: false, overviews: Object.freeze([]) });

  /**
   * @param {object} options
   * @param {string} options.url of the hub's WebSocket
   * @param {() => Promise<string>} options.getToken
   * @param {(why: string) => void} options.onRefused called when the token is not an operator's
   */
  constructor({ url, getToken, onRefused }) {
    this.connection = new Centrifuge(url, { getToken, minReconnectDelay: 200, maxReconnectDelay: 5000 });
    this.connection.on("connected", () => this.#change({ live: true }));
    this.connection.on("connecting", () => this.#change({ live: false }));
    this.connection.on("disconnected", ({ code, reason }) => {
      this.#change({ live: false });
      if (code >= 3500 || code === 1) onRefused(reason);
    });
    this.subscription = this.connection.newSubscription(CHANNEL);
    this.subscription.on("publication", ({ data }) => this.#add([data.overview]));
    this.subscription.on("subscribed", async ({ data }) => {
      const history = await this.subscription.history({ limit: -1 }).catch(() => ({ publications: [] }));
      this.#add([...history.publications.map((publication) => publication.data.overview), data.overview]);
    });
    this.subscription.on("unsubscribed", ({ reason }) => onRefused(reason));
  }

  connect() {
    this.subscription.subscribe();
    this.connection.connect();
  }

  close() {
    this.subscription.removeAllListeners();
    this.connection.removeAllListeners();
    this.connection.disconnect();
  }

  /** @param {() => void} listener @returns {() => void} ends it */
  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** @returns {{live: boolean, overviews: readonly object[]}} oldest first; the same one until something changes */
  getSnapshot = () => this.#snapshot;

  #add(overviews) {
    const known = new Map([...this.#snapshot.overviews, ...overviews].map((each) => [each.at, each]));
    const sorted = [...known.values()].sort((a, b) => (a.at < b.at ? -1 : 1)).slice(-KEPT);
    this.#change({ overviews: Object.freeze(sorted) });
  }

  #change(changes) {
    this.#snapshot = Object.freeze({ ...this.#snapshot, ...changes });
    for (const listener of [...this.#listeners]) listener();
  }
}
