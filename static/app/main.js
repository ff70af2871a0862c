/** Starts the page. */
import { TaskFeed } from "herald/taskFeed.js";
import { TaskService } from "herald/taskService.js";

import { html, mount } from "../ui/html.js";
import { currentUser, hubUrl, tokenSource } from "../ui/session.js";
import { App } from "./app.js";

const user = currentUser();
const getToken = tokenSource(user);
const service = new TaskService({ getToken });
const feed = new TaskFeed({ url: hubUrl(), getToken, service });

mount(html`<${App} user=${user} feed=${feed} service=${service} />`, "app");
