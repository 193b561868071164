"""How many tokens a replica has generated, from the metrics that it serves to Prometheus.

vLLM: https://docs.vllm.ai/en/latest/usage/metrics.html; llama.cpp: ``/metrics`` in tools/server/README.md.
"""

from __future__ import annotations

import aiohttp

_NAMES = (b"vllm:generation_tokens_total", b"llamacpp:tokens_predicted_total", b"openvino_generation_tokens_total")
_TIMEOUT = aiohttp.ClientTimeout(total=2.0)
_MOST_BYTES = 4 * 1024**2


async def tokens_generated(session: aiohttp.ClientSession, url: str) -> float | None:
    """Return what a replica at `url` has counted since it started; None where it does not say."""
    try:
        async with session.get(f"{url}/metrics", timeout=_TIMEOUT) as response:
            if response.status != 200:
                return None
            return counted(await response.content.read(_MOST_BYTES))
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None


def counted(body: bytes) -> float | None:
    """Return the tokens that metrics in Prometheus' text format tell of, those of all models and engines together."""
    found = [
        float(line.split(b"#")[0].rstrip().rpartition(b" ")[2])
        for line in body.splitlines()
        if line.startswith(_NAMES) and line[len(_name(line)) : len(_name(line)) + 1] in (b" ", b"{")
    ]
    return sum(found) if found else None


def _name(line: bytes) -> bytes:
    return next(name for name in _NAMES if line.startswith(name))
