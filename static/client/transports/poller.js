/**
 * Asks again and again, ever more seldom, for as long as nothing can be pushed.
 *
 * @example
 * const checks = new StatusChecks(async (signal) => (await service.status(ids, { signal })).tasks.length > 0);
 * checks.start();
 * checks.stop(); // the socket is back
 */

const FIRST_MS = 1000;
const GROWTH = 1.5;
const LONGEST_MS = 30_000;
const JITTER = 0.2;

/**
 * How long to wait before the next check.
 * @param {number} attempt waits without news so far, from 0
 * @param {() => number} [random]
 * @returns {number} milliseconds: `min(1000 · 1.5^attempt, 30000)`, up to a fifth less, so that many clients spread
 */
export function delayMs(attempt, random = Math.random) {
  return Math.min(FIRST_MS * GROWTH ** attempt, LONGEST_MS) * (1 - JITTER * random());
}

/**
 * Whether this is a time to ask.
 * @typedef {object} Surroundings
 * @property {() => boolean} awake the page can be seen, and there is a network
 * @property {(listener: () => void) => () => void} watch calls the listener when that may have changed
 */

/** @type {Surroundings} the browser's */
export const browser = {
  awake: () => globalThis.document?.visibilityState !== "hidden" && globalThis.navigator?.onLine !== false,
  watch(listener) {
    globalThis.document?.addEventListener("visibilitychange", listener);
    for (const name of ["online", "offline"]) globalThis.addEventListener?.(name, listener);
    return () => {
      globalThis.document?.removeEventListener("visibilitychange", listener);
      for (const name of ["online", "offline"]) globalThis.removeEventListener?.(name, listener);
    };
  },
};

export class StatusChecks {
  /** @type {AbortController | null} of the time between start and stop */
  #running = null;
  #attempt = 0;
  /** the time before which the server wants no further request (`Retry-After`), in milliseconds since 1970 */
  #notBefore = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #asking = false;

  /**
   * @param {(signal: AbortSignal) => Promise<boolean>} check whether there were news
   * @param {{surroundings?: Surroundings, random?: () => number}} [options]
   */
  constructor(check, { surroundings = browser, random = Math.random } = {}) {
    this.check = check;
    this.surroundings = surroundings;
    this.random = random;
  }

  /** Ask at once, and then go on asking while the page can be seen and there is a network. */
  start() {
    if (this.#running) return;
    this.#running = new AbortController();
    this.#attempt = 0;
    const stopWatching = this.surroundings.watch(() => this.#plan(0));
    this.#running.signal.addEventListener("abort", stopWatching);
    this.#plan(0);
  }

  /** Stop asking; a question that is on its way is broken off. */
  stop() {
    this.#running?.abort();
    this.#running = null;
    clearTimeout(this.#timer);
  }

  /** Ask soon again: something has changed, or will. */
  hurry() {
    this.#attempt = 0;
    if (this.#running) this.#plan(delayMs(0, this.random));
  }

  /** @param {number} wait milliseconds; longer if the server has asked for it */
  #plan(wait) {
    clearTimeout(this.#timer);
    if (this.#running && !this.#asking && this.surroundings.awake()) {
      this.#timer = setTimeout(() => this.#ask(), Math.max(wait, this.#notBefore - Date.now()));
    }
  }

  async #ask() {
    const running = this.#running;
    if (!running) return;
    this.#asking = true;
    try {
      if (await this.check(running.signal)) this.#attempt = 0;
    } catch (error) {
      this.#notBefore = Date.now() + 1000 * (/** @type {{retryAfterS?: number}} */ (error)?.retryAfterS ?? 0);
    } finally {
      this.#asking = false;
    }
    // Stopped meanwhile, and perhaps started again: then the new start has to be planned, not this one's next.
    if (this.#running === running) this.#plan(delayMs(this.#attempt++, this.random));
    else if (this.#running) this.#plan(0);
  }
}
