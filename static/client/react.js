"use client";
/**
 * React hooks for Herald. They work with Preact too: alias `react` to `preact/compat`, as Herald's own pages do.
 *
 * However many events arrive, a component renders at most once a frame, and not at all while the page is hidden.
 *
 * @example
 * const herald = new Herald({ url: "https://herald.example.com", getToken });
 *
 * <HeraldProvider client={herald}>
 *   <Indicator />
 * </HeraldProvider>;
 *
 * function Indicator() {
 *   const { count, progress } = useBackgroundTasks();
 *   return count > 0 && <span>{count} running, {progress}%</span>;
 * }
 */

import { createContext, createElement, useCallback, useContext, useEffect, useMemo, useState, useSyncExternalStore } from "react";

import { isActive, overallProgress } from "./task.js";
import { EMPTY } from "./taskFeed.js";
import { RequestError } from "./taskService.js";

/** @import { ReactElement, ReactNode } from "react" */
/** @import { Answer } from "./draft.js" */
/** @import { Herald } from "./herald.js" */
/** @import { PayloadOf, ResultOf, TypeName } from "./register.js" */
/** @import { Task, TaskId, TaskOf } from "./task.js" */
/** @import { State } from "./taskFeed.js" */
/** @import { StartOptions } from "./taskService.js" */

const HeraldContext = createContext(/** @type {Herald | null} */ (null));

/**
 * Connects the client while it is mounted, and makes it available to the hooks below it.
 * @param {{client: Herald, children?: ReactNode}} props create the client outside your components
 * @returns {ReactElement}
 */
export function HeraldProvider({ client, children }) {
  useEffect(() => {
    client.connect();
    return () => client.close();
  }, [client]);
  return createElement(HeraldContext.Provider, { value: client }, children);
}

/** @returns {Herald} the client, for requests such as `cancel` and `retry` */
export function useHerald() {
  const client = useContext(HeraldContext);
  if (!client) throw new Error("Herald's hooks need a <HeraldProvider> above the component that uses them.");
  return client;
}

/**
 * The user's tasks, newest first, and the state of the connection.
 * @template {TypeName} [Type=TypeName]
 * @param {{type?: Type}} [filter] only tasks of this type
 * @returns {{tasks: readonly TaskOf<Type>[], state: State, loaded: boolean}} `loaded`: whether the tasks have been read
 *   at least once
 */
export function useTasks({ type } = {}) {
  const { feed } = useHerald();
  const { tasks, ...more } = useSyncExternalStore(useFrames(feed.subscribe), feed.getSnapshot, () => EMPTY);
  const chosen = useMemo(() => (type ? tasks.filter((task) => task.type === type) : tasks), [tasks, type]);
  return { tasks: /** @type {any} */ (chosen), ...more };
}

/**
 * The active tasks and their overall progress.
 * @returns {{tasks: TaskOf<TypeName>[], count: number, progress: number, state: State}} progress is a whole percentage
 */
export function useBackgroundTasks() {
  const { tasks, state } = useTasks();
  return useMemo(() => {
    const active = tasks.filter(isActive);
    return { tasks: active, count: active.length, progress: overallProgress(active), state };
  }, [tasks, state]);
}

/**
 * One task. The component renders again only when this task changes.
 * @template {TypeName} [Type=TypeName]
 * @param {TaskId<Type> | string | null | undefined} taskId
 * @returns {TaskOf<Type> | null | undefined} undefined while it is loading, null if the user has no such task
 */
export function useTask(taskId) {
  const herald = useHerald();
  const { feed } = herald;
  const [unknown, setUnknown] = useState(/** @type {string | null} */ (null));
  useEffect(() => {
    if (!taskId) return;
    herald.load(taskId).catch((error) => {
      if (error instanceof RequestError && error.status === 404) setUnknown(taskId);
    });
  }, [herald, taskId]);
  const read = () => (taskId ? feed.get(taskId) : undefined);
  const task = useSyncExternalStore(useFrames(feed.subscribe), read, () => undefined);
  return /** @type {any} */ (task ?? (taskId && unknown === taskId ? null : undefined));
}

/**
 * The result of a task. It is requested once the task has completed.
 * @template {TypeName} Type
 * @param {Task<Type> | null | undefined} task
 * @returns {{result?: ResultOf<Type>, error?: Error}}
 */
export function useResult(task) {
  const herald = useHerald();
  const taskId = task?.status === "completed" ? task.taskId : undefined;
  const [loaded, setLoaded] = useState(/** @type {{taskId?: string, result?: any, error?: Error}} */ ({}));
  useEffect(() => {
    if (!taskId) return;
    const controller = new AbortController();
    herald.service.result(taskId, controller).then(
      (result) => setLoaded({ taskId, result }),
      (error) => controller.signal.aborted || setLoaded({ taskId, error }),
    );
    return () => controller.abort();
  }, [herald, taskId]);
  return loaded.taskId === taskId ? loaded : {};
}

/**
 * A function that starts tasks; it is the same function at every render.
 * @returns {<Type extends TypeName>(type: Type, payload: PayloadOf<Type>, options?: StartOptions) => Promise<Task<Type>>}
 * @example
 * const start = useStartTask();
 * const task = await start("WRITE_PRESS_RELEASE", { company, headline });
 */
export function useStartTask() {
  const herald = useHerald();
  return useCallback((type, payload, options) => herald.start(type, payload, options), [herald]);
}

/**
 * The draft that a model is writing for a task, answer by answer.
 * @param {string | null | undefined} taskId
 * @returns {readonly Answer[]} the answers of the current step
 */
export function useDraft(taskId) {
  const { feed } = useHerald();
  const subscribe = useCallback(
    (/** @type {() => void} */ listener) => (taskId ? feed.watch(taskId, listener) : () => {}),
    [feed, taskId],
  );
  const read = () => feed.draft(taskId ?? "");
  return useSyncExternalStore(useFrames(subscribe), read, read);
}

/**
 * The newest data that a task's code has emitted under a name.
 * @template [Data=unknown]
 * @param {string | null | undefined} taskId
 * @param {string} name
 * @returns {Data | undefined} undefined until there is any
 */
export function useEmitted(taskId, name) {
  const { feed } = useHerald();
  const subscribe = useCallback(
    (/** @type {() => void} */ listener) => {
      if (!taskId) return () => {};
      const stops = [feed.subscribe(listener), feed.watch(taskId, listener)];
      return () => stops.forEach((stop) => stop());
    },
    [feed, taskId],
  );
  return useSyncExternalStore(useFrames(subscribe), () => feed.emitted(taskId ?? "", name), () => undefined);
}

/** @type {Set<() => void>} the components to update in the next frame, all together */
const pending = new Set();

/** @param {() => void} listener */
function callInNextFrame(listener) {
  if (pending.size === 0) {
    requestAnimationFrame(() => {
      const listeners = [...pending];
      pending.clear();
      for (const each of listeners) each();
    });
  }
  pending.add(listener);
}

/**
 * A `subscribe` function that calls its listener at most once a frame.
 * @param {(listener: () => void) => () => void} subscribe
 */
function useFrames(subscribe) {
  return useCallback(
    (/** @type {() => void} */ listener) => {
      const unsubscribe = subscribe(() => callInNextFrame(listener));
      return () => {
        unsubscribe();
        pending.delete(listener);
      };
    },
    [subscribe],
  );
}
