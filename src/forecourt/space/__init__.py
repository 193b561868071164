"""What takes space in a home, what uses each of it, and what can go."""

from forecourt.space.api import space_router
from forecourt.space.space import Space

__all__ = ["Space", "space_router"]
