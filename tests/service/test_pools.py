"""A pool runs so much at a time, lets so many wait, and sends the rest back."""

import asyncio
from threading import Barrier, Event

import pytest

from retrieval.errors import UnavailableError
from service.pools import Pool


def test_what_is_beyond_the_line_comes_back_and_room_returns():
    async def main():
        pool, free = Pool("questions", size=2, line=1), Event()
        running = [asyncio.create_task(pool.run(free.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError, match="3 questions"):
            await pool.run(free.wait)
        free.set()
        assert await asyncio.gather(*running) == [True, True, True]
        assert await pool.run(lambda: "again") == "again"
        pool.close()

    asyncio.run(main())


def test_as_many_as_its_size_run_together_and_errors_come_through():
    async def main():
        pool, together = Pool("questions", size=2, line=0), Barrier(2)
        meet = [pool.run(lambda: together.wait(5)) for _ in range(2)]
        assert sorted(await asyncio.gather(*meet)) == [0, 1]
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 / 0)
        assert await pool.run(lambda: 1) == 1
        pool.close()

    asyncio.run(main())


def test_a_cancelled_request_gives_its_place_back_when_its_work_ends():
    async def main():
        pool, free = Pool("questions", size=1, line=0), Event()
        gone = asyncio.create_task(pool.run(lambda: free.wait(5)))
        await asyncio.sleep(0.01)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        with pytest.raises(UnavailableError):
            await pool.run(lambda: 1)
        free.set()
        pool.close()

    asyncio.run(main())
