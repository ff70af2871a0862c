import { type TaskId, RequestError } from "@herald-push/client";
import { useDraft, useResult, useStartTask, useTask } from "@herald-push/client/react";
import { type FormEvent, useState } from "react";

type ReleaseId = TaskId<"WRITE_PRESS_RELEASE">;

/** A form for the news, and the release that is written from it. */
export function PressOffice() {
  const start = useStartTask();
  const [taskId, setTaskId] = useState<ReleaseId>();
  const [error, setError] = useState("");

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name));
    try {
      const task = await start("WRITE_PRESS_RELEASE", {
        company: text("company"),
        headline: text("headline"),
        facts: text("facts").split("\n").filter(Boolean),
      });
      setTaskId(task.taskId);
      setError("");
    } catch (reason) {
      setError(reason instanceof RequestError ? reason.message : "Couldn't reach the server. Try again.");
    }
  }

  return (
    <main>
      <form onSubmit={submit}>
        <p><label>Company <input name="company" required /></label></p>
        <p><label>Headline <input name="headline" required /></label></p>
        <p><label>Facts, one per line <textarea name="facts" required /></label></p>
        <button>Write the release</button>
      </form>
      {error && <p role="alert">{error}</p>}
      {taskId && <Release taskId={taskId} />}
    </main>
  );
}

/** The release: its steps and drafts while it is being written, then its text. */
function Release({ taskId }: { taskId: ReleaseId }) {
  const task = useTask(taskId);
  const drafts = useDraft(taskId);
  const { result } = useResult(task);
  if (!task) return null;
  if (task.lastError) return <p role="alert">{task.lastError}</p>;
  if (result) {
    return (
      <article>
        <h1>{result.headline}</h1>
        {result.paragraphs.map((paragraph) => <p key={paragraph}>{paragraph}</p>)}
        <address>{result.contact}</address>
      </article>
    );
  }
  return (
    <section aria-live="polite">
      <progress max={100} value={task.progress} /> {task.currentStep}
      {drafts.map(({ part, text }) => <p key={part}>{text}</p>)}
    </section>
  );
}
