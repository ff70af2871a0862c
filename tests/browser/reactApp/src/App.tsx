import { type TaskId } from "@herald-push/client";
import { useBackgroundTasks, useDraft, useEmitted, useHerald, useResult, useStartTask, useTask, useTasks } from "@herald-push/client/react";
import { memo, useState } from "react";

function count(component: string) {
  window.renders = { ...window.renders, [component]: (window.renders?.[component] ?? 0) + 1 };
}

export function App() {
  const start = useStartTask();
  const [taskId, setTaskId] = useState<TaskId<"WRITE_PRESS_RELEASE">>();
  const { state, tasks } = useTasks({ type: "WRITE_PRESS_RELEASE" });
  const background = useBackgroundTasks();

  async function write() {
    const task = await start("WRITE_PRESS_RELEASE", { company: "Acme", headline: "Acme flies" });
    setTaskId(task.taskId);
  }

  return (
    <main data-state={state} data-count={background.count}>
      <button onClick={write}>Write</button>
      {taskId && <Writing taskId={taskId} />}
      {taskId && <Draft taskId={taskId} />}
      <ul>
        {tasks.map((task) => (
          <Row key={task.taskId} taskId={task.taskId} />
        ))}
      </ul>
    </main>
  );
}

/** The newest task: its progress, and its result once there is one. */
function Writing({ taskId }: { taskId: TaskId<"WRITE_PRESS_RELEASE"> }) {
  const herald = useHerald();
  const task = useTask(taskId);
  const { result, error } = useResult(task);
  const angle = useEmitted<{ points: number }>(taskId, "angle");
  if (!task) return null;
  return (
    <section data-status={task.status}>
      <h1>{task.title}</h1>
      <progress max={100} value={task.progress} />
      {task.steps.map(({ name, status, done, total }) => (
        <p key={name} data-step={status}>
          {name} {total && `${done} of ${total}`}
        </p>
      ))}
      {angle && <p>{angle.points} points</p>}
      {result?.paragraphs.map((paragraph) => <article key={paragraph}>{paragraph}</article>)}
      {error && <p role="alert">{error.message}</p>}
      <button onClick={() => herald.cancel(taskId)}>Cancel</button>
    </section>
  );
}

const Draft = memo(function Draft({ taskId }: { taskId: string }) {
  const answers = useDraft(taskId);
  count("draft");
  return <pre>{answers.map(({ text }) => text).join("")}</pre>;
});

const Row = memo(function Row({ taskId }: { taskId: TaskId<"WRITE_PRESS_RELEASE"> }) {
  const task = useTask(taskId);
  count(taskId);
  return <li data-task={taskId}>{task?.status}</li>;
});
