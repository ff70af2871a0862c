"""Runs a worker whose clock is wrong: ``python -m tests.support.skewed SECONDS``, negative if it is slow."""

import sys
import time
from datetime import timedelta


def main() -> None:
    skew_s = float(sys.argv[1])
    real_time = time.time
    time.time = lambda: real_time() + skew_s
    from herald.shared.tasks import models

    real_now = models.now
    models.now = lambda: real_now() + timedelta(seconds=skew_s)  # before the modules that import it
    from arq.cli import cli

    sys.argv = ["arq", "herald.worker.main.WorkerSettings"]
    cli()


if __name__ == "__main__":
    main()
