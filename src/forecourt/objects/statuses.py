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


def install_error_handlers(application: FastAPI) -> None:
    """Answer every error of the API with a ``Status``."""

    def answer(error: ForecourtError) -> JSONResponse:
        return JSONResponse(status(error), error.status)

    @application.exception_handler(ForecourtError)
    async def told(_: Request, error: ForecourtError) -> JSONResponse:
        return answer(error)

    @application.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return answer(InvalidInput(f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}"))

    @application.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        missing = NotFound(f"There is nothing at {request.url.path}.") if error.status_code == 404 else None
        document = status(missing or InvalidInput(str(error.detail))) | {"code": error.status_code}
        return JSONResponse(document, error.status_code)

    @application.exception_handler(Exception)
    async def defect(_: Request, error: Exception) -> JSONResponse:
        return answer(ForecourtError("Something went wrong in Forecourt.", hint="The server's log has more."))
