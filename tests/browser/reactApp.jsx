/** A React application as a team would write it around the client. */
import { memo, StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { useBackgroundTasks, useDraft, useTask, useTaskFeed } from "../../static/client/react.js";
import { TaskFeed } from "../../static/client/taskFeed.js";
import { TaskService } from "../../static/client/taskService.js";

async function getToken() {
  const response = await fetch("/api/token", { method: "POST", body: JSON.stringify({ userId: "ada" }) });
  return (await response.json()).token;
}

const service = new TaskService({ getToken });
const feed = new TaskFeed({ url: `ws://${location.host}/connection/websocket`, getToken, service });
window.drawn = {};

const One = memo(function One({ taskId }) {
  const task = useTask(feed, taskId);
  const answers = useDraft(feed, taskId);
  window.drawn[taskId] = (window.drawn[taskId] ?? 0) + 1;
  return (
    <li data-task={taskId} data-status={task.status}>
      {task.progress} % <pre>{answers.map(({ text }) => text).join("")}</pre>
    </li>
  );
});

function App() {
  const { state, tasks } = useTaskFeed(feed);
  const { count, progress } = useBackgroundTasks(feed);
  const start = () =>
    service.create("AUTO_GENERATE_PERSONAS", { product: "A bell", count: 4 }).then((task) => feed.add(task));
  return (
    <main data-state={state} data-count={count} data-progress={progress}>
      <button onClick={start}>Start</button>
      <ul>
        {tasks.map(({ taskId }) => (
          <One key={taskId} taskId={taskId} />
        ))}
      </ul>
    </main>
  );
}

feed.connect();
createRoot(document.getElementById("root")).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
