"""Serving, measured against the same servers started by hand, and S3 against ModelCars.

    python benchmarks/serving.py [speed] [models] [rollouts] [--runtimes llamacpp …] [--rounds 5] [--model HF_DIRECTORY]

- *speed*: a runtime through Forecourt against the same process started bare, with the same words and variables: seconds
  until ready (goal: within 10 %), tokens/s of one stream and of eight (goal: within 3 %), in turns. vLLM reads the
  model as Hugging Face has it, which is made of the GGUF unless ``--model`` says where it is.
- *models*: a model of several shards, deployed from S3 and from a ModelCar; cold, again, and as a second version of
  which one shard has changed: seconds until ready and bytes over the network. KServe's own storage initializer fetches
  the same from S3, for comparison; what it takes is without any start of a runtime.
- *rollouts*: a request to a sleeping deployment against a bare start and its first answer (goal: within 1.2 times); a
  rolling update under eight streams, of which none may break.

The S3 server is SeaweedFS (``weed``), the registry another Forecourt's own; both on loopback, on the disk that the
working directory is on, each behind a proxy that counts the bytes that come from it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import serving_models
import serving_rollouts
import serving_speed
from running import a_directory

PARTS = ("speed", "models", "rollouts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    parser.add_argument(
        "--runtimes", nargs="+", default=["llamacpp"], help="llamacpp, openvino-genai-runtime, vllm-cpu-x86-runtime"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--model", type=Path, help="a Hugging Face directory of SmolLM2-135M-Instruct")
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--shard-megabytes", type=int, default=64)
    options = parser.parse_args()
    tables = []
    with a_directory() as directory:
        if "speed" in options.parts:
            tables.append(
                serving_speed.table(directory, options.runtimes, options.rounds, options.tokens, options.model)
            )
        if "models" in options.parts:
            tables.append(serving_models.table(directory, options.shards, options.shard_megabytes))
        if "rollouts" in options.parts:
            tables.append(serving_rollouts.table(directory, options.rounds, options.tokens))
    print("\n" + "\n\n".join("\n".join(lines) for lines in tables))


if __name__ == "__main__":
    main()
