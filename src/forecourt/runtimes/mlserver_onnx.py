"""ONNX models in MLServer: a class by the name that Open Data Hub's build of MLServer has for it.

The MLServer on the package index has none. This one computes with ``onnxruntime`` on the processor, and holds what a
request brings against what the model takes.
"""

from __future__ import annotations

from typing import Any

import onnxruntime
from mlserver.codecs import NumpyCodec
from mlserver.errors import InferenceError
from mlserver.model import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor
from mlserver.utils import get_model_uri

_DATATYPES = {
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(float16)": "FP16",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(bool)": "BOOL",
}


class OnnxModel(MLModel):  # type: ignore[misc]
    """A model that onnxruntime computes."""

    async def load(self) -> bool:
        """Load it, and say in its metadata what it takes and gives."""
        path = await get_model_uri(self._settings, wellknown_filenames=["model.onnx"])
        self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.inputs = [_tensor(each) for each in self._session.get_inputs()]
        self.outputs = [_tensor(each) for each in self._session.get_outputs()]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Compute the outputs; raises MLServer's `InferenceError` (400) where a request does not fit the model."""
        given = {each.name: each for each in payload.inputs}
        feed: dict[str, Any] = {}
        for wanted in self.inputs:
            if (tensor := given.get(wanted.name)) is None:
                raise InferenceError(f"The input {wanted.name!r} is missing.")
            if tensor.datatype != wanted.datatype:
                raise InferenceError(
                    f"The input {wanted.name!r} has the datatype {tensor.datatype}; the model takes {wanted.datatype}."
                )
            feed[wanted.name] = NumpyCodec.decode_input(tensor)
        names = [each.name for each in payload.outputs or self.outputs]
        if strange := [name for name in names if name not in {each.name for each in self.outputs}]:
            raise InferenceError(f"The model has no output {strange[0]!r}.")
        try:
            arrays = self._session.run(names, feed)
        except Exception as error:  # onnxruntime's exceptions have no class of their own in common
            raise InferenceError(str(error)) from error
        outputs = [NumpyCodec.encode_output(name, array) for name, array in zip(names, arrays, strict=True)]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)


def _tensor(port: Any) -> MetadataTensor:
    shape = [size if isinstance(size, int) else -1 for size in port.shape]
    return MetadataTensor(name=port.name, datatype=_DATATYPES.get(port.type, "BYTES"), shape=shape)
