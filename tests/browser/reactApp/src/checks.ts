/** What the compiler accepts and refuses once `herald types` has written `herald.ts`. */
import type { Task } from "@herald-push/client";

import { herald } from "./client";

export async function check(task: Task<"PING"> | Task<"WRITE_PRESS_RELEASE">) {
  const started = await herald.start("WRITE_PRESS_RELEASE", { company: "Acme", headline: "Acme flies", tone: "warm" });
  const paragraphs: string[] = (await herald.result(started)).paragraphs;
  const byId: string[] = (await herald.result(started.taskId)).paragraphs;
  const fromUrl: string[] = (await herald.result<"WRITE_PRESS_RELEASE">(location.hash)).paragraphs;
  if (task.type === "PING") {
    const pong: string = await herald.result(task);
    return [paragraphs, byId, fromUrl, pong];
  }
  // @ts-expect-error a field is missing
  await herald.start("WRITE_PRESS_RELEASE", { company: "Acme" });
  // @ts-expect-error the field has another type
  await herald.start("WRITE_PRESS_RELEASE", { company: "Acme", headline: 1 });
  // @ts-expect-error there is no such tone
  await herald.start("WRITE_PRESS_RELEASE", { company: "Acme", headline: "Acme flies", tone: "cold" });
  // @ts-expect-error there is no such field
  await herald.start("WRITE_PRESS_RELEASE", { company: "Acme", headline: "Acme flies", titel: "" });
  // @ts-expect-error there is no such task type
  await herald.start("WRITE_NOVEL", {});
  // @ts-expect-error the result has no such field
  return (await herald.result(started)).text;
}
