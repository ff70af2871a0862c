/**
 * A client for Herald's HTTP API.
 *
 * @example
 * const service = new TaskService({ getToken });
 * const task = await service.create("GENERATE_BRAND_KIT", { brandName: "Ada", description: "Tea" });
 */

/** @import { Task, TaskId } from "./task.js" */
/** @import { PayloadOf, RegisteredTypes, ResultOf, TypeName } from "./register.js" */

/** The most tasks that one status request can ask for. */
export const MAX_CHECKED = 100;
/** The most tasks in one page of a list. */
export const MAX_LISTED = 200;

/**
 * @typedef {object} StartOptions
 * @property {string} [idempotencyKey] two requests with the same key create one task; by default each has a new key
 * @property {"low" | "normal" | "high"} [priority]
 * @property {string} [brandId] the brand that it belongs to; its members can see it
 * @property {number} [maxRetries]
 */

/**
 * A task type as `GET /api/taskTypes` describes it.
 *
 * @typedef {object} TaskType
 * @property {string} type
 * @property {string} [title] the template of a task's title; `{name}` stands for a field of the payload
 * @property {string} [description]
 * @property {object} payloadSchema JSON Schema
 * @property {object} resultSchema JSON Schema
 * @property {string[]} steps the names of the steps, if the type declares them
 * @property {string} app the application that it belongs to
 * @property {number} version
 * @property {string} digest identifies this form of the type
 * @property {string} announcedAt
 * @property {boolean} online whether any worker runs it; if none does, its tasks wait
 * @property {number} workers how many workers run it
 */

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

/** @template [Types=RegisteredTypes] the payload and the result of each task type */
export class TaskService {
  /**
   * @param {object} options
   * @param {() => Promise<string>} options.getToken
   * @param {string} [options.base] the server's origin, if it isn't the page's own
   * @param {typeof fetch} [options.fetch]
   */
  constructor({ getToken, base = "", fetch: send = (...request) => fetch(...request) }) {
    this.base = base;
    this.getToken = getToken;
    this.fetch = send;
  }

  /**
   * Create a task. The response comes as soon as the task is queued.
   * @template {TypeName<Types>} Type
   * @param {Type} type
   * @param {PayloadOf<Type, Types>} payload
   * @param {StartOptions} [options]
   * @returns {Promise<Task<Type>>}
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
   * Get the current state of a task.
   * @param {string} taskId
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<Task>}
   * @throws {RequestError} with status 404 if the user has no such task
   */
  get(taskId, options) {
    return this.#send("GET", `/api/jobs/${encodeURIComponent(taskId)}`, options);
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
   * Get the result of a completed task.
   * @template {TypeName<Types>} Type
   * @param {TaskId<Type> | string} taskId
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<ResultOf<Type, Types>>}
   * @throws {RequestError} with status 404 if there is no result
   */
  result(taskId, options) {
    return this.#send("GET", `/api/jobs/${encodeURIComponent(taskId)}/result`, options);
  }

  /** @returns {Promise<TaskType[]>} the task types that the user may start */
  async taskTypes() {
    return (await this.#send("GET", "/api/taskTypes")).taskTypes;
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
