"""Faults in the browser client: which state wins, what is read again, and when requests are made."""

from tests.mutation.fault import Fault

TASK, FEED, DRAFT, CHECKS, NOTIFICATIONS, SERVICE = (
    f"static/client/{name}.js"
    for name in ("task", "taskFeed", "draft", "transports/poller", "notifications", "taskService")
)
FEED_TESTS, DRAFT_TESTS, CHECKS_TESTS, NOTIFICATIONS_TESTS, SERVICE_TESTS = (
    f"tests/client/{name}.test.js"
    for name in ("taskFeed", "draft", "poller", "notifications", "taskService")
)

FAULTS = [
    Fault(TASK, "state.tick > known.tick", "state.tick >= known.tick", FEED_TESTS),
    Fault(
        TASK, "(state.rev === known.rev && state.tick > known.tick)", "state.tick > known.tick", FEED_TESTS
    ),
    Fault(TASK, " && !task.completedAt", "", FEED_TESTS),
    Fault(TASK, '["queued", "processing", "retrying"]', '["queued", "processing"]', FEED_TESTS),
    Fault(TASK, "(tasks.length || 1)", "tasks.length", FEED_TESTS),
    Fault(FEED, "    this.#unconfirmed.delete(task.taskId);\n", "", FEED_TESTS),
    Fault(FEED, "    if (!isNewer(task, this.#tasks.get(task.taskId))) return false;\n", "", FEED_TESTS),
    Fault(FEED, "    if (isActive(task) && !this.#live) this.checks.hurry();\n", "", FEED_TESTS),
    Fault(FEED, "a.taskId < b.taskId ? 1 : -1", "a.taskId < b.taskId ? -1 : 1", FEED_TESTS),
    Fault(FEED, "else if (!recovered) this.#readFrom", "else this.#readFrom", FEED_TESTS),
    Fault(FEED, "      if (this.#isIncomplete()) this.checks.start();\n", "", FEED_TESTS),
    Fault(FEED, "    this.#readFrom(after ?? null);\n", "    this.#readFrom(null);\n", FEED_TESTS),
    Fault(
        FEED,
        "    if (!truncated) for (const taskId of this.#unconfirmed)",
        "    for (const taskId of this.#unconfirmed)",
        FEED_TESTS,
    ),
    Fault(
        FEED,
        "    if (!truncated) for (const taskId of this.#unconfirmed) this.#remove(taskId);\n",
        "",
        FEED_TESTS,
    ),
    Fault(FEED, "new Set(this.#active())", "new Set()", FEED_TESTS),
    Fault(FEED, ".filter(isActive)", "", FEED_TESTS),
    Fault(FEED, "this.#live ? [...this.#unconfirmed] : this.#active()", "this.#active()", FEED_TESTS),
    Fault(FEED, "this.#live ? [...this.#unconfirmed] : this.#active()", "[...this.#unconfirmed]", FEED_TESTS),
    Fault(FEED, "const from = this.#checkFrom % ids.length;", "const from = 0;", FEED_TESTS),
    Fault(FEED, ".slice(0, MAX_CHECKED)", "", FEED_TESTS),
    Fault(
        FEED,
        "status(turn, { signal });\n    signal.throwIfAborted();\n",
        "status(turn, { signal });\n",
        FEED_TESTS,
    ),
    Fault(
        FEED,
        "signal, ...older });\n      signal.throwIfAborted();\n",
        "signal, ...older });\n",
        FEED_TESTS,
    ),
    Fault(FEED, "    for (const taskId of notFound) this.#remove(taskId);\n", "", FEED_TESTS),
    Fault(FEED, "{ after: this.#nextPage, status: [...ACTIVE] }", "{ after: this.#nextPage }", FEED_TESTS),
    Fault(FEED, "this.#nextPage = after ?? null;", "this.#nextPage = null;", FEED_TESTS),
    Fault(FEED, "      this.checks.stop();\n      this.#answered", "      this.#answered", FEED_TESTS),
    Fault(FEED, "      this.#answered = null;\n", "", FEED_TESTS),
    Fault(FEED, "live;\n    clearTimeout(this.#pollTimer);\n", "live;\n", FEED_TESTS),
    Fault(
        FEED,
        "    this.connection.disconnect();\n    clearTimeout(this.#pollTimer);\n",
        "    clearTimeout(this.#pollTimer);\n    this.connection.disconnect();\n",
        FEED_TESTS,
    ),
    Fault(FEED, "      else if (!this.#isIncomplete()) this.checks.stop();\n", "", FEED_TESTS),
    Fault(FEED, "if (!signal.aborted && !this.#live)", "if (!signal.aborted)", FEED_TESTS),
    Fault(FEED, "if (!signal.aborted && !this.#live)", "if (!this.#live)", FEED_TESTS),
    Fault(FEED, "(early ? early.push(data) : add([data]))", "add([data])", FEED_TESTS),
    Fault(FEED, "        early ??= [];\n", "", FEED_TESTS),
    Fault(FEED, "{ limit: -1 }", "{ limit: 1 }", FEED_TESTS),
    Fault(FEED, ".catch(() => ({ publications: [] }))", "", FEED_TESTS),
    Fault(FEED, "      add(early ?? []);\n", "", FEED_TESTS),
    Fault(FEED, "      this.#loaded = true;\n      this.#nextPage", "      this.#nextPage", FEED_TESTS),
    Fault(FEED, "from + turn.length", "from + 1", FEED_TESTS),
    Fault(
        FEED, "this.surroundings.watch(() => this.#notify())", "this.surroundings.watch(() => {})", FEED_TESTS
    ),
    Fault(FEED, "globalThis.navigator?.onLine === false || ", "", FEED_TESTS),
    Fault(FEED, "    if (this.#notifying) return;\n", "", FEED_TESTS),
    Fault(FEED, "const older = this.#nextPage && ", "const older = ", FEED_TESTS),
    Fault(CHECKS, "1 - JITTER * random()", "1 + JITTER * random()", CHECKS_TESTS),
    Fault(CHECKS, "Date.now() + 1000 * (", "Date.now() + (", CHECKS_TESTS),
    Fault(FEED, "      if (!recovered) {\n", "      if (true) {\n", FEED_TESTS),
    Fault(FEED, "      listener = () => {}; // the history may still be on its way\n", "", FEED_TESTS),
    Fault(FEED, "{ recoverable: true }", "{}", FEED_TESTS),
    Fault(FEED, "      this.connection.removeSubscription(subscription);\n", "", FEED_TESTS),
    Fault(DRAFT, "if (known && attempt < known.attempt)", "if (false)", DRAFT_TESTS),
    Fault(DRAFT, "start + [...text].length", "start + text.length", DRAFT_TESTS),
    Fault(DRAFT, "!known || start === 0 ||", "!known ||", DRAFT_TESTS),
    Fault(DRAFT, "start < known.length", "start <= known.length", DRAFT_TESTS),
    Fault(DRAFT, "start > known.length", "start >= known.length", DRAFT_TESTS),
    Fault(DRAFT, "    this.answers.delete(name); // the newest is the last\n", "", DRAFT_TESTS),
    Fault(
        CHECKS,
        "Math.min(FIRST_MS * GROWTH ** attempt, LONGEST_MS)",
        "FIRST_MS * GROWTH ** attempt",
        CHECKS_TESTS,
    ),
    Fault(CHECKS, "    if (this.#running) return;\n", "", CHECKS_TESTS),
    Fault(CHECKS, "    this.#running?.abort();\n", "", CHECKS_TESTS),
    Fault(
        CHECKS, 'addEventListener("abort", stopWatching)', 'addEventListener("abort", () => {})', CHECKS_TESTS
    ),
    Fault(CHECKS, "if (this.#running && !this.#asking &&", "if (this.#running &&", CHECKS_TESTS),
    Fault(CHECKS, " && this.surroundings.awake()", "", CHECKS_TESTS),
    Fault(CHECKS, "Math.max(wait, this.#notBefore - Date.now())", "wait", CHECKS_TESTS),
    Fault(
        CHECKS,
        "if (await this.check(running.signal)) this.#attempt = 0;",
        "await this.check(running.signal);",
        CHECKS_TESTS,
    ),
    Fault(CHECKS, "    if (this.#running === running) this.#plan(", "    this.#plan(", CHECKS_TESTS),
    Fault(CHECKS, "    else if (this.#running) this.#plan(0);\n", "", CHECKS_TESTS),
    Fault(CHECKS, "  hurry() {\n    this.#attempt = 0;\n", "  hurry() {\n", CHECKS_TESTS),
    Fault(NOTIFICATIONS, "    this.#look = this.#gather = undefined;\n", "", NOTIFICATIONS_TESTS),
    Fault(NOTIFICATIONS, "${user}:", ":", NOTIFICATIONS_TESTS),
    Fault(
        NOTIFICATIONS,
        "      if (this.#seen.get(task.taskId) === active) continue;\n",
        "",
        NOTIFICATIONS_TESTS,
    ),
    Fault(NOTIFICATIONS, "    if (!this.#isWatched(task)) return;", "    //", NOTIFICATIONS_TESTS),
    Fault(NOTIFICATIONS, "if (this.hidden()) await new", "await new", NOTIFICATIONS_TESTS),
    Fault(NOTIFICATIONS, "if (this.hidden()) await new", "if (false) await new", NOTIFICATIONS_TESTS),
    Fault(NOTIFICATIONS, "resolve(take() && lock !== null)", "resolve(take())", NOTIFICATIONS_TESTS),
    Fault(
        NOTIFICATIONS,
        "resolve(take() && lock !== null)",
        "resolve(lock !== null && take())",
        NOTIFICATIONS_TESTS,
    ),
    Fault(NOTIFICATIONS, "setTimeout(release, HOLD_MS)", "setTimeout(release, 0)", NOTIFICATIONS_TESTS),
    Fault(NOTIFICATIONS, "${task.taskId}:${task.rev}`", "${task.taskId}`", NOTIFICATIONS_TESTS),
    Fault(
        NOTIFICATIONS,
        "rev >= task.rev",
        "rev > task.rev",
        NOTIFICATIONS_TESTS,
        survives_because="a task never ends without a new rev, so an active state and its end are never equal",
    ),
    Fault(NOTIFICATIONS, "what === TOLD && rev >= task.rev", "what === TOLD", NOTIFICATIONS_TESTS),
    Fault(NOTIFICATIONS, "        this.#gather = undefined;\n", "", NOTIFICATIONS_TESTS),
    Fault(NOTIFICATIONS, "this.#completed.splice(0)", "this.#completed", NOTIFICATIONS_TESTS),
    Fault(
        NOTIFICATIONS, ".startsWith(this.prefix)).sort()", ".startsWith(this.prefix))", NOTIFICATIONS_TESTS
    ),
    Fault(NOTIFICATIONS, "keys.filter((key) => key.startsWith(this.prefix))", "keys", NOTIFICATIONS_TESTS),
    Fault(SERVICE, '      headers: { "Idempotency-Key": idempotencyKey },\n', "", SERVICE_TESTS),
    Fault(SERVICE, "payload, ...more }", "payload }", SERVICE_TESTS),
    Fault(SERVICE, "taskIds.map(encodeURIComponent)", "taskIds", SERVICE_TESTS),
    Fault(SERVICE, '    if (after) query.set("after", after);\n', "", SERVICE_TESTS),
    Fault(SERVICE, "if (status.length > 0) query", "query", SERVICE_TESTS),
    Fault(
        SERVICE, "/api/jobs/${encodeURIComponent(taskId)}/cancel", "/api/jobs/${taskId}/cancel", SERVICE_TESTS
    ),
    Fault(
        SERVICE,
        "const problem = await response.json().catch(() => ({}));",
        "const problem = await response.json();",
        SERVICE_TESTS,
    ),
    Fault(SERVICE, "?? Number.NaN", "", SERVICE_TESTS),
    Fault(SERVICE, "      signal,\n    });", "    });", SERVICE_TESTS),
]
