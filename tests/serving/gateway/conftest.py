"""Fixtures: gateways that serve."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from serving.gateway.parts import Running, serving


@pytest.fixture
async def gateway() -> AsyncIterator[Running]:
    async with serving(hold_seconds=10) as running:
        yield running


@pytest.fixture
async def hasty_gateway() -> AsyncIterator[Running]:
    """A gateway that holds requests for a moment only."""
    async with serving(hold_seconds=0.2) as running:
        yield running
