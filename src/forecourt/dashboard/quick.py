"""Jinja without what our templates have no use for: a page looks things up, and calls macros, a thousand times."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment
from jinja2.runtime import Context, Macro

_METHODS = frozenset(dir(dict))


class _Context(Context):
    """Jinja's, but quick with macros: it would first find out what each wants to be given."""

    def call(self, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        if type(obj) is not Macro:
            return super().call(obj, *args, **kwargs)
        kwargs.pop("_block_vars", None)  # what Jinja tells functions that want the context
        kwargs.pop("_loop_vars", None)
        return obj(self.eval_ctx, *args, **kwargs)


class QuickEnvironment(Environment):
    """Jinja's, but quick with dictionaries, which most data is: it would look for an attribute first."""

    context_class = _Context

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an attribute, or an item, of what a template shows."""
        if type(obj) is dict and attribute in obj and attribute not in _METHODS:
            return obj[attribute]
        return super().getattr(obj, attribute)
