"""Ends an attempt in the middle, as the loss of its worker would."""

import asyncio
from typing import NoReturn


class Halt:
    """Ends the running attempt of a test, whatever its code makes of exceptions.

    Code that reaches it waits there until it is cancelled.
    """

    def __init__(self) -> None:
        self.reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the attempt has to end; its exception is that of the whole test run."""

    async def here(self, error: AssertionError | None = None) -> NoReturn:
        """End the attempt here, and with an ``error`` the whole test run."""
        if not self.reached.done():
            self.reached.set_result(None) if error is None else self.reached.set_exception(error)
        await asyncio.get_running_loop().create_future()
        raise AssertionError("unreachable")

    async def check(self) -> None:
        """Go no further if the attempt has to end."""
        if self.reached.done():
            await self.here()
