"""Deployments: what runs, how it is doing, and what can be done about it."""

from forecourt.dashboard.deployments.listing import table
from forecourt.dashboard.deployments.pages import DeploymentPages
from forecourt.dashboard.deployments.rows import row_of
from forecourt.dashboard.deployments.state import State, state_of, steps_of

__all__ = ["DeploymentPages", "State", "row_of", "state_of", "steps_of", "table"]
