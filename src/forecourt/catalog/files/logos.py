"""Logos that are safe to show: pictures in a data URL, or a web address.

An SVG drawing can carry programs, load other files and hold web pages. It is written anew here with nothing but the
elements and attributes that draw (https://www.w3.org/TR/SVG2/), whatever else it has is left out; expat reads it, and
document types with entities are refused. Pictures of other kinds carry no programs, and are passed on as they are.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes, urlsplit
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

_LIMIT = 512 * 1024
"""The longest logo, in characters of its URL."""

_DATA_URL = re.compile(r"data:([a-z]+/[a-z0-9.+-]+)?(?:;[^;,]*)*?(;base64)?,(.*)", re.IGNORECASE | re.DOTALL)
_PICTURES = re.compile(r"image/(?:png|jpeg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon)")
_EMBEDDED = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_SVG, _XLINK, _XML = (
    "http://www.w3.org/2000/svg",
    "http://www.w3.org/1999/xlink",
    "http://www.w3.org/XML/1998/namespace",
)
_DRAWING = (
    "svg g defs symbol title desc path rect circle ellipse line polyline polygon text tspan textPath linearGradient "
    "radialGradient stop clipPath mask pattern marker use image style filter feGaussianBlur feOffset feBlend feFlood "
    "feColorMatrix feComposite feMerge feMergeNode feComponentTransfer feFuncR feFuncG feFuncB feFuncA"
)
_DRAWN = (
    "id class style transform d points x y x1 y1 x2 y2 cx cy r rx ry fx fy dx dy width height viewBox version "
    "preserveAspectRatio pathLength rotate textLength lengthAdjust startOffset method spacing offset gradientUnits "
    "gradientTransform spreadMethod clipPathUnits maskUnits maskContentUnits patternUnits patternContentUnits "
    "patternTransform markerUnits markerWidth markerHeight orient refX refY filterUnits primitiveUnits in in2 result "
    "stdDeviation mode values type operator k1 k2 k3 k4 tableValues slope intercept amplitude exponent role "
    "aria-label fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin "
    "stroke-miterlimit stroke-dasharray stroke-dashoffset opacity color display visibility overflow clip-path "
    "clip-rule mask filter marker marker-start marker-mid marker-end stop-color stop-opacity flood-color flood-opacity "
    "color-interpolation color-interpolation-filters paint-order vector-effect shape-rendering text-rendering "
    "image-rendering mix-blend-mode isolation enable-background font-family font-size font-weight font-style "
    "font-variant letter-spacing word-spacing text-anchor text-decoration dominant-baseline alignment-baseline "
    "baseline-shift writing-mode"
)
_ELEMENTS, _ATTRIBUTES = frozenset(_DRAWING.split()), frozenset(_DRAWN.split())
_CSS_DANGERS = re.compile(r"@|\\|<|expression|javascript|behavior|-moz-binding|image-set|src\s*\(", re.IGNORECASE)
_FOREIGN_URL = re.compile(r"url\s*\((?!\s*[\"']?#)", re.IGNORECASE)
_MOST_USES = 20
"""How often one part of a drawing may be drawn again: each can hold the others, so that they multiply."""
_DEEPEST = 100


def harmless_logo(logo: str) -> str | None:
    """Return a logo that a page can show: the same, or the same without what could do harm; None for none."""
    if len(logo) > _LIMIT:
        return None
    if logo[:5].lower() == "data:":
        return _harmless_data(logo)
    return logo if is_web_address(logo) else None


def is_web_address(text: str) -> bool:
    """Say whether a text is an address of http or https."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and text.isprintable() and " " not in text
    except ValueError:
        return False


@lru_cache(maxsize=16)
def _harmless_data(logo: str) -> str | None:
    match = _DATA_URL.fullmatch(logo)
    if match is None:
        return None
    kind, in_base64, data = (match[1] or "").lower(), bool(match[2]), match[3]
    if kind != "image/svg+xml" and not _PICTURES.fullmatch(kind):
        return None
    try:
        content = base64.b64decode(unquote_to_bytes(data), validate=True) if in_base64 else unquote_to_bytes(data)
    except (binascii.Error, ValueError):
        return None
    if kind != "image/svg+xml":
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"
    drawing = harmless_svg(content)
    return None if drawing is None else f"data:{kind};base64,{base64.b64encode(drawing.encode()).decode()}"


def harmless_svg(content: bytes) -> str | None:
    """Return a drawing without what could do harm; None for what is no drawing, or is made to do harm.

    It is read as UTF-8, whatever it says of itself.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    writing = _Writing()
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = writing.start
    parser.EndElementHandler = writing.end
    parser.CharacterDataHandler = writing.text
    parser.EntityDeclHandler = writing.entity
    try:
        parser.Parse(text.encode(), True)
    except (expat.ExpatError, _Refused):
        return None
    return "".join(writing.out)


class _Refused(Exception):
    pass


class _Writing:
    """The drawing, written anew as it is read."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.depth = self.uses = 0
        self.left_out = 0
        """The depth from which all is left out; 0 where nothing is."""
        self.style: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        namespace, _, element = name.rpartition(" ")
        if self.depth == 1 and (namespace, element) != (_SVG, "svg"):
            raise _Refused
        if self.depth > _DEEPEST:
            raise _Refused
        if self.left_out:
            return
        if namespace != _SVG or element not in _ELEMENTS or self.style is not None:
            self.left_out = self.depth
            return
        if element == "use":
            self.uses += 1
            if self.uses > _MOST_USES:
                raise _Refused
        written = "".join(
            f" {key}={quoteattr(value)}"
            for key, value in (_attribute(name, value, element) for name, value in attributes.items())
            if key
        )
        spaces = f' xmlns="{_SVG}" xmlns:xlink="{_XLINK}"' if self.depth == 1 else ""
        self.out.append(f"<{element}{spaces}{written}>")
        if element == "style":
            self.style = []

    def end(self, name: str) -> None:
        self.depth -= 1
        if self.left_out:
            if self.left_out > self.depth:
                self.left_out = 0
            return
        if self.style is not None:
            css = "".join(self.style)
            self.out.append(escape(css) if _is_harmless_css(css) else "")
            self.style = None
        self.out.append(f"</{name.rpartition(' ')[2]}>")

    def text(self, data: str) -> None:
        if self.left_out:
            return
        if self.style is not None:
            self.style.append(data)
        elif self.depth:
            self.out.append(escape(data))

    def entity(self, *_declared: object) -> None:
        raise _Refused


def _attribute(name: str, value: str, element: str) -> tuple[str, str]:
    """Return an attribute as it may be written; one without a name is left out."""
    namespace, _, local = name.rpartition(" ")
    if local == "href" and namespace in ("", _XLINK):
        inside = value.strip().startswith("#") or (element == "image" and _EMBEDDED.fullmatch(value.strip()))
        return ("xlink:href" if inside else "", value.strip())
    if namespace == _XML and local == "space":
        return "xml:space", value
    known = not namespace and local in _ATTRIBUTES and _is_harmless_css(value)
    return (local if known else "", value)


def _is_harmless_css(css: str) -> bool:
    return not _CSS_DANGERS.search(css) and not _FOREIGN_URL.search(css)
