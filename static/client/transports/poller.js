/**
 * Calls a function repeatedly, with growing delays, while the page is visible and online.
 *
 * @example
 * const poller = new Poller(async (signal) => (await service.status(ids, { signal })).tasks.length > 0);
 * poller.start();
 * poller.stop();
 */

const FIRST_MS = 1000;
const GROWTH = 1.5;
const LONGEST_MS = 30_000;
const JITTER = 0.2;

/**
 * The delay before the next poll.
 * @param {number} attempt the number of polls without a change so far
 * @param {() => number} [random]
 * @returns {number} milliseconds: `min(1000 · 1.5^attempt, 30000)`, shortened by up to 20% so that clients spread out
 */
export function delayMs(attempt, random = Math.random) {
  return Math.min(FIRST_MS * GROWTH ** attempt, LONGEST_MS) * (1 - JITTER * random());
}

/**
 * Knows when polling makes sense.
 * @typedef {object} Environment
 * @property {() => boolean} canPoll whether the page is visible and online
 * @property {(listener: () => void) => () => void} watch calls the listener when that may have changed; returns a
 *   function that stops watching
 */

/** @type {Environment} */
export const browserEnvironment = {
  canPoll: () => globalThis.document?.visibilityState !== "hidden" && globalThis.navigator?.onLine !== false,
  watch(listener) {
    globalThis.document?.addEventListener("visibilitychange", listener);
    for (const name of ["online", "offline"]) globalThis.addEventListener?.(name, listener);
    return () => {
      globalThis.document?.removeEventListener("visibilitychange", listener);
      for (const name of ["online", "offline"]) globalThis.removeEventListener?.(name, listener);
    };
  },
};

export class Poller {
  /** @type {AbortController | null} set between start and stop */
  #run = null;
  #attempt = 0;
  /** don't poll before this time, because of `Retry-After`; milliseconds since 1970 */
  #notBefore = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #isPolling = false;

  /**
   * @param {(signal: AbortSignal) => Promise<boolean>} poll resolves to whether anything changed
   * @param {{environment?: Environment, random?: () => number}} [options]
   */
  constructor(poll, { environment = browserEnvironment, random = Math.random } = {}) {
    this.poll = poll;
    this.environment = environment;
    this.random = random;
  }

  /** Poll now, and keep polling until `stop`. */
  start() {
    if (this.#run) return;
    this.#run = new AbortController();
    this.#attempt = 0;
    const stopWatching = this.environment.watch(() => this.#schedule(0));
    this.#run.signal.addEventListener("abort", stopWatching);
    this.#schedule(0);
  }

  /** Stop polling and abort the request in flight. */
  stop() {
    this.#run?.abort();
    this.#run = null;
    clearTimeout(this.#timer);
  }

  /** Poll again soon: something has changed, or is about to. */
  hurry() {
    this.#attempt = 0;
    if (this.#run) this.#schedule(delayMs(0, this.random));
  }

  /** @param {number} delay milliseconds; extended if the server asked for more */
  #schedule(delay) {
    clearTimeout(this.#timer);
    if (this.#run && !this.#isPolling && this.environment.canPoll()) {
      this.#timer = setTimeout(() => this.#pollOnce(), Math.max(delay, this.#notBefore - Date.now()));
    }
  }

  async #pollOnce() {
    const run = this.#run;
    if (!run) return;
    this.#isPolling = true;
    try {
      if (await this.poll(run.signal)) this.#attempt = 0;
    } catch (error) {
      this.#notBefore = Date.now() + 1000 * (/** @type {{retryAfterS?: number}} */ (error)?.retryAfterS ?? 0);
    } finally {
      this.#isPolling = false;
    }
    // If it was stopped and started again in the meantime, the new run has to make its first poll.
    if (this.#run === run) this.#schedule(delayMs(this.#attempt++, this.random));
    else if (this.#run) this.#schedule(0);
  }
}
