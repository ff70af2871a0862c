import { OVERRIDES } from "../task-types/index.js";
import { taskTypeOf } from "./taskType.js";

/** @typedef {import("./taskType.js").Registered} Registered */
/** @typedef {import("./taskType.js").TaskType} TaskType */

const RELOAD_MS = 60_000;
const RETRY_MS = 5_000;
const MAX_UNKNOWN = 1000;

/** @typedef {{types: readonly TaskType[], loaded: boolean}} Snapshot the types that the user may start */

/**
 * The registered task types. They are read again every minute, when the window gets the focus, and when a task of an
 * unknown type appears.
 *
 * @example
 * const taskTypes = new TaskTypes(() => service.taskTypes());
 * const stop = taskTypes.start();
 * taskTypes.get("WRITE_PRESS_RELEASE").label; // "Write press release"
 */
export class TaskTypes {
  /** @type {Map<string, TaskType>} */
  #types = new Map();
  /** @type {Snapshot} */
  #snapshot = Object.freeze({ types: Object.freeze([]), loaded: false });
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {Set<string>} the names that were not registered when the types were last read */
  #unknown = new Set();
  /** @type {Promise<void> | null} */
  #reading = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #text = "";

  /** @param {() => Promise<Registered[]>} read */
  constructor(read) {
    this.read = read;
  }

  /** Read the types now, and keep them up to date. @returns {() => void} stops that */
  start() {
    const onFocus = () => void this.load();
    addEventListener("focus", onFocus);
    void this.load();
    return () => {
      removeEventListener("focus", onFocus);
      clearTimeout(this.#timer);
    };
  }

  /** @param {() => void} listener @returns {() => void} removes the listener */
  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** @returns {Snapshot} the same object until something changes */
  getSnapshot = () => this.#snapshot;

  /** @param {string} name @returns {TaskType} also of types that aren't registered: their tasks are shown too */
  get(name) {
    return this.#types.get(name) ?? taskTypeOf(name, undefined, OVERRIDES[name]);
  }

  /** Read the types again if one of these isn't known. @param {Iterable<string>} names of the types of tasks */
  need(names) {
    if (!this.#snapshot.loaded) return;
    const news = [...names].filter((name) => !this.#types.has(name) && !this.#unknown.has(name));
    if (news.length === 0) return;
    if (this.#unknown.size > MAX_UNKNOWN) this.#unknown.clear();
    for (const name of news) this.#unknown.add(name);
    void this.load();
  }

  /** Read the types. The known ones stay if that fails. */
  load() {
    this.#reading ??= this.read()
      .then(
        (registered) => this.#set(registered),
        () => false,
      )
      .then((succeeded) => {
        this.#reading = null;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.load(), succeeded === false && !this.#snapshot.loaded ? RETRY_MS : RELOAD_MS);
      });
    return this.#reading;
  }

  /** @param {Registered[]} registered */
  #set(registered) {
    const text = JSON.stringify(registered);
    if (text === this.#text) return;
    this.#text = text;
    const types = registered.map((each) => taskTypeOf(each.type, each, OVERRIDES[each.type])).sort(inOrder);
    this.#types = new Map(types.map((each) => [each.type, each]));
    this.#snapshot = Object.freeze({ types: Object.freeze(types), loaded: true });
    for (const listener of [...this.#listeners]) listener();
  }
}

const FIRST = Object.keys(OVERRIDES);

/** Types with a file of their own come first, in the order of `OVERRIDES`; the others by label. @param {TaskType} a @param {TaskType} b */
function inOrder(a, b) {
  const [x, y] = [a, b].map(({ type }) => (FIRST.includes(type) ? FIRST.indexOf(type) : FIRST.length));
  return x - y || a.label.localeCompare(b.label);
}
