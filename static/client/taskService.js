/**
 * Herald's HTTP interface.
 *
 * @example
 * const service = new TaskService({ getToken });
 * const task = await service.create("GENERATE_BRAND_KIT", { brandName: "Ada", description: "Tea" });
 */

/** @typedef {import("./task.js").Task} Task */

/** Most tasks that one status check may ask for. */
export const MAX_CHECKED = 100;
/** Most tasks in one page of a list. */
export const MAX_LISTED = 200;

/** Where the results of a task type are. */
const COLLECTIONS = {
  GENERATE_MEDIA_PLAN: "mediaPlanGroups",
  GENERATE_BRAND_KIT: "brandKits",
  AUTO_GENERATE_PERSONAS: "personas",
};

/**
 * A request that the server refused (RFC 9457); the message says what to do.
 */
export class RequestError extends Error {
  /**
   * @param {number} status
   * @param {{title?: string, detail?: string, errors?: {pointer: string, detail: string}[]}} problem
   * @param {number} [retryAfterS]
   */
  constructor(status, problem, retryAfterS) {
    super(problem.detail ?? problem.title ?? `the server answered ${status}`);
    this.name = "RequestError";
    /** HTTP status */
    this.status = status;
    /** what is wrong with which field, by JSON pointer */
    this.errors = problem.errors ?? [];
    /** when the server wants to be asked again, in seconds */
    this.retryAfterS = retryAfterS;
  }
}

export class TaskService {
  /**
   * @param {object} options
   * @param {() => Promise<string>} options.getToken
   * @param {string} [options.base] where the server is, if it is not the page's own
   * @param {Record<string, string>} [options.collections] by task type, of types that are not Herald's own
   * @param {typeof fetch} [options.fetch]
   */
  constructor({ getToken, base = "", collections = {}, fetch: send = (...request) => fetch(...request) }) {
    this.base = base;
    this.getToken = getToken;
    /** @type {Record<string, string>} */
    this.collections = { ...COLLECTIONS, ...collections };
    this.fetch = send;
  }

  /**
   * Accept a task; the answer comes before any of its work is done.
   * @param {string} type
   * @param {object} payload
   * @param {{idempotencyKey?: string, priority?: "low" | "normal" | "high", brandId?: string}} [options] sending
   *   twice with one key makes one task
   * @returns {Promise<Task>}
   * @throws {RequestError} the server refuses it
   * @throws {TypeError} the network is away; it may have arrived, so send it again with the same key
   */
  create(type, payload, { idempotencyKey = crypto.randomUUID(), ...more } = {}) {
    return this.#send("POST", "/api/jobs?action=create", {
      body: { type, payload, ...more },
      headers: { "Idempotency-Key": idempotencyKey },
    });
  }

  /**
   * How tasks are doing: the check for when nothing can be pushed.
   * @param {string[]} taskIds at most `MAX_CHECKED`
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<{tasks: Task[], notFound: string[]}>}
   */
  status(taskIds, options) {
    return this.#send("GET", `/api/jobs?action=status&taskIds=${taskIds.map(encodeURIComponent).join(",")}`, options);
  }

  /**
   * The user's tasks, newest first.
   * @param {{status?: string[], limit?: number, after?: string, signal?: AbortSignal}} [options] `after` is that of
   *   the page before
   * @returns {Promise<{tasks: Task[], after?: string}>}
   */
  list({ status = [], limit = 50, after, signal } = {}) {
    const query = new URLSearchParams({ limit: String(limit) });
    if (status.length > 0) query.set("status", status.join(","));
    if (after) query.set("after", after);
    return this.#send("GET", `/api/jobs?${query}`, { signal });
  }

  /** @param {string} taskId @returns {Promise<Task>} as it is afterwards */
  cancel(taskId) {
    return this.#send("POST", `/api/jobs/${encodeURIComponent(taskId)}/cancel`);
  }

  /** @param {string} taskId @returns {Promise<Task>} as it is afterwards: queued, with its finished steps kept */
  retry(taskId) {
    return this.#send("POST", `/api/jobs/${encodeURIComponent(taskId)}/retry`);
  }

  /**
   * What a completed task has made.
   * @param {{type: string, taskId: string}} task
   * @returns {Promise<any[]>} one document, or as many as the type makes
   */
  async results({ type, taskId }) {
    const collection = this.collections[type];
    if (!collection) throw new TypeError(`the results of ${type} are in no known collection`);
    return (await this.#send("GET", `/api/${collection}?taskId=${encodeURIComponent(taskId)}`))[collection];
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{body?: object, headers?: Record<string, string>, signal?: AbortSignal}} [options]
   * @returns {Promise<any>}
   */
  async #send(method, path, { body, headers = {}, signal } = {}) {
    const response = await this.fetch(this.base + path, {
      method,
      headers: {
        Authorization: `Bearer ${await this.getToken()}`,
        ...(body && { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body && JSON.stringify(body),
      signal,
    });
    if (!response.ok) {
      const problem = await response.json().catch(() => ({}));
      const wait = Number(response.headers.get("Retry-After") ?? Number.NaN);
      throw new RequestError(response.status, problem, Number.isFinite(wait) ? wait : undefined);
    }
    return response.json();
  }
}
