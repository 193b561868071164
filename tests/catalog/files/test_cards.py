"""A model card is shown as it looks on the hub, without what could do harm; its text is not touched."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.files import card_html, harmless_html

CENTRED = '<p align="center">\n  <img src="https://x.example/y.png" width="80px">\n</p>'
REL = 'rel="noopener noreferrer nofollow"'


class Seen(HTMLParser):
    """The elements and attributes that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("# A *model*", "<h1>A <em>model</em></h1>\n"),
        ("> a `<think>` b", "<blockquote>\n<p>a <code>&lt;think&gt;</code> b</p>\n</blockquote>\n"),
        ("```python\nif a < b: x\n```", '<pre><code class="language-python">if a &lt; b: x\n</code></pre>\n'),
        ("~~a~~ x < y", "<p><s>a</s> x &lt; y</p>\n"),
        ("[a](https://x.example/y)", f'<p><a href="https://x.example/y" {REL}>a</a></p>\n'),
        ("[a](#part)", f'<p><a href="#part" {REL}>a</a></p>\n'),
        ("<a@b.example>", f'<p><a href="mailto:a@b.example" {REL}>a@b.example</a></p>\n'),
        ("![a](https://x.example/y.png)", '<p><img src="https://x.example/y.png" alt="a"></p>\n'),
        (CENTRED, CENTRED),
        ("<details>\n\n*b*\n\n</details>", "<details>\n<p><em>b</em></p>\n</details>"),
        ("H<sub>2</sub>O<br>x", "<p>H<sub>2</sub>O<br>x</p>\n"),
        ("---\nlicense: apache-2.0\n---\n# Card", "<h1>Card</h1>\n"),
    ],
)  # fmt: skip
def test_a_card_is_rendered(markdown: str, html: str) -> None:
    assert harmless_html(markdown) == html


def test_a_table_is_rendered_with_its_alignment() -> None:
    html = harmless_html("|a|b|\n|-|:-:|\n|1|2|")
    assert '<th style="text-align:center">b</th>' in html
    assert "<td>1</td>" in html


@pytest.mark.parametrize(
    "markdown",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        '<iframe src="https://evil"></iframe><object data="x"></object><embed src="x">',
        '<form action="https://evil"><input name="password"><button>Log in</button></form>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href=" &#106;ava\nscript:alert(1)">x</a>',
        '<a href="data:text/html,<script>alert(1)</script>">x</a>',
        "[x](javascript:alert(1))",
        "[x](&#x6A;avascript:alert(1))",
        "<javascript:alert(1)>",
        '[x]: javascript:alert(1)\n\n[x] ![x](https://a "onerror=alert(1)")',
        '<p style="position:fixed;background:url(https://evil)" class="modal" id="login" name="x">x</p>',
        "<style>body{display:none}</style><link rel=stylesheet href=https://evil><base href=https://evil>",
        '<meta http-equiv="refresh" content="0;url=https://evil">',
        "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
        "<!-- <script>alert(1)</script> -->",
        "<![CDATA[<script>alert(1)</script>]]>",
        "`<script>`\n\n    <script>alert(1)</script>",
        "```\"><script>alert(1)</script>\nx\n```",
        '![x](data:image/svg+xml;base64,PHN2Zz4=) <img src="data:image/svg+xml,<svg onload=alert(1)>">',
        '<img src="/api/forecourt/v1/delete"><a href="/logout">x</a>',
    ],
)  # fmt: skip
def test_what_could_do_harm_is_left_out(markdown: str) -> None:
    assert_harmless(harmless_html(markdown))


def assert_harmless(html: str) -> None:
    seen = Seen(html)
    dangers = [
        "script",
        "style",
        "iframe",
        "object",
        "embed",
        "form",
        "input",
        "button",
        "svg",
        "math",
        "link",
        "base",
        "meta",
        "title",
    ]
    assert not seen.tags & set(dangers)
    for name, value in seen.attributes:
        assert name in [
            "href",
            "rel",
            "src",
            "alt",
            "title",
            "align",
            "width",
            "height",
            "class",
            "style",
            "start",
            "colspan",
            "rowspan",
            "lang",
            "open",
        ]
        if name in ("href", "src"):
            assert value.startswith(("https://", "http://", "mailto:", "#", "data:image/png;base64,"))
        if name == "style":
            assert value.startswith("text-align:")
        if name == "class":
            assert value.startswith("language-")


def test_a_picture_in_the_card_is_shown() -> None:
    assert harmless_html("<img src='data:image/png;base64,AAAA'>") == '<img src="data:image/png;base64,AAAA">'


def test_a_card_that_is_too_long_is_shown_as_it_is_written() -> None:
    assert harmless_html("# <b>\n" * 22_000) == "<pre>" + "# &lt;b&gt;\n" * 22_000 + "</pre>"
    assert harmless_html("<i>" * 10_001).startswith("<pre>&lt;i&gt;")


pieces = st.sampled_from(
    ["<script", "<img src=", "<a href=", ">", "</", "javascript:", "data:text/html,", "onerror=alert(1) ", '"', "'",
     "`", "```\n", "\n\n", "[x](", ")", "![", "&#106;", "<!--", "-->", "<svg", "<style", "<p ", "    ",
     "\\", "<x", "|-|\n"]
)  # fmt: skip


@given(st.lists(pieces, max_size=15).map("".join) | st.text())
def test_any_text_is_shown_without_harm(markdown: str) -> None:
    assert_harmless(harmless_html(markdown))


def test_a_part_of_a_page_fetches_nothing_and_has_no_style_in_an_attribute() -> None:
    html = card_html(
        "![a](https://x.example/a.png)\n\n|a|\n|-:|\n|1|\n\n[![b](https://y.example/b.png)](https://z.example)"
    )
    assert "<img" not in html and "style=" not in html
    assert '<td align="right">1</td>' in html
    assert '<a href="https://x.example/a.png"' in html
    assert '<a href="https://z.example" rel="noopener noreferrer nofollow">b</a>' in html


def test_headings_of_a_card_go_below_those_of_the_page() -> None:
    assert card_html("# One\n\n##### Five") == "<h3>One</h3>\n<h6>Five</h6>\n"


def test_what_stands_for_a_picture_is_text() -> None:
    html = card_html('<img src="https://x.example/a.png" alt="<script>alert(1)</script>">')
    assert "<script" not in html and "&lt;script&gt;" in html
    assert card_html("text style=&quot;text-align:right&quot;").count("style=") == 1
