import { createContext } from "preact";
import { useSyncExternalStore } from "preact/compat";
import { useContext } from "preact/hooks";

import { TaskTypes } from "./taskTypes.js";

/** The task types, for all components of the page. */
export const TaskTypesContext = createContext(new TaskTypes(async () => []));

/**
 * The types that the user may start. The component renders again when they change.
 * @returns {import("./taskTypes.js").Snapshot}
 */
export function useTaskTypes() {
  const taskTypes = useContext(TaskTypesContext);
  return useSyncExternalStore(taskTypes.subscribe, taskTypes.getSnapshot);
}

/**
 * One type, which need not be registered. The component renders again when the types change.
 * @param {string} name
 * @returns {import("./taskType.js").TaskType}
 */
export function useTaskType(name) {
  const taskTypes = useContext(TaskTypesContext);
  useSyncExternalStore(taskTypes.subscribe, taskTypes.getSnapshot);
  return taskTypes.get(name);
}
