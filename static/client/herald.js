import { isActive } from "./task.js";
import { TaskFeed } from "./taskFeed.js";
import { TaskService } from "./taskService.js";
import { centrifugeOf } from "./transports/webSocket.js";

/** @import { PayloadOf, RegisteredTypes, ResultOf, TypeName } from "./register.js" */
/** @import { Task, TaskId } from "./task.js" */
/** @import { StartOptions, TaskType } from "./taskService.js" */
/** @import { Environment } from "./transports/poller.js" */
/** @import { Connection } from "./transports/webSocket.js" */

/** A task failed or was cancelled, so it has no result. The message is the task's last error. */
export class TaskFailedError extends Error {
  /** @param {Task} task */
  constructor(task) {
    super(task.lastError ?? `The task was ${task.status}.`);
    this.name = "TaskFailedError";
    this.task = task;
  }
}

/**
 * A client of one Herald for one user: starts tasks and follows them live.
 *
 * Creating it opens no connection, so a module that a server renders may create one.
 *
 * @example
 * const herald = new Herald({ url: "https://herald.example.com", getToken });
 * const task = await herald.start("WRITE_PRESS_RELEASE", { company: "Acme", headline: "Acme flies" });
 * const release = await herald.result(task);
 *
 * @template [Types=RegisteredTypes] the payload and the result of each task type
 */
export class Herald {
  #isConnected = false;

  /**
   * @param {object} options
   * @param {() => Promise<string>} options.getToken returns a valid token of the user; called for each request and connection
   * @param {string} [options.url] Herald's URL, if it isn't the page's own server
   * @param {number} [options.patienceMs] how long to wait for a WebSocket before polling starts
   * @param {typeof globalThis.fetch} [options.fetch]
   * @param {() => Connection} [options.open] creates the WebSocket client
   * @param {Environment} [options.environment]
   */
  constructor({ getToken, url = "", patienceMs, fetch, open, environment }) {
    const base = url.replace(/\/+$/, "");
    /** @type {TaskService<Types>} the HTTP API */
    this.service = new TaskService({ getToken, base, fetch });
    /** the user's tasks, live */
    this.feed = new TaskFeed({ open: open ?? centrifugeOf(base, getToken), service: this.service, patienceMs, environment });
  }

  /** Follow the user's tasks until `close`. */
  connect() {
    if (this.#isConnected) return;
    this.#isConnected = true;
    this.feed.connect();
  }

  close() {
    this.#isConnected = false;
    this.feed.close();
  }

  /**
   * Start a task. It is in the feed as soon as it is queued.
   * @template {TypeName<Types>} Type
   * @param {Type} type
   * @param {PayloadOf<Type, Types>} payload
   * @param {StartOptions} [options]
   * @returns {Promise<Task<Type>>}
   * @throws {RequestError} the server refused the request; `errors` lists the invalid fields
   * @throws {TypeError} the network failed. The request may have arrived; send it again with the same idempotency key.
   */
  async start(type, payload, options) {
    const task = await this.service.create(type, payload, options);
    this.feed.add(task);
    return task;
  }

  /** @param {string} taskId @returns {Promise<Task>} the task's new state */
  async cancel(taskId) {
    return this.#add(await this.service.cancel(taskId));
  }

  /** @param {string} taskId @returns {Promise<Task>} the task, queued again; it keeps its finished steps */
  async retry(taskId) {
    return this.#add(await this.service.retry(taskId));
  }

  /**
   * Get a task that may not be in the feed, such as an old one, and add it.
   * @param {string} taskId
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<Task>}
   * @throws {RequestError} with status 404 if the user has no such task
   */
  async load(taskId, options) {
    return this.feed.get(taskId) ?? this.#add(await this.service.get(taskId, options));
  }

  /**
   * Wait until a task has ended, and get its result. Connects if necessary.
   * @template {TypeName<Types>} Type
   * @param {Task<Type> | TaskId<Type> | string} task the task, or its id
   * @param {{signal?: AbortSignal}} [options] `signal` stops waiting
   * @returns {Promise<ResultOf<Type, Types>>}
   * @throws {TaskFailedError} the task failed or was cancelled
   */
  async result(task, { signal } = {}) {
    const taskId = typeof task === "string" ? task : task.taskId;
    const ended = await this.#ended(taskId, signal);
    if (ended.status !== "completed") throw new TaskFailedError(ended);
    return this.service.result(taskId, { signal });
  }

  /** @returns {Promise<TaskType[]>} the task types that the user may start */
  taskTypes() {
    return this.service.taskTypes();
  }

  /** @param {Task} task */
  #add(task) {
    this.feed.add(task);
    return task;
  }

  /** @param {string} taskId @param {AbortSignal} [signal] @returns {Promise<Task>} */
  async #ended(taskId, signal) {
    this.connect();
    for (;;) {
      const task = await this.load(taskId, { signal });
      if (!isActive(task)) return task;
      await this.#change(signal);
    }
  }

  /** @param {AbortSignal} [signal] @returns {Promise<void>} resolves when the feed changes */
  #change(signal) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const done = () => {
        unsubscribe();
        signal?.removeEventListener("abort", done);
        if (signal?.aborted) reject(signal.reason);
        else resolve();
      };
      const unsubscribe = this.feed.subscribe(done);
      signal?.addEventListener("abort", done);
    });
  }
}
