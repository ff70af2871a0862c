/** Starts the page. */
import { Herald } from "herald/herald.js";
import { HeraldProvider } from "herald/react.js";

import { html, mount } from "../ui/html.js";
import { currentUser, tokenSource } from "../ui/session.js";
import { App } from "./app.js";
import { TaskTypes } from "./registry/taskTypes.js";
import { TaskTypesContext } from "./registry/useTaskTypes.js";

const user = currentUser();
const herald = new Herald({ getToken: tokenSource(user) });
const taskTypes = new TaskTypes(() => herald.service.taskTypes());

mount(
  html`<${HeraldProvider} client=${herald}>
    <${TaskTypesContext.Provider} value=${taskTypes}><${App} user=${user} feed=${herald.feed} service=${herald.service} /><//>
  <//>`,
  "app",
);
