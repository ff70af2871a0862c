"""Faults in the store: changes of tasks, queries, indexes, and the mark of unannounced changes."""

from tests.mutation.fault import Fault

STORE, QUERIES, MONGO = "shared/tasks/store.py", "shared/tasks/queries.py", "shared/tasks/mongo.py"
DOCUMENTS, MODELS = "shared/tasks/documents.py", "shared/tasks/models.py"
REVOCATIONS = "shared/tasks/revocations.py"
ANNOUNCER = "shared/feed/announcer.py"
ON_STORE = "tests/integration/shared/tasks/test_store.py -k motor"
ON_QUERIES = "tests/integration/shared/tasks/test_queries.py -k motor"
ON_MONGO = "tests/integration/shared/tasks/test_mongo.py -k motor"
ON_REVOCATIONS = "tests/integration/shared/tasks/test_revocations.py -k motor"
VERSIONS = "tests/integration/shared/tasks/test_versions.py -k does_not_affect"
ON_ANNOUNCER = "tests/integration/shared/feed/test_announcer.py"
PURE = "tests/unit/shared/tasks/test_models.py tests/unit/shared/tasks/test_documents.py"

FAULTS = [
    # Changes of a task
    Fault(STORE, '        "$inc": {"rev": 1},\n', "", ON_STORE),
    Fault(STORE, '"$slice": -HISTORY_LIMIT', '"$slice": HISTORY_LIMIT', ON_STORE),
    Fault(
        STORE,
        'version = {"taskId": before.task_id, "rev": before.rev}',
        'version = {"taskId": before.task_id}',
        ON_STORE,
    ),
    Fault(
        STORE,
        "or attempt not in (None, before.attempt):",
        "or attempt not in (None, before.attempt, before.attempt - 1):",
        ON_STORE,
    ),
    Fault(
        STORE, "            before = await self.get(before.task_id)\n", "            return None\n", ON_STORE
    ),
    Fault(STORE, 'if "status" in changes and "steps" not in changes:', 'if "status" in changes:', ON_STORE),
    Fault(STORE, "return _after(before, decided, entry)", "return _after(before, changes, entry)", ON_STORE),
    Fault(
        STORE,
        "return await self._write(task_id, {TaskStatus.QUEUED}, None, changes)",
        "return await self._write(task_id, set(TaskStatus), None, changes)",
        "tests/integration/server/test_admission.py -k is_moved",
    ),
    Fault(
        STORE,
        "self._write(task, {TaskStatus.PROCESSING}, attempt,",
        "self._write(task, set(TaskStatus), attempt,",
        ON_STORE,
    ),
    Fault(
        STORE,
        '"updated_at": now(), "unannounced": True}',
        '"updated_at": now()}',
        ON_STORE,
    ),
    # Idempotency keys and limits
    Fault(
        STORE,
        '                {"userId": task.user_id, "idempotencyKey": task.idempotency_key}\n',
        '                {"idempotencyKey": task.idempotency_key}\n',
        ON_STORE,
    ),
    Fault(STORE, "if found.request_digest != task.request_digest:", "if False:", ON_STORE),
    Fault(
        QUERIES,
        'query = {"userId": user_id, "idempotencyKey": idempotency_key}',
        'query = {"idempotencyKey": idempotency_key}',
        ON_STORE,
    ),
    Fault(
        QUERIES,
        '= {"userId": user_id, "status": TaskStatus.QUEUED}\n        if besides:',
        '= {"userId": user_id}\n        if besides:',
        "tests/integration/server/test_admission.py -k too_many",
    ),
    # Pages and snapshots
    Fault(
        QUERIES,
        'return {"userId": user_id} if user_id is not None else {"brandId": brand_id}',
        'return {"userId": user_id} if user_id is not None else {}',
        ON_QUERIES,
    ),
    Fault(QUERIES, "if len(found) < MAX_SHARED:", "if len(found) <= MAX_SHARED:", ON_QUERIES),
    Fault(QUERIES, "max(cursors, default=None)", "min(cursors, default=None)", ON_QUERIES),
    Fault(
        QUERIES, "        if len(found) == MAX_SHARED:\n", "        if len(found) > MAX_SHARED:\n", ON_QUERIES
    ),
    Fault(
        QUERIES,
        "return (await self._page(query, count + 1)).first(count)",
        "return (await self._page(query, count)).first(count)",
        ON_QUERIES,
    ),
    Fault(
        QUERIES,
        '_UNFINISHED = {"status": {"$nin": list(ENDED)}, "completedAt": None}',
        '_UNFINISHED = {"status": {"$in": list(ACTIVE)}, "completedAt": None}',
        "tests/integration/shared/tasks/test_versions.py -k shown_as_it_is",
    ),
    # Maintenance
    Fault(
        STORE, "unannounced = None if to is TaskStatus.PROCESSING else True", "unannounced = None", ON_STORE
    ),
    Fault(
        STORE,
        'task = task.model_copy(update={"unannounced": True})',
        'task = task.model_copy(update={"unannounced": None})',
        ON_STORE,
    ),
    Fault(
        STORE,
        '            {"taskId": task.task_id, "rev": task.rev}, {"$unset": {"unannounced": ""}}\n',
        '            {"taskId": task.task_id}, {"$unset": {"unannounced": ""}}\n',
        ON_STORE,
    ),
    Fault(QUERIES, '"queuedAt": {"$lt": queued_before}', '"createdAt": {"$lt": queued_before}', ON_QUERIES),
    Fault(
        QUERIES,
        'query = {"taskId": {"$in": list(task_ids)}, "status": TaskStatus.PROCESSING}',
        'query = {"taskId": {"$in": list(task_ids)}}',
        ON_QUERIES,
    ),
    Fault(
        QUERIES,
        "            yield readable(Task, found)\n",
        "            yield readable(Task, found)\n            return\n",
        ON_QUERIES,
    ),
    # Indexes and concerns
    Fault(
        MONGO,
        '[IndexModel([("taskId", ASCENDING), ("step", ASCENDING)], unique=True)]',
        '[IndexModel([("taskId", ASCENDING), ("step", ASCENDING)])]',
        ON_MONGO,
    ),
    Fault(MONGO, '    await _expire_after(database, "checkpoints", "savedAt", retention_s)\n', "", ON_MONGO),
    Fault(MONGO, "        journal=True,\n", "", ON_MONGO),
    # Revocations
    Fault(REVOCATIONS, '{"$max": changes}', '{"$set": changes}', ON_REVOCATIONS),
    Fault(REVOCATIONS, 'find({"until": {"$gt": since}})', "find({})", ON_REVOCATIONS),
    # Documents
    Fault(
        DOCUMENTS,
        'return Page(self.tasks[:count], max(self.after or "", cursor))',
        "return Page(self.tasks[:count], cursor)",
        PURE,
    ),
    Fault(
        DOCUMENTS,
        "_above(max(task.task_id for task in left_out))",
        "max(task.task_id for task in left_out)",
        PURE,
    ),
    Fault(DOCUMENTS, 'document.get("rev") == found.rev', "True", VERSIONS),
    # Steps
    Fault(
        MODELS,
        "    if entering in (TaskStatus.FAILED, TaskStatus.RETRYING):\n",
        "    if entering is TaskStatus.FAILED:\n",
        PURE,
    ),
    Fault(
        MODELS,
        'unchanged = {"completed", "failed"} if ended else {"completed"}',
        'unchanged = {"completed"}',
        PURE,
    ),
    Fault(
        MODELS,
        "else Step(name=step.name) for step in steps]",
        'else step.model_copy(update={"status": "pending"}) for step in steps]',
        PURE,
    ),
    # The mark of unannounced changes
    Fault(
        ANNOUNCER,
        "        published = await self.publish(task)\n        if published:\n            await self.mark_announced(task)\n",
        "        await self.mark_announced(task)\n        published = await self.publish(task)\n",
        ON_ANNOUNCER,
    ),
    Fault(ANNOUNCER, "            return False\n", "            return True\n", ON_ANNOUNCER),
    Fault(ANNOUNCER, "except (RedisError, OSError) as error:", "except OSError as error:", ON_ANNOUNCER),
    Fault(
        ANNOUNCER,
        "        except PyMongoError as error:\n",
        "        except ZeroDivisionError as error:\n",
        ON_ANNOUNCER,
    ),
]
