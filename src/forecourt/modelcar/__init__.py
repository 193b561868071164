"""A model <-> an OCI image that KServe can serve: pack, push, pull, inspect, diff, copy, attach."""

from forecourt.modelcar.annotations import FIELDS
from forecourt.modelcar.attach import Attaching, attach
from forecourt.modelcar.attachments import Attachment, Here, Kind, Place, There, attached, read_attachment
from forecourt.modelcar.base import Base, pull_base
from forecourt.modelcar.contents import DIRECTORY, announced, files
from forecourt.modelcar.diary import read_records, write_record
from forecourt.modelcar.diff import Difference, Tensors, difference
from forecourt.modelcar.headers import lay_out_headers
from forecourt.modelcar.image import DEFAULT_PLATFORM, Image, find, inspect, model_car
from forecourt.modelcar.images import YOUNG_SECONDS, list_images, prune, remove, tag
from forecourt.modelcar.info import describe_path
from forecourt.modelcar.keeping import alone, kept
from forecourt.modelcar.model import ModelCar, ModelFile, ModelInfo
from forecourt.modelcar.pack import pack
from forecourt.modelcar.pull import fetch, lay_out, pull
from forecourt.oci.transfer import copy, push

__all__ = [
    "DEFAULT_PLATFORM",
    "DIRECTORY",
    "FIELDS",
    "YOUNG_SECONDS",
    "Attaching",
    "Attachment",
    "Base",
    "Difference",
    "Here",
    "Image",
    "Kind",
    "ModelCar",
    "ModelFile",
    "ModelInfo",
    "Place",
    "Tensors",
    "There",
    "alone",
    "announced",
    "attach",
    "attached",
    "copy",
    "describe_path",
    "difference",
    "fetch",
    "files",
    "find",
    "inspect",
    "kept",
    "lay_out",
    "lay_out_headers",
    "list_images",
    "model_car",
    "pack",
    "prune",
    "pull",
    "pull_base",
    "push",
    "read_attachment",
    "read_records",
    "remove",
    "tag",
    "write_record",
]
