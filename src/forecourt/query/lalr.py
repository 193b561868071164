"""Text -> syntax tree, with the LALR(1) parser that lark makes of ``grammar.lark``.

The parser is fed token by token, and the tree is built as it goes: what exceeds a bound is refused at the token that
exceeds it, before more is read, and nothing here recurses however deep the text nests.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar, cast

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken, v_args

from forecourt.query.invalid import InvalidFilter
from forecourt.query.mistakes import Stuck, explain
from forecourt.query.syntax import And, Comparison, Expression, Kind, Operator, Or, Property, Scalar, value_kind

MAX_COMPARISONS = 200
"""Comparisons in a filterQuery: each may become a subquery, and SQLite refuses expressions deeper than 1,000."""

MAX_LISTED = 1000
"""Values in all ``IN`` lists of a filterQuery together: SQLite and PostgreSQL both take some 32,000 parameters."""

MAX_NESTING = 32
"""Parentheses open at once: what turns trees into SQL recurses that deep, some frames of the stack for each."""

MAX_PATTERN = 4096
"""Characters in the pattern of a ``LIKE``: SQLite takes 50,000 bytes, and its time grows with text times pattern."""

_COMPARING = {"COMPARATOR", "LIKE", "IN"}
_VALUES = {"STRING", "INT", "FLOAT", "TRUE", "FALSE"}
_SUFFIX = re.compile(r"(.+)\.(string|double|int|bool)_value", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_INT64_DIGITS = 19

_Joined = TypeVar("_Joined", And, Or)
_Literal = tuple[Scalar, int]  # a value and the column where it begins


def read(text: str) -> Expression:
    """Return the syntax tree of `text`. Raises `InvalidFilter`."""
    parser: Any = _parser().parse_interactive(text)  # lark leaves its methods without types
    progress = _Progress()
    try:
        for token in parser.lexer_thread.lex(parser.parser_state):
            progress.reach(token)
            parser.feed_token(token)
            progress.take(token)
        return cast("Expression", parser.feed_eof(progress.previous))
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        found = text[at]
    except UnexpectedToken as error:
        at, found = (error.token.start_pos or 0) if error.token else len(text), str(error.token)
    raise explain(progress.stuck(text, at, found, frozenset(parser.accepts()))) from None


@cache
def _parser() -> Lark:
    return Lark.open("grammar.lark", rel_to=__file__, parser="lalr", lexer="basic", transformer=_Builder())


@dataclass(slots=True)
class _Progress:
    """How much has been read, for the bounds and for what is said when it cannot go on."""

    previous: Token | None = None
    comparisons: int = 0
    listed: int = 0
    in_list: bool = False
    open: list[int] = field(default_factory=list)  # the columns of parentheses that are not closed

    def reach(self, token: Token) -> None:
        """Count `token`, which comes next; raises `InvalidFilter` where it exceeds a bound."""
        if token.type in _COMPARING:
            self.comparisons += 1
            _bound(self.comparisons, MAX_COMPARISONS, "it has more than {} comparisons", token)
        elif token.type in _VALUES:
            self.listed += self.in_list
            _bound(self.listed, MAX_LISTED, "its IN lists have more than {} values", token)
        elif token.type == "LPAR":
            self.in_list = self.previous is not None and self.previous.type == "IN"
            _bound(len(self.open) + (not self.in_list), MAX_NESTING, "its parentheses nest more than {} deep", token)

    def take(self, token: Token) -> None:
        """Go on past `token`, which the grammar allowed."""
        self.previous = token
        if token.type == "LPAR":
            self.open.append(_column(token))
        elif token.type == "RPAR":
            self.open.pop()
            self.in_list = False

    def stuck(self, text: str, at: int, found: str, expected: frozenset[str]) -> Stuck:
        last = self.previous
        start = (last.start_pos or 0) if last else 0
        opened = self.open[-1] if self.open else None
        return Stuck(text, at, found, expected, start, start + len(last or ""), opened)


def _bound(count: int, limit: int, problem: str, token: Token) -> None:
    if count > limit:
        raise InvalidFilter(
            problem.format(f"{limit:,}"), column=_column(token), hint="Ask for less at once, in several requests."
        )


def _column(token: Token) -> int:
    return (token.start_pos or 0) + 1


@v_args(inline=True)
class _Builder(Transformer[Token, Expression]):
    """What each rule of the grammar becomes."""

    def start(self, expression: Expression) -> Expression:
        return expression

    def disjunction(self, *terms: Expression) -> Or:
        return _joined(Or, terms)

    def conjunction(self, *terms: Expression) -> And:
        return _joined(And, terms)

    def comparison(self, field: Property, operator: Token, operand: _Literal | tuple[_Literal, int]) -> Comparison:
        value, column = operand
        if operator.type == "LIKE":
            _check_pattern(cast("str", value), column)
        name = "!=" if operator == "<>" else operator.upper()
        return Comparison(field, cast("Operator", name), cast("Scalar", value), column)

    def field(self, token: Token) -> Property:
        name, kind = str(token), None
        if token.type == "ESCAPED":
            escaped, _, suffix = token[1:].partition("`")
            name, kind = escaped, suffix[1:].removesuffix("_value") or None
            if not name:
                raise InvalidFilter("there is no property between these backticks", column=_column(token))
        elif suffixed := _SUFFIX.fullmatch(token):
            name, kind = suffixed.groups()
        return Property(name, cast("Kind | None", kind), _column(token))

    def values(self, opening: Token, *rest: _Literal | Token) -> tuple[tuple[Scalar, ...], int]:
        values = tuple(literal[0] for literal in rest if not isinstance(literal, Token))
        value_kind(values, column=_column(opening))  # refuses a list that mixes them
        return values, _column(opening)

    def text(self, token: Token) -> _Literal:
        return _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[1]), token[1:-1]), _column(token)

    def truth(self, token: Token) -> _Literal:
        return token.type == "TRUE", _column(token)

    def number(self, token: Token) -> _Literal:
        return (_int if token.type == "INT" else _float)(token), _column(token)


def _joined(kind: type[_Joined], terms: Iterable[Expression]) -> _Joined:
    """Join terms; those that are of the same kind, which stood in parentheses, give their own."""
    return kind(tuple(each for term in terms for each in (term.terms if isinstance(term, kind) else (term,))))


def _int(token: Token) -> int:
    digits = token.lstrip("-").lstrip("0")
    number = int(token) if len(digits) <= _INT64_DIGITS else None
    if number is None or not -(2**63) <= number < 2**63:
        raise InvalidFilter(
            "this integer does not fit into 64 bits",
            column=_column(token),
            hint="Write it with a decimal point, or as text in quotes.",
        )
    return number


def _float(token: Token) -> float:
    number = float(token)
    if math.isinf(number):
        raise InvalidFilter("this number is larger than a double can hold", column=_column(token))
    return number


def _check_pattern(pattern: str, column: int) -> None:
    if len(pattern) > MAX_PATTERN:
        raise InvalidFilter(f"this pattern is longer than {MAX_PATTERN:,} characters", column=column)
    if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        raise InvalidFilter(
            "this pattern ends in a backslash that escapes nothing",
            column=column,
            hint="Write \\\\\\\\ for one backslash: text takes two for one, and so does a pattern.",
        )
