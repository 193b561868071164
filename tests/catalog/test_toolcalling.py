"""What a model's tool calling asks of vLLM."""

from __future__ import annotations

import pytest

from forecourt.catalog.toolcalling import arguments, option


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ({}, []),
        (
            {"toolCallParser": "hermes", "enableAutoToolChoice": True},
            ["--enable-auto-tool-choice", "--tool-call-parser=hermes"],
        ),
        ({"toolCallParser": "hermes", "enableAutoToolChoice": False}, ["--tool-call-parser=hermes"]),
        ({"chatTemplate": "opt/app-root/template/t.jinja"}, ["--chat-template=/opt/app-root/template/t.jinja"]),
        ({"chatTemplate": "examples/t.jinja"}, ["--chat-template=examples/t.jinja"]),
        (
            {"requiredArgs": ["--config_format mistral", "--trust-remote-code"]},
            ["--config_format=mistral", "--trust-remote-code"],
        ),
        ({"requiredArgs": ["--max-model-len", "8192", "--a b --c=d e"]}, ["--max-model-len=8192", "--a=b", "--c=d e"]),
        ({"requiredArgs": ["--name 'two words'", "--odd 'quotation"]}, ["--name=two words", "--odd='quotation"]),
    ],
)
def test_tool_calling_is_said_as_arguments_of_vllm(tools, expected):
    assert arguments({"toolCalling": tools}) == expected


def test_a_required_argument_takes_the_place_of_one_that_follows_from_the_rest():
    tools = {"toolCallParser": "openai", "requiredArgs": ["--reasoning-parser nemotron_v3", "--tool_call_parser qwen3"]}
    assert arguments({"toolCalling": tools}) == ["--reasoning-parser=nemotron_v3", "--tool_call_parser=qwen3"]


def test_a_model_without_tool_calling_asks_for_nothing():
    assert arguments({}) == []


def test_an_option_is_the_same_with_underscores():
    assert option("--tool_call_parser=x_y") == option("--tool-call-parser") == "--tool-call-parser"
