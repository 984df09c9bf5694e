"""Renders a message from its templates: subject, HTML with inlined styles, plain text.

A kind of mail has two templates, `templates/mail/<kind>.html` and `.txt`; the first line of the text is `Subject: …`.
Their texts are translated by gettext.
"""

import re
from functools import cache
from html.parser import HTMLParser
from typing import Any

import css_inline
import jinja2
from flask_babel import force_locale, gettext, ngettext
from markupsafe import Markup, escape

from gnb.config import ROOT
from gnb.messages.formats import text_language
from gnb.services.mail.addresses import LONGEST_SUBJECT, one_line

_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_BLOCK_TAGS = {"p", "div", "br", "tr", "li", "ul", "ol", "table", "hr", "blockquote", *_HEADINGS}
_HIDDEN_TAGS = {"style", "script", "head", "title", "template"}
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False)


def render(kind: str, language: str, **facts: Any) -> tuple[str, str, str]:
    """Return subject, HTML and text of that kind of mail. Facts are escaped."""
    language = text_language(language)
    with force_locale(language):
        text = _environment().get_template(f"{kind}.txt").render(facts, language=language)
        html = _environment().get_template(f"{kind}.html").render(facts, language=language)
    subject, _, body = text.partition("\n")
    return one_line(subject.removeprefix("Subject:"), LONGEST_SUBJECT), _inliner.inline(html), body.strip() + "\n"


def paragraphs(text: str) -> Markup:
    """Convert plain text to HTML: empty lines separate paragraphs, URLs become links, everything else is escaped."""
    blocks = (block.strip() for block in text.replace("\r\n", "\n").split("\n\n"))
    return Markup("\n").join(
        Markup("<p>{}</p>").format(Markup("<br>\n").join(_linked(line) for line in block.split("\n")))
        for block in blocks
        if block
    )


def _linked(line: str) -> Markup:
    return Markup(" ").join(_word(word) for word in line.split(" "))


def _word(word: str) -> Markup:
    if not word.startswith(("http://", "https://")):
        return escape(word)
    address = word.rstrip(".,;:!?)")
    return Markup('<a href="{0}">{0}</a>{1}').format(address, word[len(address) :])


@cache
def _environment() -> jinja2.Environment:
    """Create the environment of the mail templates, which gives them no access to a request or session."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates" / "mail"),
        autoescape=jinja2.select_autoescape(("html",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters["paragraphs"] = paragraphs
    return environment


def plain_text(html: str) -> str:
    """Convert HTML to plain text: a line per block, links followed by their URL."""
    reader = _TextExtractor()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r"[ \t\r\f\v\xa0]+", " ", line).strip() for line in "".join(reader.pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _TextExtractor(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN_TAGS:
            self._hidden += 1
        elif tag in _BLOCK_TAGS:
            self.pieces.append("\n- " if tag == "li" else "\n")
        elif tag == "a":
            self._links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN_TAGS:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BLOCK_TAGS:
            self.pieces.append("\n")
        elif tag == "a" and self._links:
            link = self._links.pop()
            if link.startswith(("http://", "https://")):
                self.pieces.append(f" ({link})")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data.replace("\n", " "))
