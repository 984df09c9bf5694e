"""A delivery's content from its templates: subject, HTML with its styles inlined, plain text.

A kind of mail has two templates in each language, `templates/mail/<language>/<kind>.html` and `.txt`; the first line
of the text is `Subject: …`.
"""

from functools import cache
from typing import Any

import css_inline
import jinja2
from markupsafe import Markup, escape

from gnb.config import ROOT
from gnb.services.mail.addresses import LONGEST_SUBJECT, one_line
from gnb.services.mail.words import text_language

_inliner = css_inline.CSSInliner(load_remote_stylesheets=False)


def render(kind: str, language: str, **facts: Any) -> tuple[str, str, str]:
    """Subject, HTML and text of that kind of mail. Every fact is shown as text, whatever stands in it."""
    language = text_language(language)
    text = _environment().get_template(f"{language}/{kind}.txt").render(facts)
    html = _environment().get_template(f"{language}/{kind}.html").render(facts)
    subject, _, body = text.partition("\n")
    return one_line(subject.removeprefix("Subject:"), LONGEST_SUBJECT), _inliner.inline(html), body.strip() + "\n"


def paragraphs(text: str) -> Markup:
    """Plain text as HTML: empty lines part paragraphs, addresses of pages become links, nothing else is markup."""
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
    """Templates of mail have an environment of their own: nothing of a request or of a session can get into them."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates" / "mail"),
        autoescape=jinja2.select_autoescape(("html",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["paragraphs"] = paragraphs
    return environment
