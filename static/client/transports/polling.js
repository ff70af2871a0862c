import { ACTIVE } from "../task.js";
import { MAX_CHECKED, MAX_LISTED } from "../taskService.js";
import { Poller } from "./poller.js";

/** @import { TaskService } from "../taskService.js" */
/** @import { Environment } from "./poller.js" */
/** @import { Receiver, Transport } from "./transport.js" */

/**
 * Reads task states over HTTP: all active tasks while the WebSocket is down (the fallback), and the tasks that a
 * snapshot left out while it is up (catching up).
 *
 * @implements {Transport}
 */
export class PollingTransport {
  /** @type {boolean | null} whether the last request of the fallback was answered; null while there was none */
  isUp = null;
  #isFallback = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patience;
  /** @type {string | null} the cursor of the next page to read: "" is the first page, null means none */
  #nextPage = "";
  /** @type {Set<string>} active tasks that the last snapshot or list didn't contain, so they may have ended */
  #unconfirmed = new Set();
  /** where in the list of active tasks the next status check starts */
  #checkFrom = 0;

  /**
   * @param {object} options
   * @param {Pick<TaskService, "status" | "list">} options.service
   * @param {Receiver} options.receiver
   * @param {() => string[]} options.activeIds the ids of the tasks that the feed considers active
   * @param {number} options.patienceMs how long the fallback waits for the WebSocket before its first request
   * @param {Environment} [options.environment]
   */
  constructor({ service, receiver, activeIds, patienceMs, environment }) {
    this.service = service;
    this.receiver = receiver;
    this.activeIds = activeIds;
    this.patienceMs = patienceMs;
    this.poller = new Poller((signal) => this.#poll(signal), { environment });
  }

  /** Start the fallback: the WebSocket is down. */
  start() {
    this.#isFallback = true;
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.poller.start(), this.patienceMs);
  }

  /** Stop all requests: the WebSocket is up, or the feed is closed. */
  stop() {
    this.#isFallback = false;
    this.isUp = null;
    clearTimeout(this.#patience);
    this.poller.stop();
  }

  /** Poll again soon: an active task has changed. */
  hurry() {
    if (this.#isFallback) this.poller.hurry();
  }

  /**
   * Start over with a new snapshot or list: active tasks that it doesn't mention may have ended.
   * @param {string | null} after the cursor of the first page that it leaves out; null if it is complete
   */
  restart(after) {
    this.#nextPage = after;
    this.#unconfirmed = new Set(this.activeIds());
  }

  /** @param {string} taskId a task whose state has just been received */
  confirm(taskId) {
    this.#unconfirmed.delete(taskId);
  }

  /** @returns {string[]} active tasks that haven't been mentioned since `restart` */
  unconfirmed() {
    return [...this.#unconfirmed];
  }

  /** Read what the snapshot left out, if anything. */
  catchUp() {
    if (this.#isBehind()) this.poller.start();
  }

  /** @returns {boolean} whether requests are needed although the WebSocket is up */
  #isBehind() {
    return this.#nextPage !== null || this.#unconfirmed.size > 0;
  }

  /**
   * Read the missing pages, or else check active tasks.
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>} whether anything changed
   */
  async #poll(signal) {
    try {
      const changed = await (this.#nextPage === null ? this.#checkActive(signal) : this.#readPages(signal));
      if (this.#isFallback) this.isUp = true;
      else if (!this.#isBehind()) this.poller.stop();
      return changed;
    } catch (error) {
      if (!signal.aborted && this.#isFallback) this.isUp = false;
      throw error;
    } finally {
      this.receiver.onStatus();
    }
  }

  /**
   * Check active tasks in one request; when catching up, only the unconfirmed ones.
   * @param {AbortSignal} signal
   */
  async #checkActive(signal) {
    const ids = this.#isFallback ? this.activeIds() : this.unconfirmed();
    if (ids.length === 0) return false;
    const from = this.#checkFrom % ids.length; // tasks take turns if a request can't hold them all
    const turn = [...ids.slice(from), ...ids.slice(0, from)].slice(0, MAX_CHECKED);
    this.#checkFrom = from + turn.length;
    const { tasks, notFound } = await this.service.status(turn, { signal });
    signal.throwIfAborted();
    this.receiver.onNotFound(notFound);
    return this.receiver.onTasks(tasks);
  }

  /**
   * Read all missing pages: the newest tasks if nothing has been read yet, then older tasks that are active.
   * @param {AbortSignal} signal
   */
  async #readPages(signal) {
    let changed = false;
    while (this.#nextPage !== null) {
      const older = this.#nextPage && { after: this.#nextPage, status: ACTIVE };
      const { tasks, after } = await this.service.list({ limit: MAX_LISTED, signal, ...older });
      signal.throwIfAborted();
      this.#nextPage = after ?? null;
      changed = this.receiver.onTasks(tasks, { listed: true }) || changed;
    }
    return changed;
  }
}
