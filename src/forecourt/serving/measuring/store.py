"""Samples in the database: one transaction for all that ten seconds brought, what is old made coarse or let go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from forecourt.db import Database
from forecourt.serving.measuring.sample import Sample
from forecourt.serving.measuring.tables import MEASUREMENTS
from forecourt.serving.measuring.timeline import REACH_SECONDS, TIERS, Placed, Tier, spread

_T = MEASUREMENTS.c
_TIDY_SECONDS = 600


class Measurements:
    """What was measured of all deployments, by their uids. Threads may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rolled: dict[int, int] = {}

    def add(self, start: int, samples: Mapping[str, Sample]) -> None:
        """Keep what was seen in the ten seconds from `start` on, and make coarser what that completes.

        Where there is nothing to do, the database is not asked.
        """
        end = start + TIERS[0].step
        due = [tier for tier in TIERS[1:] if end >= self._rolled.get(tier.step, 0) + tier.step]
        tidy = end % _TIDY_SECONDS == 0
        if not samples and not due and not tidy:
            return
        with self._database.transaction() as connection:
            _put(connection, TIERS[0].step, {(uid, start): sample for uid, sample in samples.items()})
            for tier in due:
                self._roll_up(connection, tier, end)
            if tidy:
                _let_go(connection, end)
        for tier in due:
            self._rolled[tier.step] = end - end % tier.step

    def _roll_up(self, connection: Connection, tier: Tier, end: int) -> None:
        """Make samples of a tier of the finer ones, for every stretch that is over and was not made yet."""
        finer = TIERS[TIERS.index(tier) - 1]
        until = end - end % tier.step
        oldest = until - finer.keep
        since = max(self._rolled.get(tier.step, 0), oldest + tier.step - oldest % tier.step)
        if since >= until:
            return
        for uid, placed in _read(connection, finer, since - REACH_SECONDS - finer.step, until).items():
            if placed[-1].start < since:
                continue
            made = spread(placed, since, until, tier.step)
            _put(connection, tier.step, {(uid, at): bucket.sample for at, bucket in made.items() if bucket.seen})

    def read(self, uid: str, tier: Tier, start: int, end: int) -> list[Placed]:
        """Return a deployment's samples of a tier and, after the last of them, of the finer ones, in order.

        Some from before `start` come along: they may be held.
        """
        found: list[Placed] = []
        since = start - REACH_SECONDS - tier.step
        with self._database.point() as connection:
            for each in reversed(TIERS[: TIERS.index(tier) + 1]):
                placed = _read(connection, each, since, end, uid).get(uid, [])
                found += placed
                if placed:
                    since = placed[-1].start + each.step
        return found

    def forget(self, uid: str) -> None:
        """Drop what is known of a deployment that is no more."""
        with self._database.transaction() as connection:
            connection.execute(delete(MEASUREMENTS).where(_T.uid == uid))

    def keep_only(self, uids: Collection[str]) -> None:
        """Drop what is known of deployments that are no more."""
        with self._database.point() as connection:
            there = set(connection.execute(select(_T.uid).distinct()).scalars())
        for uid in there - set(uids):
            self.forget(uid)


def _put(connection: Connection, step: int, samples: Mapping[tuple[str, int], Sample]) -> None:
    """Add samples; where there is one of the same moment already (the clock was set back), that one stays."""
    if not samples:
        return
    starts = [start for _, start in samples]
    query = select(_T.uid, _T.start).where(_T.step == step, _T.start >= min(starts), _T.start <= max(starts))
    there = {(uid, start) for uid, start in connection.execute(query)}
    rows = [
        {"uid": uid, "step": step, "start": start, "sample": sample.encode()}
        for (uid, start), sample in samples.items()
        if (uid, start) not in there
    ]
    if rows:
        connection.execute(insert(MEASUREMENTS), rows)


def _read(connection: Connection, tier: Tier, start: int, end: int, uid: str = "") -> Mapping[str, Sequence[Placed]]:
    query = select(_T.uid, _T.start, _T.sample).where(_T.step == tier.step, _T.start >= start, _T.start < end)
    if uid:
        query = query.where(_T.uid == uid)
    found: dict[str, list[Placed]] = defaultdict(list)
    rows = connection.execute(query.order_by(_T.start))
    for owner, at, text in rows:
        found[owner].append(Placed(at, tier.step, Sample.decode(text)))
    return found


def _let_go(connection: Connection, now: int) -> None:
    for tier in TIERS:
        connection.execute(delete(MEASUREMENTS).where(_T.step == tier.step, _T.start < now - tier.keep))
