import assert from "node:assert/strict";
import { test } from "node:test";

import { createElement } from "react";
import { renderToString } from "react-dom/server";

const BROWSER_ONLY = ["window", "document", "location", "localStorage", "WebSocket", "requestAnimationFrame", "Notification"];

test("a server can import the client and render its hooks without touching a browser's globals", async () => {
  const touched = [];
  for (const name of BROWSER_ONLY) {
    Object.defineProperty(globalThis, name, { configurable: true, get: () => void touched.push(name) });
  }
  const { Herald } = await import("../../static/client/index.js");
  const { HeraldProvider, ...hooks } = await import("../../static/client/react.js");
  const client = new Herald({ getToken: async () => "token", fetch: async () => void touched.push("fetch") });

  function View() {
    const { tasks, state } = hooks.useTasks();
    const { result } = hooks.useResult(hooks.useTask("t"));
    const emitted = hooks.useEmitted("t", "score");
    hooks.useStartTask();
    return [state, tasks.length, hooks.useBackgroundTasks().count, hooks.useDraft("t").length, result, emitted].join();
  }
  assert.equal(renderToString(createElement(HeraldProvider, { client }, createElement(View))), "connecting,0,0,0,,");
  assert.deepEqual(touched, []);
});

test("a hook without a provider says what is missing", async () => {
  const { useTasks } = await import("../../static/client/react.js");
  assert.throws(() => renderToString(createElement(() => useTasks().state)), /<HeraldProvider>/);
});
