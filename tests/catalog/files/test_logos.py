"""A logo that a page shows carries no programs and loads nothing; what draws is kept."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.files import harmless_logo, harmless_svg

SVG = "http://www.w3.org/2000/svg"
OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'


def cleaned(inside: str, attributes: str = "") -> str:
    """What is left of what is inside a drawing."""
    text = f'<svg xmlns="{SVG}" xmlns:xlink="http://www.w3.org/1999/xlink" {attributes}>{inside}</svg>'
    drawing = harmless_svg(text.encode())
    assert drawing is not None
    ElementTree.fromstring(drawing)
    return drawing.removeprefix(OPEN).removesuffix("</svg>")


def data_url(drawing: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode()


@pytest.mark.parametrize(
    "inside",
    [
        '<defs><style>.a{fill:none;}.b{fill:#e0e0e0;}</style></defs><g id="x"><path class="a" d="M0 0h1"></path></g>',
        '<rect x="1" y="1" width="5" height="5" rx="2" fill="url(#p)" style="stroke: url( \'#p\' )"></rect>',
        '<linearGradient id="p"><stop offset="0" stop-color="red"></stop></linearGradient><use xlink:href="#p"></use>',
        '<text x="1">A &lt;b&gt; &amp; c</text><title>Team</title>',
        '<image width="1" xlink:href="data:image/png;base64,AAAA"></image>',
        '<text xml:space="preserve"> a </text>',
    ],
)
def test_what_draws_is_kept(inside: str) -> None:
    assert cleaned(inside) == inside


@pytest.mark.parametrize(
    ("inside", "left"),
    [
        ("<script>alert(1)</script><path/>", "<path></path>"),
        (f'<x:script xmlns:x="{SVG}">alert(1)</x:script>', ""),
        ('<script xmlns="http://www.w3.org/1999/xhtml">alert(1)</script>', ""),
        ('<foreignObject><b xmlns="http://www.w3.org/1999/xhtml"><path/></b></foreignObject><path/>', "<path></path>"),
        ('<a href="javascript:alert(1)"><path/></a>', ""),
        ('<a xlink:href="javascript:alert(1)"><path/></a>', ""),
        ('<animate attributeName="href" values="javascript:alert(1)"/>', ""),
        ('<set attributeName="onload" to="alert(1)"/>', ""),
        ('<iframe src="http://x"/><embed src="http://x"/><video/>', ""),
        ('<path onclick="alert(1)" d="M0"/>', '<path d="M0"></path>'),
        ('<path ONLOAD="alert(1)"/>', "<path></path>"),
        ('<use href="http://evil/x.svg#a"/>', "<use></use>"),
        ('<use xlink:href="data:image/svg+xml;base64,AAAA#a"/>', "<use></use>"),
        ('<image href="http://evil/pixel.png"/>', "<image></image>"),
        ('<image href="data:image/svg+xml;base64,AAAA"/>', "<image></image>"),
        ("<style>@import url(http://evil/x.css);</style>", "<style></style>"),
        ("<style>.a{background:url(http://evil/x)}</style>", "<style></style>"),
        ("<style>.a{background:u\\72l(http://evil/x)}</style>", "<style></style>"),
        ("<style><![CDATA[</style><script>alert(1)</script>]]></style>", "<style></style>"),
        ("<path style=\"fill:URL( '//evil/x' )\"/>", "<path></path>"),
        ('<path filter="url(http://evil/x#f)"/>', "<path></path>"),
        ("<style><path/></style>", "<style></style>"),
        ('<?xml-stylesheet href="http://evil/x.css"?><!-- a --><path/>', "<path></path>"),
    ],
)
def test_what_could_do_harm_is_left_out(inside: str, left: str) -> None:
    assert cleaned(inside) == left


def test_the_drawing_itself_loads_and_does_nothing() -> None:
    assert cleaned("", 'onload="alert(1)" xml:base="http://evil/" style="background:url(http://evil)"') == ""


@pytest.mark.parametrize(
    "drawing",
    [
        '<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"><text>&a;</text></svg>',
        '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
        '<!DOCTYPE svg [<!ENTITY % a SYSTEM "http://evil/x"> %a;]><svg xmlns="http://www.w3.org/2000/svg"/>',
        '<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>',
        "<svg/>",
        "<svg",
        "",
        f'<svg xmlns="{SVG}">' + "<g>" * 200 + "</g>" * 200 + "</svg>",
        f'<svg xmlns="{SVG}">' + '<use href="#a"/>' * 21 + "</svg>",
    ],
)
def test_what_is_no_drawing_or_made_to_do_harm_is_none(drawing: str) -> None:
    assert harmless_svg(drawing.encode()) is None


def test_a_document_type_without_entities_is_left_out() -> None:
    head = (
        '<?xml version="1.0" encoding="iso-8859-1"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://w3/svg.dtd">'
    )
    drawing = f'{head}<svg xmlns="{SVG}"><text>é</text></svg>'
    assert harmless_svg(drawing.encode()) == f"{OPEN}<text>é</text></svg>"


def test_only_utf8_is_a_drawing() -> None:
    assert harmless_svg(f'<svg xmlns="{SVG}"/>'.encode("utf-16")) is None


@pytest.mark.parametrize("url", ["https://team.example/logo.svg", "http://localhost:8080/a.png?x=1"])
def test_a_web_address_is_passed_on(url: str) -> None:
    assert harmless_logo(url) == url


def test_a_picture_is_passed_on() -> None:
    assert harmless_logo("data:image/png;base64,iVBORw0KGgo=") == "data:image/png;base64,iVBORw0KGgo="
    assert harmless_logo("DATA:IMAGE/PNG;BASE64,iVBORw0KGgo=") == "data:image/png;base64,iVBORw0KGgo="
    assert harmless_logo("data:image/gif,GIF89a%00") == "data:image/gif;base64,R0lGODlhAA=="


@pytest.mark.parametrize(
    "head", ["data:image/svg+xml,", "data:image/svg+xml;utf8,", "data:image/svg+xml;charset=utf-8,"]
)
def test_a_drawing_may_be_written_in_several_ways(head: str) -> None:
    drawing = f'<svg xmlns="{SVG}" onload="x"/>'
    assert harmless_logo(head + drawing) == data_url(f"{OPEN}</svg>")
    assert harmless_logo(head + drawing.replace("<", "%3C")) == data_url(f"{OPEN}</svg>")


@pytest.mark.parametrize(
    "logo",
    [
        "",
        "javascript:alert(1)",
        "logo.png",
        "//evil/logo.png",
        "file:///etc/passwd",
        "https://",
        "http://[",
        'https://a/"onerror="x y',
        "data:text/html;base64,AAAA",
        "data:,x",
        "data:image/svg+xml;base64,%%",
        "data:image/png;base64,AAA",
        "data:image/svg+xml;base64," + base64.b64encode(b"<svg").decode(),
        "data:image/png;base64," + "A" * 600_000,
    ],
)
def test_anything_else_is_no_logo(logo: str) -> None:
    assert harmless_logo(logo) is None


pieces = st.sampled_from(
    ["<path ", "<script>", "</script>", "<style>", "</style>", "<a ", "href=", '"', "'", ">", "/>", "<g>", "</g>", "x",
     "url(http://a)", "onload=", "<![CDATA[", "]]>", "<!--", "-->", "&lt;", "&#60;", "<?x", "?>", "javascript:", "\\"]
)  # fmt: skip


@given(st.lists(pieces, max_size=12).map("".join))
def test_whatever_is_drawn_has_no_program_and_no_address(inside: str) -> None:
    drawing = harmless_svg(f'<svg xmlns="{SVG}">{inside}</svg>'.encode())
    if drawing is None:
        return
    for element in ElementTree.fromstring(drawing).iter():
        assert element.tag.removeprefix(f"{{{SVG}}}") in ("svg", "path", "style", "g")
        assert not [name for name in element.attrib if name.lower().startswith("on") or name.endswith("href")]
        assert "http" not in (element.text or "") or not element.tag.endswith("style")
