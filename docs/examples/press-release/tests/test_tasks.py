"""The tasks of this project, run by Herald's test kit: no services, no network."""

from press_release.models import News
from press_release.tasks import write_press_release

from herald.testing import run_sync

NEWS = News(
    company="Ada Bicycles",
    headline="A bell that can be heard in traffic",
    facts=["It rings at 96 decibels", "It weighs as much as a letter"],
)


def test_the_release_has_a_paragraph_for_each_fact() -> None:
    release = run_sync(write_press_release, NEWS).result
    assert len(release.paragraphs) == len(NEWS.facts)
    assert release.contact == "press@adabicycles.example"


def test_a_crash_repeats_no_finished_step() -> None:
    run = run_sync(write_press_release, NEWS, crash_after="Finding the angle")
    assert run.result.headline == NEWS.headline
    assert run.steps["Finding the angle"].ran_in == [1]
    assert run.steps["Writing"].ran_in == [2, 2]
