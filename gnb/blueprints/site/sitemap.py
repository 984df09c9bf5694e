"""`/sitemap.xml` and its parts, for search engines."""

import gzip

from flask import Blueprint, Response, abort, request

from gnb.models import SiteFile
from gnb.services.sitemap import INDEX, sitemap_file

blueprint = Blueprint("sitemap", __name__)


@blueprint.get(f"/{INDEX}")
def sitemap() -> Response:
    """The sitemap, or the index of its parts; compressed for those who take it so."""
    file = _file(INDEX)
    if "gzip" in request.accept_encodings:
        answer = Response(file.data, mimetype="application/xml")
        answer.headers["Content-Encoding"] = "gzip"
    else:
        answer = Response(gzip.decompress(file.data), mimetype="application/xml")
    answer.vary.add("Accept-Encoding")
    return _kept(answer, file)


@blueprint.get("/sitemap-<int:number>.xml.gz")
def part(number: int) -> Response:
    """One part, as a compressed file."""
    file = _file(f"sitemap-{number}.xml.gz")
    return _kept(Response(file.data, mimetype="application/gzip"), file)


def _file(name: str) -> SiteFile:
    return sitemap_file(name) or abort(404)


def _kept(answer: Response, file: SiteFile) -> Response:
    answer.set_etag(file.digest, weak=True)
    answer.last_modified = file.changed_at
    answer.cache_control.public = True
    answer.cache_control.max_age = 3600
    answer.make_conditional(request)
    return answer
