"""Faults in the browser client: which state wins, which tasks are read again, and when requests are made."""

from tests.mutation.fault import Fault

TASK, FEED, HERALD, DRAFT, NOTIFICATIONS, SERVICE, WEB_SOCKET, STREAM, POLLING, POLLER = (
    f"static/client/{name}.js"
    for name in (
        "task",
        "taskFeed",
        "herald",
        "draft",
        "notifications",
        "taskService",
        "transports/webSocket",
        "transports/taskStream",
        "transports/polling",
        "transports/poller",
    )
)
FEED_TESTS = " ".join(f"tests/client/{name}.test.js" for name in ("task", "taskFeed", "catchUp", "polling"))
DRAFT_TESTS, STREAM_TESTS, POLLER_TESTS, NOTIFICATIONS_TESTS, SERVICE_TESTS, HERALD_TESTS = (
    f"tests/client/{name}.test.js"
    for name in ("draft", "taskStream", "poller", "notifications", "taskService", "herald")
)

FAULTS = [
    Fault(TASK, "state.tick > known.tick", "state.tick >= known.tick", FEED_TESTS),
    Fault(
        TASK, "(state.rev === known.rev && state.tick > known.tick)", "state.tick > known.tick", FEED_TESTS
    ),
    Fault(TASK, " && !task.completedAt", "", FEED_TESTS),
    Fault(TASK, '["queued", "processing", "retrying"]', '["queued", "processing"]', FEED_TESTS),
    Fault(TASK, "(tasks.length || 1)", "tasks.length", FEED_TESTS),
    Fault(FEED, "    this.polling.confirm(task.taskId);\n", "", FEED_TESTS),
    Fault(FEED, "    if (!isNewer(task, this.#tasks.get(task.taskId))) return false;\n", "", FEED_TESTS),
    Fault(FEED, "    if (isActive(task)) this.polling.hurry();\n", "", FEED_TESTS),
    Fault(FEED, "a.taskId < b.taskId ? 1 : -1", "a.taskId < b.taskId ? -1 : 1", FEED_TESTS),
    Fault(FEED, "else if (!recovered) this.polling", "else this.polling", FEED_TESTS),
    Fault(FEED, "        this.polling.catchUp();\n", "", FEED_TESTS),
    Fault(FEED, "this.polling.restart(after ?? null);", "this.polling.restart(null);", FEED_TESTS),
    Fault(FEED, "    if (!truncated) this.#removeAll", "    this.#removeAll", FEED_TESTS),
    Fault(FEED, "    if (!truncated) this.#removeAll(this.polling.unconfirmed());\n", "", FEED_TESTS),
    Fault(POLLING, "new Set(this.activeIds())", "new Set()", FEED_TESTS),
    Fault(FEED, ".filter(isActive)", "", FEED_TESTS),
    Fault(
        POLLING, "this.#isFallback ? this.activeIds() : this.unconfirmed()", "this.activeIds()", FEED_TESTS
    ),
    Fault(
        POLLING, "this.#isFallback ? this.activeIds() : this.unconfirmed()", "this.unconfirmed()", FEED_TESTS
    ),
    Fault(POLLING, "const from = this.#checkFrom % ids.length;", "const from = 0;", FEED_TESTS),
    Fault(POLLING, ".slice(0, MAX_CHECKED)", "", FEED_TESTS),
    Fault(
        POLLING,
        "status(turn, { signal });\n    signal.throwIfAborted();\n",
        "status(turn, { signal });\n",
        FEED_TESTS,
    ),
    Fault(
        POLLING,
        "signal, ...older });\n      signal.throwIfAborted();\n",
        "signal, ...older });\n",
        FEED_TESTS,
    ),
    Fault(POLLING, "    this.receiver.onNotFound(notFound);\n", "", FEED_TESTS),
    Fault(POLLING, "{ after: this.#nextPage, status: ACTIVE }", "{ after: this.#nextPage }", FEED_TESTS),
    Fault(POLLING, "this.#nextPage = after ?? null;", "this.#nextPage = null;", FEED_TESTS),
    Fault(
        POLLING,
        "    clearTimeout(this.#patience);\n    this.poller.stop();\n",
        "    clearTimeout(this.#patience);\n",
        FEED_TESTS,
    ),
    Fault(POLLING, "    this.isUp = null;\n", "", FEED_TESTS),
    Fault(
        POLLING,
        "    this.isUp = null;\n    clearTimeout(this.#patience);\n",
        "    this.isUp = null;\n",
        FEED_TESTS,
    ),
    Fault(
        FEED,
        "    this.webSocket.stop();\n    this.polling.stop();\n",
        "    this.polling.stop();\n    this.webSocket.stop();\n",
        FEED_TESTS,
    ),
    Fault(POLLING, "      else if (!this.#isBehind()) this.poller.stop();\n", "", FEED_TESTS),
    Fault(POLLING, "if (!signal.aborted && this.#isFallback)", "if (!signal.aborted)", FEED_TESTS),
    Fault(POLLING, "if (!signal.aborted && this.#isFallback)", "if (this.#isFallback)", FEED_TESTS),
    Fault(STREAM, "if (this.#early) this.#early.push(data);\n      else this", "this", STREAM_TESTS),
    Fault(STREAM, "      this.#early ??= [];\n", "", STREAM_TESTS),
    Fault(STREAM, "      this.emitted.clear();\n", "", STREAM_TESTS),
    Fault(STREAM, "{ limit: -1 }", "{ limit: 1 }", STREAM_TESTS),
    Fault(STREAM, ".catch(() => ({ publications: [] }))", "", STREAM_TESTS),
    Fault(STREAM, "    this.#add(this.#early ?? []);\n", "", STREAM_TESTS),
    Fault(STREAM, " && this.#listeners.size === 0", "", STREAM_TESTS),
    Fault(WEB_SOCKET, "this.stream(taskId) ?? new", "new", STREAM_TESTS),
    Fault(WEB_SOCKET, "      this.#streams.delete(taskId);\n", "", STREAM_TESTS),
    Fault(FEED, "(isAhead ? pushed : undefined)", "undefined", STREAM_TESTS),
    Fault(FEED, "this.webSocket.isUp && (!task", "(!task", STREAM_TESTS),
    Fault(FEED, " && (!task || isActive(task))", "", STREAM_TESTS),
    Fault(FEED, "task?.emitted?.[name] ?? pushed", "task?.emitted?.[name]", STREAM_TESTS),
    Fault(DRAFT, "    this.#current = null;\n", "", STREAM_TESTS),
    Fault(HERALD, "    if (this.#isConnected) return;\n", "", HERALD_TESTS),
    Fault(HERALD, "    this.#isConnected = false;\n", "", HERALD_TESTS),
    Fault(HERALD, "    this.connect();\n", "", HERALD_TESTS),
    Fault(HERALD, "if (!isActive(task)) return", "return", HERALD_TESTS),
    Fault(HERALD, "      signal?.throwIfAborted();\n", "", HERALD_TESTS),
    Fault(HERALD, "this.feed.get(taskId) ?? this", "this", HERALD_TESTS),
    Fault(POLLING, ", { listed: true }", "", FEED_TESTS),
    Fault(POLLING, "from + turn.length", "from + 1", FEED_TESTS),
    Fault(
        FEED, "this.environment.watch(() => this.#notify())", "this.environment.watch(() => {})", FEED_TESTS
    ),
    Fault(FEED, "globalThis.navigator?.onLine === false || ", "", FEED_TESTS),
    Fault(FEED, "    if (this.#notifying) return;\n", "", FEED_TESTS),
    Fault(POLLING, "const older = this.#nextPage && ", "const older = ", FEED_TESTS),
    Fault(POLLER, "1 - JITTER * random()", "1 + JITTER * random()", POLLER_TESTS),
    Fault(POLLER, "Date.now() + 1000 * (", "Date.now() + (", POLLER_TESTS),
    Fault(STREAM, "if (!recovered)", "if (true)", STREAM_TESTS),
    Fault(STREAM, "{ recoverable: true }", "{}", STREAM_TESTS),
    Fault(STREAM, "    this.connection.removeSubscription(this.subscription);\n", "", STREAM_TESTS),
    Fault(DRAFT, "if (known && attempt < known.attempt)", "if (false)", DRAFT_TESTS),
    Fault(DRAFT, "start + [...text].length", "start + text.length", DRAFT_TESTS),
    Fault(DRAFT, "!known || start === 0 ||", "!known ||", DRAFT_TESTS),
    Fault(DRAFT, "start < known.length", "start <= known.length", DRAFT_TESTS),
    Fault(DRAFT, "start > known.length", "start >= known.length", DRAFT_TESTS),
    Fault(DRAFT, "    this.answers.delete(name); // the newest answer is the last one\n", "", DRAFT_TESTS),
    Fault(
        POLLER,
        "Math.min(FIRST_MS * GROWTH ** attempt, LONGEST_MS)",
        "FIRST_MS * GROWTH ** attempt",
        POLLER_TESTS,
    ),
    Fault(POLLER, "    if (this.#run) return;\n", "", POLLER_TESTS),
    Fault(POLLER, "    this.#run?.abort();\n", "", POLLER_TESTS),
    Fault(
        POLLER, 'addEventListener("abort", stopWatching)', 'addEventListener("abort", () => {})', POLLER_TESTS
    ),
    Fault(POLLER, "if (this.#run && !this.#isPolling &&", "if (this.#run &&", POLLER_TESTS),
    Fault(POLLER, " && this.environment.canPoll()", "", POLLER_TESTS),
    Fault(POLLER, "Math.max(delay, this.#notBefore - Date.now())", "delay", POLLER_TESTS),
    Fault(
        POLLER,
        "if (await this.poll(run.signal)) this.#attempt = 0;",
        "await this.poll(run.signal);",
        POLLER_TESTS,
    ),
    Fault(POLLER, "    if (this.#run === run) this.#schedule(", "    this.#schedule(", POLLER_TESTS),
    Fault(POLLER, "    else if (this.#run) this.#schedule(0);\n", "", POLLER_TESTS),
    Fault(POLLER, "  hurry() {\n    this.#attempt = 0;\n", "  hurry() {\n", POLLER_TESTS),
    Fault(NOTIFICATIONS, "    this.#scanTimer = this.#groupTimer = undefined;\n", "", NOTIFICATIONS_TESTS),
    Fault(NOTIFICATIONS, "${user}:", ":", NOTIFICATIONS_TESTS),
    Fault(
        NOTIFICATIONS,
        "      if (this.#wasActive.get(task.taskId) === active) continue;\n",
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
    Fault(NOTIFICATIONS, "setTimeout(release, LOCK_HOLD_MS)", "setTimeout(release, 0)", NOTIFICATIONS_TESTS),
    Fault(NOTIFICATIONS, "${task.taskId}:${task.rev}`", "${task.taskId}`", NOTIFICATIONS_TESTS),
    Fault(
        NOTIFICATIONS,
        "rev >= task.rev",
        "rev > task.rev",
        NOTIFICATIONS_TESTS,
        survives_because="a task never ends without a new rev, so an active state and its end are never equal",
    ),
    Fault(
        NOTIFICATIONS, "state === ANNOUNCED && rev >= task.rev", "state === ANNOUNCED", NOTIFICATIONS_TESTS
    ),
    Fault(NOTIFICATIONS, "        this.#groupTimer = undefined;\n", "", NOTIFICATIONS_TESTS),
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
