/**
 * React hooks for a feed. They work with Preact too: alias `react` to `preact/compat`, as Herald's own pages do.
 *
 * However many events arrive, a component renders at most once a frame, and not at all while the page is hidden.
 *
 * @example
 * const feed = new TaskFeed({ url, getToken, service: new TaskService({ getToken }) });
 * feed.connect();
 *
 * function Indicator() {
 *   const { count, progress } = useBackgroundTasks(feed);
 *   return count > 0 && <span>{count} running, {progress}%</span>;
 * }
 */

import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";

import { isActive, overallProgress } from "./task.js";

/** @typedef {import("./task.js").Task} Task */
/** @typedef {import("./taskFeed.js").TaskFeed} TaskFeed */

/**
 * The feed's current snapshot. The component renders again after every change.
 * @param {TaskFeed} feed
 * @returns {import("./taskFeed.js").Snapshot}
 */
export function useTaskFeed(feed) {
  return useSyncExternalStore(useSubscribe(feed), feed.getSnapshot, feed.getSnapshot);
}

/**
 * One task. The component renders again only when this task changes.
 * @param {TaskFeed} feed
 * @param {string} taskId
 * @returns {Task | undefined}
 */
export function useTask(feed, taskId) {
  const read = () => feed.get(taskId);
  return useSyncExternalStore(useSubscribe(feed), read, read);
}

/**
 * The active tasks and their overall progress.
 * @param {TaskFeed} feed
 * @returns {{tasks: Task[], count: number, progress: number, state: import("./taskFeed.js").State}} progress is a
 *   whole percentage
 */
export function useBackgroundTasks(feed) {
  const { tasks, state } = useTaskFeed(feed);
  return useMemo(() => {
    const active = tasks.filter(isActive);
    return { tasks: active, count: active.length, progress: overallProgress(active), state };
  }, [tasks, state]);
}

/**
 * The draft that a model is writing for a task.
 * @param {TaskFeed} feed
 * @param {string} taskId
 * @returns {import("./draft.js").Answer[]}
 */
export function useDraft(feed, taskId) {
  const [answers, setAnswers] = useState(/** @type {import("./draft.js").Answer[]} */ ([]));
  useEffect(() => feed.watchDraft(taskId, (draft) => setAnswers(draft.current())), [feed, taskId]);
  return answers;
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
 * The feed's `subscribe`, limited to one call of the listener per frame.
 * @param {TaskFeed} feed
 */
function useSubscribe(feed) {
  return useCallback(
    (/** @type {() => void} */ listener) => {
      const unsubscribe = feed.subscribe(() => callInNextFrame(listener));
      return () => {
        unsubscribe();
        pending.delete(listener);
      };
    },
    [feed],
  );
}
