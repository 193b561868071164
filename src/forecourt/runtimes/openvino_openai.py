"""OpenAI's chat and completions over a `Generator`: requests are read and checked, answers written whole or as events.

What is not served is refused with a sentence rather than passed over: images, tools, several choices, log
probabilities, response formats.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from openvino_generation import Generator, Piece, PromptTooLong, Sampling

_UNSERVED: Mapping[str, tuple[Any, ...]] = {
    "tools": (None, []),
    "functions": (None, []),
    "n": (None, 1),
    "best_of": (None, 1),
    "logprobs": (None, False),
    "echo": (None, False),
    "suffix": (None, ""),
    "response_format": (None, {"type": "text"}),
    "logit_bias": (None, {}),
}
"""Fields whose other values would change the answer, and are not served."""

_NUMBERS: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "repetition_penalty": (0.01, 10),
}
_WHOLE = ("max_tokens", "max_completion_tokens", "top_k")
_DEFAULT_COMPLETION = 16  # tokens, as OpenAI has it


class Refused(Exception):
    """A request that is not answered; carries OpenAI's shape of an error."""

    def __init__(self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        kind = {404: "not_found_error", 500: "server_error"}.get(status, "invalid_request_error")
        self.status = status
        self.document = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def add_routes(app: FastAPI, generator: Generator, name: str) -> None:
    """Serve chat, completions and the list of models, below ``/v1`` and, as OpenVINO Model Server has it, ``/v3``."""

    @app.exception_handler(Refused)
    async def refuse(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return JSONResponse(error.document, error.status)

    created = int(time.time())
    model = {"id": name, "object": "model", "created": created, "owned_by": "OpenVINO"}

    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [model]}

    async def one_model(model_name: str) -> dict[str, Any]:
        _check_name({"model": model_name}, name)
        return model

    async def chat(request: Request) -> Response:
        body = await _body(request, name)
        messages = _messages(body)
        try:
            prompt = generator.prompt_of(messages, body.get("chat_template_kwargs") or {})
        except ValueError as error:
            raise Refused(str(error), param="messages") from None
        return await _Answer(generator, request, body, name, chat=True).respond(generator.encode(prompt, special=False))

    async def completions(request: Request) -> Response:
        body = await _body(request, name)
        prompt = body.get("prompt")
        if isinstance(prompt, list) and len(prompt) == 1:
            prompt = prompt[0]
        if not isinstance(prompt, str) or not prompt:
            raise Refused("prompt must be a text; one prompt is answered at a time.", param="prompt")
        body.setdefault("max_tokens", _DEFAULT_COMPLETION)
        inputs = generator.encode(prompt, special=True)
        return await _Answer(generator, request, body, name, chat=False).respond(inputs)

    for version in ("/v1", "/v3"):
        app.get(f"{version}/models")(models)
        app.get(f"{version}/models/{{model_name:path}}")(one_model)
        app.post(f"{version}/chat/completions", response_model=None)(chat)
        app.post(f"{version}/completions", response_model=None)(completions)


class _Answer:
    """One request's answer, in the shape of a chat or of a completion."""

    def __init__(self, generator: Generator, request: Request, body: dict[str, Any], name: str, *, chat: bool) -> None:
        self._generator = generator
        self._request = request
        self._sampling = sampling_of(body)
        self._stream = _flag(body, "stream")
        self._usage = _flag(body.get("stream_options") or {}, "include_usage")
        self._chat = chat
        self._head = {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{uuid.uuid4().hex}",
            "object": ("chat.completion" if chat else "text_completion") + (".chunk" if chat and self._stream else ""),
            "created": int(time.time()),
            "model": name,
        }

    async def respond(self, inputs: Any) -> Response:
        """Begin to answer; what cannot be answered is said before any of it is."""
        prompt_tokens = int(inputs.shape[1])
        pieces = self._generator.generate(inputs, self._sampling)
        try:
            first = await anext(pieces)
        except PromptTooLong as error:
            raise Refused(str(error), code="context_length_exceeded") from None
        except ValueError as error:
            raise Refused(str(error)) from None
        except RuntimeError as error:
            raise Refused(f"The model failed: {error}", status=500) from None
        if self._stream:
            events = self._events(first, pieces, prompt_tokens)
            return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
        whole = asyncio.create_task(_whole(first, pieces))
        gone = asyncio.create_task(_left(self._request))
        try:
            await asyncio.wait({whole, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not whole.done():
                return Response(status_code=499)  # nobody reads it
            text, tokens, reason = whole.result()
        except RuntimeError as error:
            raise Refused(f"The model failed: {error}", status=500) from None
        finally:
            gone.cancel()
            whole.cancel()
        choice = {"message": {"role": "assistant", "content": text}} if self._chat else {"text": text}
        choices = [{"index": 0, **choice, "logprobs": None, "finish_reason": reason}]
        return JSONResponse(self._head | {"choices": choices, "usage": _usage(prompt_tokens, tokens)})

    async def _events(self, first: Piece, pieces: AsyncIterator[Piece], prompt_tokens: int) -> AsyncIterator[str]:
        tokens = 0
        if self._chat:
            yield self._event({"role": "assistant", "content": ""}, None)
        try:
            async for piece in _after(first, pieces):
                tokens += piece.tokens
                if piece.text or piece.finish_reason:
                    delta = {"content": piece.text} if piece.text or not self._chat else {}
                    yield self._event(delta, piece.finish_reason or None)
        except RuntimeError as error:
            yield f"data: {json.dumps(Refused(f'The model failed: {error}', status=500).document)}\n\n"
            return
        finally:
            await pieces.aclose()  # type: ignore[attr-defined]
        if self._usage:
            yield f"data: {json.dumps(self._head | {'choices': [], 'usage': _usage(prompt_tokens, tokens)})}\n\n"
        yield "data: [DONE]\n\n"

    def _event(self, delta: dict[str, str], reason: str | None) -> str:
        said = {"delta": delta} if self._chat else {"text": delta["content"]}
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": reason}
        return f"data: {json.dumps(self._head | {'choices': [choice]}, ensure_ascii=False)}\n\n"


# Reading a request


async def _body(request: Request, name: str) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Refused(f"The body is no JSON: {error}.") from None
    if not isinstance(body, dict):
        raise Refused("The body must be a JSON object.")
    _check_name(body, name)
    for field, allowed in _UNSERVED.items():
        if body.get(field) not in allowed:
            raise Refused(f"{field} is not served by this runtime; leave it out.", param=field)
    return body


def _check_name(body: dict[str, Any], name: str) -> None:
    if body.get("model") not in (None, "", name):
        raise Refused(
            f"There is no model {body['model']!r} here; its name is {name!r}.",
            status=404,
            param="model",
            code="model_not_found",
        )


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused("messages must be a list with at least one message.", param="messages")
    read = []
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise Refused(f"messages[{number}] must be an object with role and content.", param="messages")
        content = message.get("content")
        if isinstance(content, list):
            if not all(isinstance(part, dict) and part.get("type") == "text" for part in content):
                raise Refused(f"messages[{number}] has content other than text, which is not served.", param="messages")
            content = "".join(str(part.get("text", "")) for part in content)
        if not isinstance(content, str):
            raise Refused(f"messages[{number}].content must be a text.", param="messages")
        read.append({**message, "content": content})
    return read


def sampling_of(body: dict[str, Any]) -> Sampling:
    """Read how the answer is to be chosen; raises `Refused` for a value that cannot be right."""
    chosen: dict[str, Any] = {}
    for field, (least, most) in _NUMBERS.items():
        value = body.get(field)
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
                raise Refused(f"{field} must be a number from {least} to {most}.", param=field)
            chosen[field] = float(value)
    for field in _WHOLE:
        value = body.get(field)
        if value is not None:
            if type(value) is not int or value < 1:
                raise Refused(f"{field} must be a whole number above 0.", param=field)
            chosen["top_k" if field == "top_k" else "max_tokens"] = value
    if chosen.get("top_p") == 0:
        raise Refused("top_p must be above 0.", param="top_p")
    if (seed := body.get("seed")) is not None:
        if type(seed) is not int:
            raise Refused("seed must be a whole number.", param="seed")
        chosen["seed"] = seed
    stop = body.get("stop")
    stops = [stop] if isinstance(stop, str) else [] if stop is None else stop
    if not isinstance(stops, list) or not all(isinstance(each, str) and each for each in stops):
        raise Refused("stop must be a text or a list of texts.", param="stop")
    return Sampling(stop=tuple(stops), ignore_eos=_flag(body, "ignore_eos"), **chosen)


def _flag(document: dict[str, Any], field: str) -> bool:
    value = document.get(field)
    if not (value is None or isinstance(value, bool)):
        raise Refused(f"{field} must be true or false.", param=field)
    return bool(value)


# Reading an answer


async def _whole(first: Piece, pieces: AsyncIterator[Piece]) -> tuple[str, int, str]:
    texts, tokens, reason = [], 0, "stop"
    try:
        async for piece in _after(first, pieces):
            texts.append(piece.text)
            tokens += piece.tokens
            reason = piece.finish_reason or reason
    finally:
        await pieces.aclose()  # type: ignore[attr-defined]
    return "".join(texts), tokens, reason


async def _after(first: Piece, pieces: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
    yield first
    async for piece in pieces:
        yield piece


async def _left(request: Request) -> None:
    """Return when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _usage(prompt: int, completion: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
