"""Faults in the task types: repetitions in media plans, budgets, contrast, and the wording of drafts."""

from tests.mutation.fault import Fault

MEDIA_PLAN, BRAND_KIT = "worker/tasks/media_plan", "worker/tasks/brand_kit"
TESTS = "tests/unit/worker/tasks"

FAULTS = [
    Fault(
        f"{MEDIA_PLAN}/checks.py",
        "        if texts & seen:\n",
        "        if False:\n",
        f"{TESTS}/media_plan/test_task.py",
    ),
    Fault(
        f"{MEDIA_PLAN}/draft.py",
        "form = kind.formats[serial % len(kind.formats)]",
        "form = kind.formats[serial % 2]",
        f"{TESTS}/media_plan/test_draft.py",
    ),
    Fault(
        f"{MEDIA_PLAN}/draft.py",
        "focus = groups[week::weeks] if len(groups) > weeks else",
        "focus = groups[week : week + 1] if len(groups) > weeks else",
        f"{TESTS}/media_plan/test_draft.py",
    ),
    Fault(
        f"{MEDIA_PLAN}/draft.py",
        "first // len(channels) + count // lcm(len(keywords), len(channels))",
        "first // len(channels)",
        f"{TESTS}/media_plan/test_draft.py",
    ),
    Fault(
        f"{MEDIA_PLAN}/formats.py",
        "return next((kind for kind, names in WORDS if words & set(names.split())), OTHER)",
        "return OTHER",
        f"{TESTS}/media_plan/test_draft.py",
    ),
    Fault(
        f"{MEDIA_PLAN}/money.py",
        "    amounts[parts.index(max(parts))] += rest\n",
        "",
        f"{TESTS}/media_plan/test_money.py",
    ),
    Fault(
        f"{BRAND_KIT}/colour.py",
        'and shade["lightness"] != limit',
        'and 0 < shade["lightness"] < 1',
        f"{TESTS}/brand_kit/test_colour.py",
    ),
    Fault(
        f"{BRAND_KIT}/colour.py",
        "if text_on(background) == BLACK else (STEP, 1)",
        "if text_on(background) == WHITE else (STEP, 1)",
        f"{TESTS}/brand_kit",
    ),
    Fault(
        "worker/tasks/words.py",
        "if first.islower() and not is_acronym else text",
        "if first and not is_acronym else text",
        f"{TESTS}/test_words.py {TESTS}/media_plan/test_draft.py",
    ),
]
