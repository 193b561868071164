"""Whether a model fits: what a replica needs, from its headers and its runtime's settings, against what is free."""

from forecourt.serving.fit.estimate import Estimate, Item, Launch
from forecourt.serving.fit.headers import of_files, read
from forecourt.serving.fit.locate import structure_of
from forecourt.serving.fit.runtimes import estimate, family_of
from forecourt.serving.fit.structure import Layer, Structure
from forecourt.serving.fit.verdict import OVERCOMMIT, TIGHT, Room, Verdict, judge, needs, text

__all__ = [
    "OVERCOMMIT",
    "TIGHT",
    "Estimate",
    "Item",
    "Launch",
    "Layer",
    "Room",
    "Structure",
    "Verdict",
    "estimate",
    "family_of",
    "judge",
    "needs",
    "of_files",
    "read",
    "structure_of",
    "text",
]
