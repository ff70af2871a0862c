"""Faults in the registry of task types: ownership, ranking, and the payloads that the server accepts."""

from tests.mutation.fault import Fault

STORE, RECORD = "shared/tasks/task_type_store.py", "shared/task_api/record.py"
SCHEMA, TYPES = "server/payloads/schema.py", "server/task_types.py"
STORED = "tests/integration/shared/tasks/test_task_type_store.py"
PAYLOADS = "tests/unit/server/payloads/test_schema.py"
SERVED = "tests/integration/server/test_task_types.py"

FAULTS = [
    Fault(STORE, 'if stored is not None and stored["app"] == record.app:', "if False:", STORED),
    Fault(
        "shared/tasks/records.py",
        "return (self.version, self.announced_at)",
        "return (0, self.announced_at)",
        STORED,
    ),
    Fault(
        STORE,
        "(each for each in records if owners.get(each.type) == each.app)",
        "records",
        f"{STORED}::test_a_type_without_a_worker_for_a_day_may_be_taken_over",
    ),
    Fault(
        RECORD, 'if not reference.startswith("#"):', "if False:", "tests/unit/shared/task_api/test_record.py"
    ),
    Fault(SCHEMA, "value = int(value)", "pass", PAYLOADS),
    Fault(SCHEMA, "if not default.faults:", "if True:", PAYLOADS),
    Fault(
        TYPES,
        "if may_start(principal, each.record.options.start)",
        "if True",
        f"{SERVED}::test_a_type_that_a_token_may_not_start_is_hidden",
    ),
]
