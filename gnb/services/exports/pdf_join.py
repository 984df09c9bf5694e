"""One PDF out of many, written while they come in, with page numbers `n / total` on every page.

pypdf reads the parts and writes the objects; but where its own writer holds the whole document until the end, here an
object goes out as soon as it is known and only its offset is kept. The total is known last: the line with the page
number is an object of its own, promised by each page and written at the end.

    with a file:  join = PdfJoin(sink, title="Bookings"); join.add(pdf); …; join.finish()
"""

from __future__ import annotations

import io
from collections import deque
from typing import Any

from pypdf import PdfReader
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from gnb.services.exports.csv_export import Sink

_FONT = "/PageNumberFont"
_FONT_SIZE = 8
_BASELINE = 22
"""Points between the paper's lower edge and the page number."""

_WIDTHS = {" ": 0.278, "/": 0.278}
_DIGIT_WIDTH = 0.556


class PdfJoin:
    """A document under construction. Pages keep the order in which they are added."""

    def __init__(self, sink: Sink, title: str, language: str) -> None:
        self._sink = sink
        self._at = 0
        self._offsets: list[int] = []
        self._pages: list[IndirectObject] = []
        self._footers: list[tuple[IndirectObject, float]] = []
        self._put(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        self._tree = self._promise()
        self._catalog = self._write(
            DictionaryObject(
                {
                    NameObject("/Type"): NameObject("/Catalog"),
                    NameObject("/Pages"): self._tree,
                    NameObject("/Lang"): TextStringObject(language),
                }
            )
        )
        about = {
            NameObject("/Title"): TextStringObject(title),
            NameObject("/Producer"): TextStringObject("GNB Transfer"),
        }
        self._about = self._write(DictionaryObject(about))
        self._font = self._write(_helvetica())
        # A part's content may leave the page scaled: this saves the state that its footer then restores.
        self._save = self._write(_stream(b"q\n"))

    def add(self, pdf: bytes) -> None:
        """Add the pages of a whole PDF."""
        copy = _Copy(self)
        for page in PdfReader(io.BytesIO(pdf)).pages:
            self._add_page(page, copy)
        copy.write_promised()

    def finish(self) -> None:
        """Write the page numbers and everything that makes the file a PDF."""
        total = len(self._pages)
        for number, (footer, width) in enumerate(self._footers, 1):
            self._write(_stream(_page_number(f"{number} / {total}", width)), footer)
        tree = {
            NameObject("/Type"): NameObject("/Pages"),
            NameObject("/Count"): NumberObject(total),
            NameObject("/Kids"): ArrayObject(self._pages),
        }
        self._write(DictionaryObject(tree), self._tree)
        start = self._at
        rows = "".join(f"{offset:010} 00000 n \n" for offset in self._offsets)
        size = len(self._offsets) + 1
        self._put(f"xref\n0 {size}\n0000000000 65535 f \n{rows}".encode())
        trailer = f"<< /Size {size} /Root {self._catalog.idnum} 0 R /Info {self._about.idnum} 0 R >>"
        self._put(f"trailer\n{trailer}\nstartxref\n{start}\n%%EOF\n".encode())

    def _add_page(self, page: Any, copy: _Copy) -> None:
        footer = self._promise()
        fields = {key: value for key, value in dict.items(page) if key in ("/Type", "/MediaBox", "/Annots")}
        own = copy.dictionary(DictionaryObject(fields))
        own[NameObject("/Parent")] = self._tree
        own[NameObject("/Contents")] = ArrayObject([self._save, copy.value(page.raw_get("/Contents")), footer])
        own[NameObject("/Resources")] = copy.resources(page.raw_get("/Resources"), self._font)
        self._pages.append(self._write(own))
        self._footers.append((footer, float(page.mediabox.width)))

    def _promise(self) -> IndirectObject:
        """Return a number for an object that is written later."""
        self._offsets.append(0)
        return IndirectObject(len(self._offsets), 0, None)

    def _write(self, value: Any, promised: IndirectObject | None = None) -> IndirectObject:
        reference = promised or self._promise()
        self._offsets[reference.idnum - 1] = self._at
        text = io.BytesIO()
        text.write(f"{reference.idnum} 0 obj\n".encode())
        value.write_to_stream(text)
        text.write(b"\nendobj\n")
        self._put(text.getvalue())
        return reference

    def _put(self, data: bytes) -> None:
        self._sink.write(data)
        self._at += len(data)


class _Copy:
    """The objects of one part on their way into the whole: each gets a new number, once."""

    def __init__(self, join: PdfJoin) -> None:
        self._join = join
        self._numbers: dict[int, IndirectObject] = {}
        self._promised: deque[tuple[IndirectObject, IndirectObject]] = deque()
        self._resources: dict[int, IndirectObject] = {}

    def value(self, value: Any) -> Any:
        """Return the value as it is written in the joined file."""
        if isinstance(value, IndirectObject):
            if value.idnum not in self._numbers:
                self._numbers[value.idnum] = self._join._promise()
                self._promised.append((self._numbers[value.idnum], value))
            return self._numbers[value.idnum]
        if isinstance(value, StreamObject):
            stream = type(value)()
            stream.update(self.dictionary(value))
            stream._data = value._data
            return stream
        if isinstance(value, DictionaryObject):
            return self.dictionary(value)
        if isinstance(value, ArrayObject):
            return ArrayObject(self.value(item) for item in value)
        return value

    def dictionary(self, value: DictionaryObject) -> DictionaryObject:
        """Return a dictionary as it is written in the joined file."""
        return DictionaryObject({key: self.value(item) for key, item in dict.items(value)})

    def resources(self, value: Any, font: IndirectObject) -> IndirectObject:
        """Return a page's resources with the page number's font; written once for all pages that share them."""
        known = value.idnum if isinstance(value, IndirectObject) else id(value)
        if known not in self._resources:
            own = self.dictionary(value.get_object())
            fonts = value.get_object().get("/Font", DictionaryObject()).get_object()
            own[NameObject("/Font")] = DictionaryObject({**self.dictionary(fonts), NameObject(_FONT): font})
            self._resources[known] = self._join._write(own)
        return self._resources[known]

    def write_promised(self) -> None:
        """Write every object that an object written before refers to."""
        while self._promised:
            promised, original = self._promised.popleft()
            self._join._write(self.value(original.get_object()), promised)


def _page_number(text: str, page_width: float) -> bytes:
    width = _FONT_SIZE * sum(_WIDTHS.get(letter, _DIGIT_WIDTH) for letter in text)
    left = (page_width - width) / 2
    return f"Q\nBT 0.35 g {_FONT} {_FONT_SIZE} Tf {left:.2f} {_BASELINE} Td ({text}) Tj ET\n".encode()


def _helvetica() -> DictionaryObject:
    names = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica", "/Encoding": "/WinAnsiEncoding"}
    return DictionaryObject({NameObject(key): NameObject(value) for key, value in names.items()})


def _stream(content: bytes) -> DecodedStreamObject:
    stream = DecodedStreamObject()
    stream.set_data(content)
    return stream
