import { Centrifuge } from "centrifuge";

import { OPS_CHANNEL } from "herald/channels.js";

const MAX_OVERVIEWS = 150;

/** @typedef {import("herald/task.js").Task & {userId: string}} FailedTask */
/** @typedef {{taskId: string, userId: string, type: string, progress: number, currentStep?: string, attempt: number}} RunningTask */
/** @typedef {{name: string, slots: number, tasks: RunningTask[]}} Worker */
/** @typedef {{node: string, connections: number, subscriptions: number, forwardedPerS: number, deliveriesPerS: number}} Hub */
/** @typedef {{at: string, completed: number, failed: number, cancelled: number}} Minute */

/**
 * @typedef {object} Ended tasks that ended recently
 * @property {string} since
 * @property {number} completed
 * @property {number} failed
 * @property {number} cancelled
 * @property {{reason: string, tasks: number}[]} reasons of the failures
 * @property {Minute[]} minutes oldest first
 */

/**
 * @typedef {object} Overview the state of the whole system at one moment
 * @property {string} at
 * @property {{depth: number, oldestWaitS: number}} queue
 * @property {{type: string, status: string, tasks: number}[]} active
 * @property {Ended} ended
 * @property {{tasks: number, p50S: number, p99S: number}} [start] the queue wait of tasks that started recently
 * @property {Worker[]} workers
 * @property {Hub[]} hubs
 * @property {FailedTask[]} failed newest first
 */

/** @typedef {{live: boolean, overviews: readonly Overview[]}} Snapshot the overviews are sorted, oldest first */

/**
 * Receives the overviews that are published to the operators' channel, and keeps recent ones for the charts.
 *
 * @example
 * const feed = new OverviewFeed({ url, getToken, onRefused: (reason) => askForToken(reason) });
 * feed.connect();
 * const unsubscribe = feed.subscribe(() => render(feed.getSnapshot()));
 */
export class OverviewFeed {
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {Snapshot} */
  #snapshot = Object.freeze({ live: false, overviews: Object.freeze([]) });

  /**
   * @param {object} options
   * @param {string} options.url the hub's WebSocket
   * @param {() => Promise<string>} options.getToken
   * @param {(reason: string) => void} options.onRefused called if the token isn't an operator's
   */
  constructor({ url, getToken, onRefused }) {
    this.connection = new Centrifuge(url, { getToken, minReconnectDelay: 200, maxReconnectDelay: 5000 });
    this.connection.on("connected", () => this.#change({ live: true }));
    this.connection.on("connecting", () => this.#change({ live: false }));
    this.connection.on("disconnected", ({ code, reason }) => {
      this.#change({ live: false });
      if (code >= 3500 || code === 1) onRefused(reason);
    });
    this.subscription = this.connection.newSubscription(OPS_CHANNEL);
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

  /** @param {() => void} listener @returns {() => void} removes the listener */
  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** @returns {Snapshot} the same object until something changes */
  getSnapshot = () => this.#snapshot;

  /** @param {Overview[]} overviews */
  #add(overviews) {
    const byTime = new Map([...this.#snapshot.overviews, ...overviews].map((overview) => [overview.at, overview]));
    const sorted = [...byTime.values()].sort((a, b) => (a.at < b.at ? -1 : 1)).slice(-MAX_OVERVIEWS);
    this.#change({ overviews: Object.freeze(sorted) });
  }

  /** @param {Partial<Snapshot>} changes */
  #change(changes) {
    this.#snapshot = Object.freeze({ ...this.#snapshot, ...changes });
    for (const listener of [...this.#listeners]) listener();
  }
}
