"""The inference gateway: one address for every deployment, speaking OpenAI's API and whatever a runtime speaks."""

from forecourt.serving.gateway.app import BODY_LIMIT, REPLAY_LIMIT, UVICORN_SETTINGS, Gateway
from forecourt.serving.gateway.metrics import METRICS_CONTENT_TYPE, metrics_body
from forecourt.serving.gateway.models import model_id

__all__ = [
    "BODY_LIMIT",
    "METRICS_CONTENT_TYPE",
    "REPLAY_LIMIT",
    "UVICORN_SETTINGS",
    "Gateway",
    "metrics_body",
    "model_id",
]
