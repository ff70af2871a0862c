"""Faults in how Herald is started, and in how `herald dev` restarts the worker."""

from tests.mutation.fault import Fault

RUN, RELOAD, MODULES = "shared/launcher/run.py", "shared/launcher/reload.py", "shared/task_api/modules.py"
BY_DEV = "tests/integration/shared/launcher/test_dev.py"
BY_MODULES = "tests/unit/shared/task_api/test_modules.py"

FAULTS = [
    Fault(RUN, "online is None or online > 0", "True", BY_DEV + " -k once_a_task_type_is_online"),
    Fault(RELOAD, "code not in (None, os.EX_CONFIG)", "code is not None", BY_DEV + " -k saved_error"),
    Fault(RELOAD, "code not in (None, os.EX_CONFIG)", "False", BY_DEV + " -k worker_that_is_killed"),
    Fault(RELOAD, "        reloader.restart()\n", "", BY_DEV + " -k fixed"),
    Fault(MODULES, "report.stack[own[0] :] if own else []", "report.stack", BY_MODULES),
    Fault(
        MODULES, "PathFinder.find_spec(full_name, path)", "importlib.util.find_spec(full_name)", BY_MODULES
    ),
]
