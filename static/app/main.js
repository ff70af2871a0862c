/** Puts the page together and starts it. */
import { render } from "preact";

import { TaskFeed } from "herald/taskFeed.js";
import { TaskService } from "herald/taskService.js";

import { App } from "./app.js";
import { html } from "../ui/html.js";
import { currentUser, tokenSource } from "../ui/session.js";

const user = currentUser();
const getToken = tokenSource(user);
const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/connection/websocket`;
const service = new TaskService({ getToken });
const feed = new TaskFeed({ url, getToken, service });

render(html`<${App} user=${user} feed=${feed} service=${service} />`, document.getElementById("app"));
