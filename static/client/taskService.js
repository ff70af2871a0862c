/**
 * A client for Herald's HTTP API.
 *
 * @example
 * const service = new TaskService({ getToken });
 * const task = await service.create("GENERATE_BRAND_KIT", { brandName: "Ada", description: "Tea" });
 */

/** @typedef {import("./task.js").Task} Task */

/** The most tasks that one status request can ask for. */
export const MAX_CHECKED = 100;
/** The most tasks in one page of a list. */
export const MAX_LISTED = 200;

/** The collection that holds the results of each task type. */
const COLLECTIONS = {
  GENERATE_MEDIA_PLAN: "mediaPlanGroups",
  GENERATE_BRAND_KIT: "brandKits",
  AUTO_GENERATE_PERSONAS: "personas",
};

/**
 * The server refused a request (RFC 9457). The message says what was wrong and what to do.
 */
export class RequestError extends Error {
  /**
   * @param {number} status
   * @param {{title?: string, detail?: string, errors?: {pointer: string, detail: string}[]}} problem
   * @param {number} [retryAfterS]
   */
  constructor(status, problem, retryAfterS) {
    super(problem.detail ?? problem.title ?? `The server responded with status ${status}.`);
    this.name = "RequestError";
    /** HTTP status */
    this.status = status;
    /** problems with single fields; the pointer is a JSON pointer into the request body */
    this.errors = problem.errors ?? [];
    /** how long the server asks to wait before the next request, in seconds */
    this.retryAfterS = retryAfterS;
  }
}

export class TaskService {
  /**
   * @param {object} options
   * @param {() => Promise<string>} options.getToken
   * @param {string} [options.base] the server's origin, if it isn't the page's own
   * @param {Record<string, string>} [options.collections] result collections of your own task types
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
   * Create a task. The response comes as soon as the task is queued.
   * @param {string} type
   * @param {object} payload
   * @param {{idempotencyKey?: string, priority?: "low" | "normal" | "high", brandId?: string}} [options] two
   *   requests with the same key create one task
   * @returns {Promise<Task>}
   * @throws {RequestError} the server refused the request
   * @throws {TypeError} the network failed. The request may have arrived; send it again with the same key.
   */
  create(type, payload, { idempotencyKey = crypto.randomUUID(), ...more } = {}) {
    return this.#send("POST", "/api/jobs?action=create", {
      body: { type, payload, ...more },
      headers: { "Idempotency-Key": idempotencyKey },
    });
  }

  /**
   * Get the current states of tasks.
   * @param {string[]} taskIds at most `MAX_CHECKED`
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<{tasks: Task[], notFound: string[]}>}
   */
  status(taskIds, options) {
    return this.#send("GET", `/api/jobs?action=status&taskIds=${taskIds.map(encodeURIComponent).join(",")}`, options);
  }

  /**
   * List the user's tasks, newest first.
   * @param {{status?: readonly string[], limit?: number, after?: string, signal?: AbortSignal}} [options] `after` is the
   *   cursor of the previous page
   * @returns {Promise<{tasks: Task[], after?: string}>}
   */
  list({ status = [], limit = 50, after, signal } = {}) {
    const query = new URLSearchParams({ limit: String(limit) });
    if (status.length > 0) query.set("status", status.join(","));
    if (after) query.set("after", after);
    return this.#send("GET", `/api/jobs?${query}`, { signal });
  }

  /** @param {string} taskId @returns {Promise<Task>} the task's new state */
  cancel(taskId) {
    return this.#send("POST", `/api/jobs/${encodeURIComponent(taskId)}/cancel`);
  }

  /** @param {string} taskId @returns {Promise<Task>} the task, queued again; it keeps its finished steps */
  retry(taskId) {
    return this.#send("POST", `/api/jobs/${encodeURIComponent(taskId)}/retry`);
  }

  /**
   * Get the results of a completed task.
   * @param {{type: string, taskId: string}} task
   * @returns {Promise<any[]>} one document or more, depending on the type
   */
  async results({ type, taskId }) {
    const collection = this.collections[type];
    if (!collection) throw new RangeError(`No result collection is known for ${type}; pass it in \`collections\`.`);
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
