"""A catalog with what ships, models of a team's own (one of them hostile), and a source that cannot be loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from servers import Server, serving, wait

EVIL = "<img src=x onerror=alert(1)>"
CARD = f"""# Title

<script>window.hurt = 1</script><iframe src="https://example.com/frame"></iframe>
<style>body {{ display: none }}</style><svg onload="window.hurt = 1"><circle/></svg>
<a href="#x" onclick="window.hurt = 1">click</a> [link](javascript:window.hurt=1) {EVIL}

![a picture](https://example.com/picture.png)

| Task | Score |
|:-----|------:|
| MMLU | 68    |

{">" * 500} deep
"""


def _text(value: str) -> dict[str, str]:
    return {"metadataType": "MetadataStringValue", "string_value": value}


def _measured(hardware: str, use_case: str, ttft: float, rps: float) -> dict[str, Any]:
    numbers = {"ttft_p90": ttft, "ttft_mean": ttft * 0.7, "e2e_p90": ttft * 20, "requests_per_second": rps}
    doubles = {
        name: {"metadataType": "MetadataDoubleValue", "double_value": float(value)}
        for name, value in (numbers | {"mean_input_tokens": 512, "mean_output_tokens": 256}).items()
    }
    texts = {
        "hardware_type": hardware,
        "hardware_configuration": f"2 x {hardware}",
        "use_case": use_case,
        "runtime_command": f"vllm serve --on {hardware}",
    }
    return {
        "artifactType": "metrics-artifact",
        "metricsType": "performance-metrics",
        "customProperties": doubles | {name: _text(value) for name, value in texts.items()},
    }


MODELS = [
    {
        "name": f"team/evil{EVIL}",
        "provider": f"<b>Evil{EVIL}",
        "description": f"<script>window.hurt = 1</script>{EVIL}",
        "license": EVIL,
        "tasks": [EVIL],
        "readme": CARD,
        "customProperties": {f"tag{EVIL}": _text("")},
        "artifacts": [{"uri": "oci://registry.example.com/evil:1"}],
    },
    {
        "name": "team/fast",
        "provider": "Team",
        "description": "Answers fast.",
        "license": "apache-2.0",
        "tasks": ["text-generation"],
        "servingConfig": {"toolCalling": {"toolCallParser": "hermes", "enableAutoToolChoice": True}},
        "customProperties": {"validated": _text("")},
        "artifacts": [
            {"uri": "oci://registry.example.com/fast:1"},
            _measured("H100", "chatbot", 40, 9),
            _measured("A100", "chatbot", 90, 4),
            _measured("L4", "chatbot", 95, 3),
            _measured("H100", "rag", 120, 2),
        ],
    },
    {"name": "team/nowhere", "provider": "Team", "description": "Its files are nowhere."},
]
SOURCES = {
    "model_catalogs": [
        {"id": "own", "name": "Own models", "type": "yaml", "properties": {"yamlCatalogPath": "own.yaml"}},
        {"id": "lost", "name": "Lost models", "type": "yaml", "properties": {"yamlCatalogPath": "lost.yaml"}},
    ],
    "namedQueries": {
        "default-performance-filters": {
            "assetType": "models",
            "filters": {
                "artifacts.use_case.string_value": {"operator": "=", "value": "chatbot"},
                "artifacts.ttft_p90.double_value": {"operator": "<=", "value": 200},
            },
        }
    },
}


@contextmanager
def catalog_server(home: Path) -> Iterator[Server]:
    """A server with that catalog, loaded."""
    folder = home / "catalog"
    folder.mkdir()
    (folder / "sources.yaml").write_text(json.dumps(SOURCES))
    (folder / "own.yaml").write_text(json.dumps({"source": "Own", "models": MODELS}))
    with serving(home) as running:
        wait(lambda: _loaded(running), 30, "the catalog is loaded")
        yield running


def _loaded(server: Server) -> bool:
    sources = server.call("GET", "/api/forecourt/v1/catalog/sources")[1]["items"]
    return len(sources) == 5 and all(one["triedTimeSinceEpoch"] for one in sources)
