"""What PDFs are made with: WeasyPrint's libraries, and a font that has the letters of Turkish."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gnb.services.doctor.findings import Finding, cause, ok, problem
from gnb.services.exports.errors import NoFonts

if TYPE_CHECKING:
    from pypdf import PageObject

_SAMPLE = "İstanbul ₺"
_LIBRARIES = "Install: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
_FONTS = "Install: apt-get install fonts-dejavu-core"


def examine() -> Iterator[Finding]:
    """Whether a document could be made at this moment: one is."""
    try:
        from gnb.services.exports.pdf_renderer import PdfRenderer
    except OSError as error:
        yield problem("documents", f"a library of WeasyPrint is missing: {cause(error)}", _LIBRARIES)
        return
    except NoFonts as error:
        yield problem("documents", str(error), _FONTS)
        return
    pdf = PdfRenderer("en").render_html(f"<p>{_SAMPLE}").write_pdf()
    from pypdf import PdfReader  # ten megabytes that every process would carry, and only this needs

    page = PdfReader(io.BytesIO(pdf)).pages[0]
    fonts = _fonts(page)
    if _SAMPLE not in page.extract_text():
        yield problem("documents", f"no font has the letters of “{_SAMPLE}”", _FONTS)
    else:
        yield ok("documents", f"a page was made, with {', '.join(fonts)}")


def _fonts(page: PageObject) -> list[str]:
    fonts = page["/Resources"].get_object().get("/Font", {}).get_object()  # type: ignore[union-attr]
    return sorted({str(font.get_object()["/BaseFont"]).partition("+")[2] for font in fonts.values()})
