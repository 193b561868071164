"""Following objects: what is there, then every change, for as long as one is asked to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

from forecourt.errors import Expired

_AGAIN_SECONDS = 5.0  # after a failure, which may be a database that does not answer

log = logging.getLogger(__name__)


async def keep_following(follow: Callable[[], Awaitable[None]], failed: str) -> NoReturn:
    """Have `follow` list and watch until cancelled: anew where it fell behind, and where it failed, which is logged."""
    while True:
        try:
            await follow()
        except Exception as error:
            if _is_expired(error):
                continue
            log.exception("%s; it will be tried again.", failed)
            await asyncio.sleep(_AGAIN_SECONDS)


def _is_expired(error: Exception) -> bool:
    """Say whether it is that watchers fell behind, one of them or several together."""
    if isinstance(error, ExceptionGroup):
        return error.split(Expired)[1] is None
    return isinstance(error, Expired)
