"""Programs that run beside us.

Each has an environment (made by uv) and a process group with its log, and is found again after a restart.
"""

from forecourt.processes.environment import Environment, Environments
from forecourt.processes.process import Process
from forecourt.processes.processes import Processes, Program
from forecourt.processes.requirements import Requirements

__all__ = ["Environment", "Environments", "Process", "Processes", "Program", "Requirements"]
