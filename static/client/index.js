/**
 * A client for Herald: start tasks, and follow them live.
 *
 * @module @herald-push/client
 */
export * from "./channels.js";
export * from "./draft.js";
export * from "./herald.js";
export * from "./notifications.js";
export * from "./register.js";
export * from "./task.js";
export * from "./taskFeed.js";
export * from "./taskService.js";
