"""Text from a language model in OpenVINO GenAI's continuous batching: one thread steps the pipeline, for all requests.

The pipeline is told of a request between two steps and computes a token of every request in each, so nothing else may
touch it meanwhile. Requests come in and pieces of text go out through queues; a request whose client has left is
cancelled before the next step.
"""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openvino_genai

log = logging.getLogger(__name__)

DEFAULT_CONTEXT = 4096  # tokens, where a model does not say

_REASONS = {"LENGTH": "length", "STOP": "stop", "TOOL_CALL": "stop"}
_UNFINISHED = "\N{REPLACEMENT CHARACTER}"


class PromptTooLong(ValueError):
    """A prompt leaves no room for an answer."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is chosen, in OpenAI's words; what is None is left as the model's own configuration has it."""

    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    ignore_eos: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text, how many tokens were made for it, and in the last piece why it is the last: ``stop`` or ``length``."""

    text: str
    tokens: int
    finish_reason: str = ""


@dataclass(eq=False)
class _Request:
    inputs: Any
    config: Any
    loop: asyncio.AbstractEventLoop
    tell: asyncio.Queue[tuple[list[int], str] | Exception] = field(default_factory=asyncio.Queue)
    handle: Any = None
    cancelled: bool = False

    def say(self, news: tuple[list[int], str] | Exception) -> None:
        """Hand something to the event loop that waits; it may be gone when the server ends."""
        try:
            self.loop.call_soon_threadsafe(self.tell.put_nowait, news)
        except RuntimeError:
            log.debug("Nobody waits for a request any more.")


@dataclass
class Counts:
    """What was done since the start, for metrics."""

    prompt_tokens: int = 0
    generated_tokens: int = 0
    running: int = 0
    cancelled: int = 0


class Generator:
    """A language model. `broken` is called, from the thread that computes, when the pipeline cannot go on."""

    def __init__(
        self,
        model: Path,
        *,
        device: str,
        scheduler: Any,
        properties: dict[str, Any],
        broken: Callable[[Exception], None],
    ) -> None:
        self._pipeline = openvino_genai.ContinuousBatchingPipeline(str(model), scheduler, device, properties)
        self.tokenizer = self._pipeline.get_tokenizer()
        self.context = context_of(model)
        self.counts = Counts()
        self._broken = broken
        self._incoming: queue.Queue[_Request] = queue.Queue()
        self._running: list[_Request] = []
        threading.Thread(target=self._work, name="generation", daemon=True).start()

    @property
    def cache_usage(self) -> float:
        """How full the KV cache is, in percent."""
        return float(self._pipeline.get_metrics().cache_usage)

    def prompt_of(self, messages: Sequence[dict[str, Any]], extra: dict[str, Any]) -> str:
        """Write a conversation as the model's chat template has it; raises `ValueError` where it has none."""
        try:
            text: str = self.tokenizer.apply_chat_template(list(messages), True, extra_context=extra or None)
        except RuntimeError as error:
            raise ValueError(f"The model's chat template cannot write these messages: {_first_line(error)}") from error
        return text

    def encode(self, prompt: str, *, special: bool) -> Any:
        """Return a prompt's tokens as the pipeline takes them; `special` adds those that a text begins with."""
        return self.tokenizer.encode([prompt], add_special_tokens=special).input_ids

    async def generate(self, inputs: Any, sampling: Sampling) -> AsyncIterator[Piece]:
        """Yield an answer as it is made. Leaving the iterator early cancels the request.

        Raises `PromptTooLong`, and `RuntimeError` where the pipeline cannot compute it.
        """
        room = self.context - int(inputs.shape[1])
        if room < 1:
            raise PromptTooLong(
                f"The prompt has {inputs.shape[1]} tokens, and the model's context is {self.context} tokens long."
            )
        request = _Request(inputs, self._config(sampling, room), asyncio.get_running_loop())
        self.counts.prompt_tokens += int(inputs.shape[1])
        self._incoming.put(request)
        text = _Text(self.tokenizer, sampling.stop)
        finished = False
        try:
            while not finished:
                news = await request.tell.get()
                if isinstance(news, Exception):
                    finished = True
                    raise news
                tokens, reason = news
                finished = bool(reason)
                said, stopped = text.add(tokens, last=finished)
                if stopped:
                    yield Piece(said, len(tokens), "stop")
                    return
                if said or finished or tokens:
                    yield Piece(said, len(tokens), reason)
        finally:
            if not finished:
                request.cancelled = True

    def _config(self, sampling: Sampling, room: int) -> Any:
        config = self._pipeline.get_config()
        config.apply_chat_template = False
        config.max_new_tokens = min(room, sampling.max_tokens or room)
        config.ignore_eos = sampling.ignore_eos
        if sampling.temperature is not None:
            config.do_sample = sampling.temperature > 0
            if sampling.temperature > 0:
                config.temperature = sampling.temperature
        for name in ("top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "repetition_penalty"):
            if (value := getattr(sampling, name)) is not None:
                setattr(config, name, value)
        if sampling.seed is not None:
            config.rng_seed = sampling.seed % 2**63
        config.validate()
        return config

    # The thread that computes

    def _work(self) -> None:
        number = 0
        try:
            while True:
                block = not self._running
                while True:
                    try:
                        request = self._incoming.get(block=block)
                    except queue.Empty:
                        break
                    block = False
                    if not request.cancelled:
                        number += 1
                        self._begin(request, number)
                if self._running:
                    self._pipeline.step()
                    self._running = [request for request in self._running if self._look(request)]
                self.counts.running = len(self._running)
        except Exception as error:
            for request in self._running:
                request.say(RuntimeError(_first_line(error)))
            self._broken(error)

    def _begin(self, request: _Request, number: int) -> None:
        try:
            request.handle = self._pipeline.add_request(number, request.inputs, request.config)
        except RuntimeError as error:
            request.say(ValueError(_first_line(error)))
        else:
            self._running.append(request)

    def _look(self, request: _Request) -> bool:
        """Hand on what a step has made; say whether the request goes on."""
        handle = request.handle
        if request.cancelled:
            handle.cancel()
            self.counts.cancelled += 1
            return False
        tokens, reason = [], ""
        while handle.can_read():
            for output in handle.read().values():
                tokens += output.generated_ids
                reason = _REASONS.get(output.finish_reason.name, reason)
        status = handle.get_status()
        if status == openvino_genai.GenerationStatus.IGNORED:
            request.say(PromptTooLong("The prompt does not fit into the KV cache; see --cache_size."))
            return False
        if status != openvino_genai.GenerationStatus.RUNNING:
            reason = reason or "stop"
        self.counts.generated_tokens += len(tokens)
        if tokens or reason:
            request.say((tokens, reason))
        return not reason


class _Text:
    """Text from tokens, piece by piece: whole characters only, and nothing of a stop string or after it."""

    def __init__(self, tokenizer: Any, stop: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._stop = stop
        self._tokens: list[int] = []
        self._said = 0  # characters of what the tokens say
        self._held = ""  # what may be the beginning of a stop string

    def add(self, tokens: Sequence[int], *, last: bool) -> tuple[str, bool]:
        """Return the text that is certain now, and whether a stop string ends it here."""
        self._tokens += tokens
        whole = self._tokenizer.decode(self._tokens)
        if whole.endswith(_UNFINISHED) and not last:
            return "", False
        text, self._said = self._held + whole[self._said :], len(whole)
        if self._said > 200 and not last:  # decoding from the start each time would take longer and longer
            self._tokens, self._said = self._tokens[-8:], len(self._tokenizer.decode(self._tokens[-8:]))
        found = [at for stop in self._stop if (at := text.find(stop)) >= 0]
        if found:
            return text[: min(found)], True
        keep = 0 if last else max((_overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], False


def _overlap(text: str, stop: str) -> int:
    """Return how many characters at the end of `text` may be the beginning of `stop`."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if stop.startswith(text[-n:])), 0)


def context_of(model: Path) -> int:
    """Return how many tokens a model was made for, as the ``config.json`` beside it says."""
    try:
        config = json.loads((model / "config.json").read_bytes())
        return int(config.get("max_position_embeddings") or DEFAULT_CONTEXT)
    except (OSError, ValueError, TypeError, AttributeError):
        return DEFAULT_CONTEXT


def _first_line(error: BaseException) -> str:
    """Return the line of OpenVINO's exceptions that says something: the first ones say where in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("Exception from", "Check '"))]
    return (said or lines or [type(error).__name__])[0]
