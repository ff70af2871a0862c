"""Starts a press release and follows it, while ``herald dev`` is running."""

from herald import Herald
from press_release.models import News
from press_release.tasks import write_press_release

NEWS = News(
    company="Ada Bicycles",
    headline="A bell that can be heard in traffic",
    facts=["It rings at 96 decibels", "It weighs as much as a letter", "It fits every handlebar"],
)


def main() -> None:
    """Print each update, and then the release."""
    with Herald() as herald:
        handle = herald.start(write_press_release, NEWS)
        for update in handle.follow():
            if update.draft is None:
                print(update.status, f"{update.progress} %", update.step or "", flush=True)
        print(handle.result().model_dump_json(indent=2))


if __name__ == "__main__":
    main()
