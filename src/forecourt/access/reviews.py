"""What one may, asked as a cluster is asked it: Kubernetes' `SelfSubjectAccessReview`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from forecourt.access.access import Access
from forecourt.access.identity import asking
from forecourt.access.rules import of_kind
from forecourt.errors import Denied, Forbidden, InvalidObject
from forecourt.objects import document_of

Document = dict[str, Any]


def reviews_router(access: Access) -> APIRouter:
    """Return the route by which one asks what one may: Kubernetes' `SelfSubjectAccessReview`."""
    router = APIRouter()

    @router.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", status_code=201)
    async def may(request: Request) -> Document:
        """Say whether who asks may do something, as ``kubectl auth can-i`` asks it."""
        return _review(access, await document_of(request))

    return router


def _review(access: Access, document: Document) -> Document:
    spec = document.get("spec")
    attributes = spec.get("resourceAttributes") if isinstance(spec, dict) else None
    if not isinstance(attributes, dict):
        raise InvalidObject("spec.resourceAttributes: Required value")
    words = [str(attributes.get(key) or "") for key in ("verb", "group", "resource", "namespace", "subresource")]
    verb, group, resource, namespace, subresource = words
    if not verb or not resource:
        raise InvalidObject(f"spec.resourceAttributes.{'resource' if verb else 'verb'}: Required value")
    if resource == "namespaces":
        namespace = namespace or str(attributes.get("name") or "")
    what = of_kind(verb, group, resource, namespace, subresource=subresource)
    said = asking()
    allowed, reason = True, ""
    if said is not None:
        try:
            access.check(said.identity, what)
        except (Denied, Forbidden) as error:
            allowed, reason = False, error.message
    return document | {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "metadata": {},
        "status": {"allowed": allowed} | ({"reason": reason} if reason else {}),
    }
