"""Predictions by KServe's V2 protocol over HTTP (https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol).

Tensors are JSON, as a list or nested lists; the binary extension is not served. A model is computed on a thread of its
own, one request after another, with as many threads as OpenVINO takes for one.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy
import openvino

_TYPES = {
    "boolean": ("BOOL", numpy.bool_),
    "u8": ("UINT8", numpy.uint8),
    "u16": ("UINT16", numpy.uint16),
    "u32": ("UINT32", numpy.uint32),
    "u64": ("UINT64", numpy.uint64),
    "i8": ("INT8", numpy.int8),
    "i16": ("INT16", numpy.int16),
    "i32": ("INT32", numpy.int32),
    "i64": ("INT64", numpy.int64),
    "f16": ("FP16", numpy.float16),
    "f32": ("FP32", numpy.float32),
    "f64": ("FP64", numpy.float64),
    "string": ("BYTES", numpy.str_),
}
"""OpenVINO's types of elements: what the protocol calls them, and what numpy does."""


class BadRequest(ValueError):
    """A request that does not fit the model; the message says how."""


class Predictor:
    """A model that is compiled for `device`."""

    def __init__(self, model: Path, *, device: str, properties: dict[str, Any]) -> None:
        core = openvino.Core()
        self._compiled = core.compile_model(core.read_model(model), device, properties)
        self._request = self._compiled.create_infer_request()
        self._thread = ThreadPoolExecutor(1, "inference")
        self._inputs = {_name(port, i): port for i, port in enumerate(self._compiled.inputs)}
        self._outputs = {_name(port, i): port for i, port in enumerate(self._compiled.outputs)}
        self.platform = "openvino" if model.suffix == ".xml" else f"openvino ({model.suffix.lstrip('.')})"
        self.computed = 0

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """What the model takes: name, datatype and shape of each, where a dimension that may be any is -1."""
        return [_metadata(name, port) for name, port in self._inputs.items()]

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """What it gives."""
        return [_metadata(name, port) for name, port in self._outputs.items()]

    async def infer(self, body: Any) -> list[dict[str, Any]]:
        """Compute the outputs for a request's body; raises `BadRequest` where that does not fit the model."""
        given, wanted = self._arrays(body), self._wanted(body)
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._infer, given, wanted)

    def _infer(self, given: dict[str, Any], wanted: Sequence[str]) -> list[dict[str, Any]]:
        try:
            self._request.infer({self._inputs[name]: array for name, array in given.items()})
        except RuntimeError as error:  # sizes that each fit, and do not fit together
            raise BadRequest(f"The model cannot compute this: {_first_line(error)}") from error
        self.computed += 1
        answers = []
        for name in wanted:
            port = self._outputs[name]
            array = self._request.get_tensor(port)
            data = array.str_data if _datatype(port) == "BYTES" else array.data
            answers.append(
                {"name": name, "shape": list(data.shape), "datatype": _datatype(port), "data": _listed(data)}
            )
        return answers

    def _arrays(self, body: Any) -> dict[str, Any]:
        inputs = body.get("inputs") if isinstance(body, dict) else None
        if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
            raise BadRequest("The body must have inputs: a list of tensors with name, shape, datatype and data.")
        named = {str(each.get("name")): each for each in inputs}
        if len(self._inputs) == 1 and len(named) == 1 and not named.keys() & self._inputs.keys():
            [expected], [got] = self._inputs, named
            raise BadRequest(f"The model has no input {got!r}; its input is {expected!r}.")
        if strange := sorted(named.keys() - self._inputs.keys()):
            raise BadRequest(f"The model has no input {strange[0]!r}; its inputs are {', '.join(self._inputs)}.")
        if missing := [name for name in self._inputs if name not in named]:
            raise BadRequest(f"The input {missing[0]!r} is missing.")
        return {name: _array(name, named[name], port) for name, port in self._inputs.items()}

    def _wanted(self, body: Any) -> list[str]:
        asked = body.get("outputs")
        if not asked:
            return list(self._outputs)
        names = [str(each.get("name")) for each in asked if isinstance(each, dict)]
        if strange := [name for name in names if name not in self._outputs]:
            raise BadRequest(f"The model has no output {strange[0]!r}; its outputs are {', '.join(self._outputs)}.")
        return names


def _array(name: str, tensor: dict[str, Any], port: Any) -> Any:
    """Make an array of a tensor in JSON, after it was held against what the model takes."""
    datatype, shape, data = tensor.get("datatype"), tensor.get("shape"), tensor.get("data")
    expected, kind = _TYPES[port.element_type.get_type_name()]
    if datatype != expected:
        raise BadRequest(f"The input {name!r} has the datatype {datatype}; the model takes {expected}.")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise BadRequest(f"The input {name!r} has no shape: a list of whole numbers.")
    takes = _shape(port)
    fits = len(takes) == len(shape) and all(each in (-1, size) for each, size in zip(takes, shape, strict=True))
    if not fits:
        raise BadRequest(f"The input {name!r} has the shape {shape}; the model takes {takes}, where -1 is any size.")
    try:
        array: Any = numpy.array(data, dtype=kind).reshape(-1)
    except (ValueError, TypeError, OverflowError):
        raise BadRequest(f"The data of the input {name!r} are no numbers of the datatype {expected}.") from None
    if array.size != math.prod(shape):
        raise BadRequest(
            f"The input {name!r} has {array.size} values; its shape {shape} has room for {math.prod(shape)}."
        )
    return array.reshape(shape)


def _metadata(name: str, port: Any) -> dict[str, Any]:
    return {"name": name, "datatype": _datatype(port), "shape": _shape(port)}


def _name(port: Any, number: int) -> str:
    return sorted(port.names, key=lambda name: (len(name), name))[0] if port.names else f"port_{number}"


def _datatype(port: Any) -> str:
    return _TYPES.get(port.element_type.get_type_name(), (port.element_type.get_type_name().upper(), None))[0]


def _shape(port: Any) -> list[int]:
    return [-1 if size.is_dynamic else size.get_length() for size in port.partial_shape]


def _listed(data: Any) -> list[Any]:
    """Return the values of an array in their order; what JSON has no number for is null."""
    values = data.reshape(-1).tolist()
    if data.dtype.kind == "f" and not numpy.isfinite(data).all():
        return [value if math.isfinite(value) else None for value in values]
    return list(values)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("Exception from", "Check '"))]
    return (said or lines or [type(error).__name__])[0]
