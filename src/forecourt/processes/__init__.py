"""Programs that run beside us.

Each has an environment (made by uv) and a process group with its log, and is found again after a restart.
"""

from forecourt.processes.environment import Environment, Environments
from forecourt.processes.group import Footprint
from forecourt.processes.occupancy import DiskUse, disk_use, occupants
from forecourt.processes.process import Process
from forecourt.processes.processes import CAN_PIN, Processes, Program
from forecourt.processes.requirements import Requirements
from forecourt.processes.usage import cpu_seconds

__all__ = [
    "CAN_PIN",
    "DiskUse",
    "Environment",
    "Environments",
    "Footprint",
    "Process",
    "Processes",
    "Program",
    "Requirements",
    "cpu_seconds",
    "disk_use",
    "occupants",
]
