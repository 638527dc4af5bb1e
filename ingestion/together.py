"""Work in several threads that ends together: when all is done, or when one of them fails."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress

from ingestion.lane import LaneStopped

TICK_S = 0.2
Work = Callable[[], None]


def together(main: Work, workers: Sequence[Work], stop: Work, tick: Work) -> None:
    """Run `main` here and each worker in a thread, and wait for all of them.

    `stop` is called once or more if one of them fails or `main` is interrupted, and has to make the
    others end; `tick` is called a few times a second after `main`.

    Raises: what `main` raised, else what the first worker did, but for LaneStopped: it says only
        that another one has failed.
    """

    def ended(worker: Future[None]) -> None:
        if worker.exception():
            stop()

    with ThreadPoolExecutor(len(workers), "ingest") as pool, ExitStack() as unless_done:
        unless_done.callback(stop)
        running = [pool.submit(worker) for worker in workers]
        for each in running:
            each.add_done_callback(ended)
        with suppress(LaneStopped):
            main()
        while wait(running, TICK_S).not_done:
            tick()
        unless_done.pop_all()
    for each in running:
        error = each.exception()
        if error and not isinstance(error, LaneStopped):
            raise error
