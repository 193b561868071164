"""Deployments as processes on this machine."""

from forecourt.serving.local.driver import LocalDriver
from forecourt.serving.local.fitting import Fitting, fit
from forecourt.serving.local.site import Site

__all__ = ["Fitting", "LocalDriver", "Site", "fit"]
