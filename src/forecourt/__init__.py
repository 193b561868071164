"""Forecourt: an open, self-hosted home for validated models."""

__version__ = "0.1.0"
