"""What format a model has: its image says it, or its URI does."""

from __future__ import annotations

from forecourt.errors import InvalidInput

_SAID = "Say it: --model-format vLLM (safetensors), gguf, openvino_ir, onnx, sklearn, xgboost …"


def format_of(uri: str) -> str:
    """Return the format of the model at a URI: an image is asked, of any other the words are read.

    Raises `InvalidInput` where neither says it, `NotFound` where there is no image to ask.
    """
    if uri.partition("://")[0].partition("+")[0] == "oci":
        return _of_image(uri)
    from forecourt.serving.deployable import guessed

    if said := guessed(uri):
        return said
    raise InvalidInput(f"What format the model of {uri!r} has is not known.", hint=_SAID)


def _of_image(uri: str) -> str:
    from forecourt import modelcar
    from forecourt.cli.invocation import settings
    from forecourt.oci import ContentStore, Reference, Repositories, clients

    reference = Reference.parse(uri.partition("://")[2])
    mine = settings()
    store = ContentStore(mine.store)
    with clients(mine) as client_for:
        car = modelcar.inspect(reference, store=store, images=Repositories(mine.images, store), client_for=client_for)
    if not car.info.format:
        raise InvalidInput(f"{reference} does not say what format its model has.", hint="Say it: --model-format gguf")
    return car.info.format
