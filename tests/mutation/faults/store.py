"""Faults in what MongoDB keeps: changes of tasks, what is found of them, and what has been published."""

from tests.mutation.fault import Fault

STORE, DOCUMENTS, MODELS = "shared/tasks/store.py", "shared/tasks/documents.py", "shared/tasks/models.py"
ANNOUNCER = "shared/feed/announcer.py"
KEPT = "tests/integration/shared/tasks/test_store.py -k motor"
VERSIONS = "tests/integration/shared/tasks/test_versions.py -k no_other"
PUBLISHED = "tests/integration/shared/feed/test_announcer.py"
PURE = "tests/unit/shared/tasks/test_models.py tests/unit/shared/tasks/test_documents.py"

FAULTS = [
    # Changes of a task
    Fault(STORE, '        "$inc": {"rev": 1},\n', "", KEPT),
    Fault(STORE, '"$slice": -HISTORY_LIMIT', '"$slice": HISTORY_LIMIT', KEPT),
    Fault(
        STORE,
        'version = {"taskId": before.task_id, "rev": before.rev}',
        'version = {"taskId": before.task_id}',
        KEPT,
    ),
    Fault(
        STORE,
        "or attempt not in (None, before.attempt):",
        "or attempt not in (None, before.attempt, before.attempt - 1):",
        KEPT,
    ),
    Fault(STORE, "            before = await self.get(before.task_id)\n", "            return None\n", KEPT),
    Fault(STORE, 'if entry is not None and "steps" not in changes:', "if entry is not None:", KEPT),
    Fault(STORE, "return _after(before, decided, entry)", "return _after(before, changes, entry)", KEPT),
    Fault(
        STORE,
        "return await self._write(task_id, {TaskStatus.QUEUED}, None, changes)",
        "return await self._write(task_id, ACTIVE, None, changes)",
        "tests/integration/server/test_admission.py -k is_moved",
    ),
    Fault(
        STORE,
        "self._write(task, {TaskStatus.PROCESSING}, attempt,",
        "self._write(task, ACTIVE, attempt,",
        KEPT,
    ),
    Fault(
        STORE,
        '"updated_at": now(), "unannounced": True}',
        '"updated_at": now()}',
        KEPT,
    ),
    # What a key finds
    Fault(
        STORE,
        '                {"userId": task.user_id, "idempotencyKey": task.idempotency_key}\n',
        '                {"idempotencyKey": task.idempotency_key}\n',
        KEPT,
    ),
    Fault(STORE, "if found.request_digest != task.request_digest:", "if False:", KEPT),
    Fault(
        STORE,
        'query = {"userId": user_id, "idempotencyKey": idempotency_key}',
        'query = {"idempotencyKey": idempotency_key}',
        KEPT,
    ),
    Fault(
        STORE,
        '= {"userId": user_id, "status": TaskStatus.QUEUED}\n        if besides:',
        '= {"userId": user_id}\n        if besides:',
        "tests/integration/server/test_admission.py -k too_many",
    ),
    # What is listed
    Fault(
        STORE,
        'return {"userId": user_id} if user_id is not None else {"brandId": brand_id}',
        'return {"userId": user_id} if user_id is not None else {}',
        KEPT,
    ),
    Fault(STORE, "if len(found) < MAX_SHARED:", "if len(found) <= MAX_SHARED:", KEPT),
    Fault(STORE, "max(cursors, default=None)", "min(cursors, default=None)", KEPT),
    Fault(STORE, "        if len(found) == MAX_SHARED:\n", "        if len(found) > MAX_SHARED:\n", KEPT),
    Fault(
        STORE,
        "return (await self._page(query, count + 1)).first(count)",
        "return (await self._page(query, count)).first(count)",
        KEPT,
    ),
    Fault(
        STORE,
        '_UNFINISHED = {"status": {"$nin": list(ENDED)}, "completedAt": None}',
        '_UNFINISHED = {"status": {"$in": list(ACTIVE)}, "completedAt": None}',
        "tests/integration/shared/tasks/test_versions.py -k shown_as_it_is",
    ),
    # What the reconcile finds
    Fault(STORE, "unannounced = None if to is TaskStatus.PROCESSING else True", "unannounced = None", KEPT),
    Fault(
        STORE,
        'task = task.model_copy(update={"unannounced": True})',
        'task = task.model_copy(update={"unannounced": None})',
        KEPT,
    ),
    Fault(
        STORE,
        '            {"taskId": task.task_id, "rev": task.rev}, {"$unset": {"unannounced": ""}}\n',
        '            {"taskId": task.task_id}, {"$unset": {"unannounced": ""}}\n',
        KEPT,
    ),
    Fault(STORE, '"queuedAt": {"$lt": queued_before}', '"createdAt": {"$lt": queued_before}', KEPT),
    Fault(
        STORE,
        'query = {"taskId": {"$in": list(task_ids)}, "status": TaskStatus.PROCESSING}',
        'query = {"taskId": {"$in": list(task_ids)}}',
        KEPT,
    ),
    Fault(
        STORE,
        "            yield readable(Task, found)\n",
        "            yield readable(Task, found)\n            return\n",
        KEPT,
    ),
    # Indexes, checkpoints
    Fault(
        STORE,
        '[IndexModel([("taskId", ASCENDING), ("step", ASCENDING)], unique=True)]',
        '[IndexModel([("taskId", ASCENDING), ("step", ASCENDING)])]',
        KEPT,
    ),
    Fault(
        STORE, '        await self._expire_after(self._checkpoints, "savedAt", self._retention_s)\n', "", KEPT
    ),
    Fault(STORE, "            journal=True,\n", "", KEPT),
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
        'unchanged = {"completed"} if entering is not TaskStatus.CANCELLED else {"completed", "failed"}',
        'unchanged = {"completed"}',
        PURE,
    ),
    Fault(
        MODELS,
        "else Step(name=step.name) for step in steps]",
        'else step.model_copy(update={"status": "pending"}) for step in steps]',
        PURE,
    ),
    # What has been published
    Fault(
        ANNOUNCER,
        "        told = await self.publish(task)\n        if told:\n            await self.note(task)\n",
        "        await self.note(task)\n        told = await self.publish(task)\n",
        PUBLISHED,
    ),
    Fault(ANNOUNCER, "        if told:\n", "        if True:\n", PUBLISHED),
    Fault(ANNOUNCER, "            return False\n", "            return True\n", PUBLISHED),
    Fault(ANNOUNCER, "except (RedisError, OSError) as error:", "except OSError as error:", PUBLISHED),
    Fault(
        ANNOUNCER,
        "        except PyMongoError as error:\n",
        "        except ZeroDivisionError as error:\n",
        PUBLISHED,
    ),
]
