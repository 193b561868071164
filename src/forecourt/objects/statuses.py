"""Every error of the API as a Kubernetes ``Status``; what to do next is among the details' causes, as ``NextStep``.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from forecourt.errors import ForecourtError, InvalidInput, NotFound


def status(error: ForecourtError) -> dict[str, Any]:
    """Return the Kubernetes ``Status`` of an error."""
    causes = [{"reason": "NextStep", "message": error.hint}] if error.hint else []
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.message,
        "reason": error.reason,
        "code": error.status,
        "details": {"causes": causes},
    }


def answer(error: ForecourtError) -> JSONResponse:
    """Return the answer that tells an error."""
    return JSONResponse(status(error), error.status)


def refused(code: int, said: str) -> JSONResponse:
    """Return the answer of an HTTP status to what cannot be asked."""
    return JSONResponse(status(InvalidInput(said)) | {"code": code}, code)


def defect() -> JSONResponse:
    """Return the answer where something failed that should not have."""
    return answer(ForecourtError("Something went wrong in Forecourt.", hint="The server's log has more."))


def install_error_handlers(application: FastAPI) -> None:
    """Answer every error of the API with a ``Status``."""

    @application.exception_handler(ForecourtError)
    async def told(_: Request, error: ForecourtError) -> JSONResponse:
        return answer(error)

    @application.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return answer(InvalidInput(f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}"))

    @application.exception_handler(HTTPException)
    async def not_asked(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 404:
            return answer(NotFound(f"There is nothing at {request.url.path}."))
        return refused(error.status_code, str(error.detail))

    @application.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> JSONResponse:
        return defect()
