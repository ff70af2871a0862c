/**
 * The interface between the feed and its transports: the WebSocket, and polling while the WebSocket is down.
 *
 * @typedef {object} Transport
 * @property {boolean | null} isUp whether it delivers task states right now; null if that isn't known yet
 * @property {() => void} start
 * @property {() => void} stop
 */

/**
 * The feed, as a transport sees it.
 *
 * @typedef {object} Receiver
 * @property {(tasks: Task[], options?: {listed?: boolean}) => boolean} onTasks new or repeated task states; `listed` if
 *   they come from a list of the user's tasks. Returns whether anything changed.
 * @property {(taskIds: string[]) => void} onNotFound tasks that no longer exist
 * @property {() => void} onStatus `isUp` may have changed
 */

/** @import { Task } from "../task.js" */

export {};
