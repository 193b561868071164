"""A conversation with a deployment through the gateway's OpenAI API, answers as they stream."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from forecourt.cli.client import Client, Document
from forecourt.errors import Unavailable

_PATH = "/v1/chat/completions"


@dataclass(slots=True)
class Speed:
    """How fast an answer came. Times in seconds; `tokens` as the runtime counted them, else the pieces that came."""

    first: float = 0.0
    last: float = 0.0
    tokens: int = 0

    def sentence(self) -> str:
        """Say it: the time to the first token, and the tokens per second after it."""
        if not self.tokens:
            return "No token came."
        streaming = self.last - self.first
        rate = f", {(self.tokens - 1) / streaming:.1f} tokens/s" if self.tokens > 1 and streaming > 0 else ""
        return f"{self.tokens} tokens in {self.last:.2f} s{rate}, first token after {self.first * 1000:.0f} ms"


class Conversation:
    """What was said so far with `model`, the name that the gateway knows the deployment by.

    `options` go into every request as they are: ``temperature``, ``max_tokens``.
    """

    def __init__(self, client: Client, *, model: str, system: str = "", options: Document | None = None) -> None:
        self.model = model
        self.speed = Speed()
        self._client = client
        self._options = options or {}
        self._said: list[dict[str, str]] = []
        self.clear(system=system)

    def clear(self, *, system: str | None = None) -> None:
        """Forget what was said, all but the system prompt, or set that anew."""
        if system is None:
            self._said = self._said[:1] if self._said and self._said[0]["role"] == "system" else []
        else:
            self._said = [{"role": "system", "content": system}] if system else []

    def complete(self, prompt: str) -> Document:
        """Ask, and return the whole response of the API."""
        answer: Document = self._client.post(_PATH, self._request(prompt))
        return answer

    def ask(self, prompt: str) -> Iterator[str]:
        """Ask, and yield the answer as it comes; what came of it is remembered, also if it was cut off.

        Raises `Unavailable` where the stream breaks or carries an error.
        """
        body = self._request(prompt) | {"stream": True, "stream_options": {"include_usage": True}}
        self.speed = Speed()
        answer: list[str] = []
        began = time.monotonic()
        try:
            with self._client.stream("POST", _PATH, json=body) as response:
                for event in _events(response.iter_lines()):
                    piece = _piece(event)
                    now = time.monotonic() - began
                    if piece:
                        self.speed.first = self.speed.first or now
                        self.speed.last = now
                        self.speed.tokens += 1
                        answer.append(piece)
                        yield piece
                    if usage := event.get("usage"):
                        self.speed.tokens = int(usage.get("completion_tokens") or self.speed.tokens)
        finally:
            if answer:
                self._said += [_message("user", prompt), _message("assistant", "".join(answer))]

    def _request(self, prompt: str) -> dict[str, Any]:
        return {"model": self.model, "messages": [*self._said, _message("user", prompt)]} | self._options


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _events(lines: Iterator[str]) -> Iterator[Document]:
    """Read server-sent events, each a JSON document, until ``[DONE]``."""
    for line in lines:
        if not line.startswith("data:"):
            continue
        data = line[5:].strip()
        if data == "[DONE]":
            return
        event = json.loads(data)
        if problem := event.get("error"):
            raise Unavailable(str(problem.get("message") if isinstance(problem, dict) else problem))
        yield event


def _piece(event: Document) -> str:
    choices = event.get("choices") or [{}]
    return str((choices[0].get("delta") or {}).get("content") or "")
