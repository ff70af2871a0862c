/** Finds a token for the operators' page, and starts it. */
import { render } from "preact";

import { TaskService } from "herald/taskService.js";

import { html } from "../ui/html.js";
import { tokenSource } from "../ui/session.js";
import { Board } from "./overviewFeed.js";
import { Ops } from "./adminPage.js";
import { TokenForm } from "./tokenForm.js";

const STORED = "herald.operatorToken";
const root = document.getElementById("ops");

/** @param {() => Promise<string>} getToken */
function start(getToken) {
  const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/connection/websocket`;
  const board = new Board({ url, getToken, onRefused: (why) => ask(why) });
  render(html`<${Ops} board=${board} service=${new TaskService({ getToken })} getToken=${getToken} />`, root);
}

/** @param {string} [why] the token before was not taken */
function ask(why) {
  sessionStorage.removeItem(STORED);
  const take = (token) => {
    sessionStorage.setItem(STORED, token);
    start(async () => token);
  };
  render(html`<${TokenForm} why=${why} onToken=${take} />`, root);
}

const stored = sessionStorage.getItem(STORED);
if (stored) {
  start(async () => stored);
} else {
  const development = tokenSource("operator", "operator");
  development().then(
    () => start(development),
    () => ask(), // a production server hands out none
  );
}
