"""What a model's tool calling asks of a runtime, as vLLM's arguments.

https://docs.vllm.ai/en/latest/features/tool_calling.html. An argument that the model requires as it stands comes before
one that follows from the other fields. A chat template in ``opt/app-root/template`` is a file of Red Hat's vLLM image,
whose catalogs leave out the slash before it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_TEMPLATES = "opt/app-root/"


def arguments(serving_config: Mapping[str, Any]) -> list[str]:
    """Return the arguments for a ``ServingConfig`` of Kubeflow's API, each with its value behind ``=``."""
    tools = serving_config.get("toolCalling") or {}
    required = _required(tools.get("requiredArgs") or [])
    said = {option(each) for each in required}
    return [*(each for each in _derived(tools) if option(each) not in said), *required]


def option(argument: str) -> str:
    """Return the option that an argument sets; vLLM takes ``_`` for ``-``."""
    return argument.partition("=")[0].replace("_", "-")


def _derived(tools: Mapping[str, Any]) -> Iterator[str]:
    if tools.get("enableAutoToolChoice"):
        yield "--enable-auto-tool-choice"
    if parser := tools.get("toolCallParser"):
        yield f"--tool-call-parser={parser}"
    if template := tools.get("chatTemplate"):
        yield f"--chat-template={'/' if template.startswith(_TEMPLATES) else ''}{template}"


def _required(texts: Iterable[str]) -> list[str]:
    """Return arguments that are written as one text or several, a word or several each."""
    found: list[str] = []
    for word in (word for text in texts for word in _words(text)):
        if word.startswith("--") or not found:
            found.append(word)
        else:
            found[-1] += f"{' ' if '=' in found[-1] else '='}{word}"
    return found


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quotation that does not end
        return text.split()
