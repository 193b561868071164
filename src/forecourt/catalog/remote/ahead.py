"""Several requests at once, their results in order: what is far away answers slowly, and several at a time as well."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from forecourt.errors import ForecourtError

AT_ONCE = 4

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def ahead(
    work: Callable[[_Item], _Result], items: Iterable[_Item], leave: Callable[[], None], at_once: int = AT_ONCE
) -> Generator[_Result, None, None]:
    """Yield what `work` makes of each item, in their order; so many are worked on at once, each in a thread.

    `items` is asked in the caller's thread, and never further than `at_once` ahead; where it raises a `ForecourtError`,
    what was begun is yielded first. Where the caller goes away or `work` raises, `leave` is called, which has to make
    the work that goes on end, and that is waited for.
    """
    going: deque[Future[_Result]] = deque()
    failed: ForecourtError | None = None
    remaining = iter(items)
    with ThreadPoolExecutor(at_once, thread_name_prefix="catalog") as executor:
        try:
            while True:
                try:
                    going.append(executor.submit(work, next(remaining)))
                except StopIteration:
                    break
                except ForecourtError as error:
                    failed = error
                    break
                if len(going) >= at_once:
                    yield going.popleft().result()
            while going:
                yield going.popleft().result()
        except BaseException:
            leave()
            executor.shutdown(wait=True, cancel_futures=True)
            raise
    if failed:
        raise failed
