"""Large files, of which a client may ask for a part (RFC 9110, section 14)."""

import io
import re
from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase

from feedback.errors import RangeOutside
from nsfwsite.access import refusal_page


class FilePart(io.FileIO):
    """A file from `start` up to, but without, `end`."""

    def __init__(self, path: Path, start: int, end: int) -> None:
        super().__init__(path)
        self.seek(start)
        self.end = end

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self.end - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))


def download(request: HttpRequest, path: Path, *, sha256: str) -> HttpResponseBase:
    """The file, or the one range of it that the request asks for.

    `sha256` stands for the content: a client that names another one in `If-Range` gets the whole.
    """
    size = path.stat().st_size
    etag = f'"{sha256}"'
    start, end = 0, size
    if request.headers.get("If-Range", etag) == etag:
        start, end = _range(request.headers.get("Range", ""), size)
    if start >= end:
        return _refuse(request, size)
    response = FileResponse(FilePart(path, start, end), content_type="application/octet-stream")
    response.headers["Content-Length"] = str(end - start)
    if (start, end) != (0, size):
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = etag
    return response


def _refuse(request: HttpRequest, size: int) -> HttpResponse:
    refusal = RangeOutside(
        rule=f"A range must begin within the file's {size:,} bytes.",
        received=request.headers["Range"],
        remedy="Ask for less, or for the whole file.",
    )
    response = refusal_page(request, refusal)
    response.headers["Content-Range"] = f"bytes */{size}"
    return response


def _range(header: str, size: int) -> tuple[int, int]:
    """Where the range begins and ends; the whole file for anything but one range of bytes."""
    match = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", header.strip())
    if match is None:
        return 0, size
    first, last = match.groups()
    if first:
        end = min(int(last) + 1, size) if last else size
        return (int(first), end) if not last or int(first) <= int(last) else (0, size)
    return (max(0, size - int(last)), size) if last else (0, size)
