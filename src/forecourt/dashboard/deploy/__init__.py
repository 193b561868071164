"""Deploy model: the form that makes a deployment, and the same form for one that is there."""

from forecourt.dashboard.deploy.pages import DeployPages

__all__ = ["DeployPages"]
