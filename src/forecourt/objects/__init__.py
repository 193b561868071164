"""Kubernetes objects: their shape, a store that keeps them as an API server does, and the routes that serve them."""

from forecourt.objects.api import ObjectsApi
from forecourt.objects.asker import Asker
from forecourt.objects.fieldvalidation import validated, warn
from forecourt.objects.following import keep_following
from forecourt.objects.handlers import Wake
from forecourt.objects.incoming import MAX_BODY, document_of, merged
from forecourt.objects.located import Located, Place, Position, load_located
from forecourt.objects.model import Condition, KubernetesObject, ObjectMeta, OwnerReference, Part, now, quoted
from forecourt.objects.quantities import quantity
from forecourt.objects.resources import Resource
from forecourt.objects.statuses import install_error_handlers, status
from forecourt.objects.store import ObjectStore
from forecourt.objects.structural import Problem, Schema, place_of, written
from forecourt.objects.structural import problems as structural_problems
from forecourt.objects.validation import MAX_LABEL, refuse, validate_label_name, validate_metadata, validate_quantity
from forecourt.objects.yaml import dump, load_documents

__all__ = [
    "MAX_BODY",
    "MAX_LABEL",
    "Asker",
    "Condition",
    "KubernetesObject",
    "Located",
    "ObjectMeta",
    "ObjectStore",
    "ObjectsApi",
    "OwnerReference",
    "Part",
    "Place",
    "Position",
    "Problem",
    "Resource",
    "Schema",
    "Wake",
    "document_of",
    "dump",
    "install_error_handlers",
    "keep_following",
    "load_documents",
    "load_located",
    "merged",
    "now",
    "place_of",
    "quantity",
    "quoted",
    "refuse",
    "status",
    "structural_problems",
    "validate_label_name",
    "validate_metadata",
    "validate_quantity",
    "validated",
    "warn",
    "written",
]
