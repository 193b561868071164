"""Arguments that are more than text: ``KEY=VALUE``, and the format of the model that a URI names."""

from __future__ import annotations


def format_of(uri: str) -> str:
    """Ask the image, on this machine or in its registry, what format its model has."""
    from forecourt import modelcar
    from forecourt.cli.invocation import settings
    from forecourt.errors import InvalidInput
    from forecourt.oci import ContentStore, Reference, Repositories, clients

    scheme, separator, _ = uri.partition("://")
    if not separator or scheme.partition("+")[0] != "oci":
        raise InvalidInput(f"What format the model of {uri!r} has is not known.", hint="Say it: --model-format gguf")
    reference = Reference.parse(uri.partition("://")[2])
    mine = settings()
    store = ContentStore(mine.store)
    with clients(mine) as client_for:
        car = modelcar.inspect(reference, store=store, images=Repositories(mine.images, store), client_for=client_for)
    if not car.info.format:
        raise InvalidInput(f"{reference} does not say what format its model has.", hint="Say it: --model-format gguf")
    return car.info.format


def variable(text: str) -> tuple[str, str]:
    """Return the name and the value of a variable that a person says; raises `InvalidInput`."""
    from forecourt.errors import InvalidInput

    key, equals, value = text.partition("=")
    if not key or not equals:
        raise InvalidInput(f"--env {text!r} is no KEY=VALUE.", hint="Write --env HF_HUB_OFFLINE=1.")
    return key, value
