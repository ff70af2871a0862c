/**
 * A request that was refused; the message says what to do.
 */
export class RequestError extends Error {
  /** @param {number} status @param {{detail?: string, errors?: {pointer: string, detail: string}[]}} problem */
  constructor(status, problem) {
    super(problem.detail ?? `the server answered ${status}`);
    this.status = status;
    /** what is wrong with which field, by JSON pointer */
    this.errors = problem.errors ?? [];
  }
}

/**
 * Herald's HTTP interface.
 *
 * @example
 * const service = new TaskService({ getToken });
 * const task = await service.create("GENERATE_BRAND_KIT", { brandName: "Ada", description: "Tea" });
 */
export class TaskService {
  /** @param {{base?: string, getToken: () => Promise<string>}} options */
  constructor({ base = "", getToken }) {
    this.base = base;
    this.getToken = getToken;
  }

  /**
   * Accept a task; the answer comes before any of its work is done.
   * @param {string} type
   * @param {object} payload
   * @param {{idempotencyKey?: string}} [options] sending twice with one key makes one task
   * @returns {Promise<import("./taskFeed.js").Task>}
   * @throws {RequestError}
   */
  create(type, payload, { idempotencyKey = crypto.randomUUID() } = {}) {
    return this.#send("POST", "/api/jobs?action=create", { type, payload }, { "Idempotency-Key": idempotencyKey });
  }

  /** @param {string} taskId */
  cancel(taskId) {
    return this.#send("POST", `/api/jobs/${encodeURIComponent(taskId)}/cancel`);
  }

  /** @param {string} taskId */
  retry(taskId) {
    return this.#send("POST", `/api/jobs/${encodeURIComponent(taskId)}/retry`);
  }

  /**
   * What a completed task has made.
   * @param {import("./taskFeed.js").Task} task
   * @returns {Promise<any>}
   */
  result(task) {
    const { mediaPlanGroupId, brandKitId } = task.result;
    if (mediaPlanGroupId) return this.#send("GET", `/api/mediaPlanGroups/${encodeURIComponent(mediaPlanGroupId)}`);
    if (brandKitId) return this.#send("GET", `/api/brandKits/${encodeURIComponent(brandKitId)}`);
    return this.#send("GET", `/api/personas?taskId=${encodeURIComponent(task.taskId)}`);
  }

  async #send(method, path, body, headers = {}) {
    const response = await fetch(this.base + path, {
      method,
      headers: { Authorization: `Bearer ${await this.getToken()}`, "Content-Type": "application/json", ...headers },
      body: body && JSON.stringify(body),
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new RequestError(response.status, answer);
    return answer;
  }
}
