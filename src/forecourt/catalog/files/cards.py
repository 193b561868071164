"""Model cards as HTML that is safe to show.

A card (the `readme` of a model) is Markdown with HTML in it, and strangers write it. The text itself stays as it is,
for whoever asks the API: an HTML sanitiser that is let loose on Markdown takes ``<think>`` out of code and turns the
``>`` of a quotation into ``&gt;``. What a page shows is therefore cleaned where it is HTML: `harmless_html` renders the
Markdown (CommonMark with tables, https://spec.commonmark.org), with its HTML, and passes the result through nh3
(https://nh3.readthedocs.io, the ammonia sanitiser), which keeps what is listed here and nothing else.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from html import escape, unescape
from typing import TYPE_CHECKING

from forecourt.catalog.files.logos import is_web_address

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_LIMIT = 128 * 1024
_MOST_TAGS = 10_000
"""Beyond these (characters, and tags in the source) a card is shown as it is written: rendering what was made to be
slow takes seconds from here on. The longest card that OpenShift AI ships has 81,000 characters and 900 tags."""

_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\r?\n.*?\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*")
_LANGUAGE = re.compile(r"language-[A-Za-z0-9+#_.-]{1,30}")
_KEPT = (
    "a abbr b blockquote br caption center code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 "
    "h5 h6 hr i img ins kbd li mark ol p picture pre q s samp small span strike strong sub summary sup table tbody td "
    "tfoot th thead tr u ul var"
)
_TAGS = frozenset(_KEPT.split())
_ALIGNED = ("p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "table", "tr", "td", "th", "img")
_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"title", "lang", "dir"},
    **{tag: {"align"} for tag in _ALIGNED},
    "a": {"href"},
    "code": {"class"},
    "col": {"span"},
    "details": {"open"},
    "img": {"align", "alt", "height", "src", "width"},
    "ol": {"start"},
    "td": {"align", "colspan", "rowspan", "style"},
    "th": {"align", "colspan", "rowspan", "scope", "style"},
}
_ALIGNMENTS = re.compile(r"text-align:\s*(?:left|right|center);?")


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@lru_cache(maxsize=32)
def harmless_html(markdown: str) -> str:
    """Return a card as HTML for a page: no scripts, forms, frames, styles, ids nor event handlers in any disguise.

    Links go to the web, to mail or to a place in the page. A card that is too long to be rendered is shown as it is
    written. The YAML that may stand before the text is left out.
    """
    text = _FRONT_MATTER.sub("", markdown[: _LIMIT + 1], 1)
    if len(markdown) > _LIMIT or text.count("<") > _MOST_TAGS:
        return f"<pre>{escape(markdown)}</pre>"
    import nh3

    return nh3.clean(
        _markdown().render(text),
        tags=set(_TAGS),
        clean_content_tags={"script", "style", "noscript", "template", "iframe", "object", "svg", "math", "title"},
        attributes=_ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer nofollow",
    )


def _kept(tag: str, attribute: str, value: str) -> str | None:
    match attribute:
        case "href":
            fine = value.startswith("#") or value.lower().startswith("mailto:") or is_web_address(value)
        case "src":
            fine = is_web_address(value) or _PICTURE.fullmatch(value) is not None
        case "class":
            fine = _LANGUAGE.fullmatch(value) is not None
        case "style":
            fine = _ALIGNMENTS.fullmatch(value) is not None
        case _:
            fine = True
    return value if fine else None


_TAG = re.compile(r"<(?P<end>/?)(?P<name>a|img|h[1-6]|t[dh])(?P<said>(?:\s+[a-z]+=\"[^\"]*\")*)\s*>")
"""Of what nh3 writes: small letters, and every value between double quotes, of which it has none inside."""
_SAID = re.compile(r"([a-z]+)=\"([^\"]*)\"")
_LOWER_BY = 2  # a page and its part have a heading above those of a card
_LOWEST = 6


@lru_cache(maxsize=32)
def card_html(markdown: str) -> str:
    """Return a card as a part of a page that fetches nothing from elsewhere and allows no style in an attribute.

    A picture of the web becomes a link to it (in a link, its text alone), headings go below those of the page, and
    columns are aligned by the attribute ``align``.
    """
    inside = False

    def mended(tag: re.Match[str]) -> str:
        nonlocal inside
        name, end = tag["name"], tag["end"]
        said = dict(_SAID.findall(tag["said"]))
        match name:
            case "a":
                inside = not end
                return tag[0]
            case "img":
                return _picture(said, inside=inside)
            case "td" | "th":
                aligned = said.pop("style", "")
                if aligned:
                    said["align"] = aligned.partition(":")[2].strip(" ;")
                return f"<{end}{name}{_written(said)}>"
            case _:
                level = min(int(name[1]) + _LOWER_BY, _LOWEST)
                return f"<{end}h{level}{'' if end else _written(said)}>"

    return _TAG.sub(mended, harmless_html(markdown))


def _picture(said: dict[str, str], *, inside: bool) -> str:
    address, text = said.get("src", ""), escape(unescape(said.get("alt", "").strip()))
    if address.startswith("data:"):
        return f"<img{_written(said | {'alt': text, 'loading': 'lazy'})}>"
    if inside or not address:
        return text or "picture"
    return f'<a href="{address}" rel="noopener noreferrer nofollow">{text or "picture"}</a>'


def _written(said: dict[str, str]) -> str:
    return "".join(f' {name}="{value}"' for name, value in said.items())
