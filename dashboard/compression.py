"""Answers made smaller: anew for what changes, once for what never does."""

from flask import Flask, Request, Response
from flask_compress import Compress

FIXED_PATHS = ("/_dash-component-suites/", "/assets/")
MAX_KEPT = 200


class KeptAnswers:
    """Compressed files by algorithm and address, ``br;/assets/…``; without an address it changes, and is never kept."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        """The compressed file."""
        return self._kept.get(key)

    def set(self, key: str, data: bytes) -> None:
        """Keep it, unless somebody asks for ever new addresses."""
        if not key.endswith(";") and len(self._kept) < MAX_KEPT:
            self._kept[key] = data


def compress_answers(server: Flask) -> None:
    """Compress text above half a kilobyte, by brotli where the browser knows it."""
    kept = KeptAnswers()
    server.config |= {
        "COMPRESS_MIMETYPES": ["text/html", "text/css", "text/csv", "application/json", "text/javascript"],
        "COMPRESS_ALGORITHM": ["br", "gzip"],
        "COMPRESS_BR_LEVEL": 5,  # a twelfth less than 4 makes of scripts; above, it takes longer than it saves
        "COMPRESS_CACHE_BACKEND": lambda: kept,
        "COMPRESS_CACHE_KEY": _key,
    }
    Compress(server)

    # Registered later, so it runs before: what is compressed is no file any more, and nobody would close it.
    @server.after_request
    def _read_whole(response: Response) -> Response:
        if response.direct_passthrough:
            response.direct_passthrough = False
            file = response.response
            response.make_sequence()
            if hasattr(file, "close"):
                file.close()
        return response


def _key(request: Request) -> str:
    is_fixed = request.method == "GET" and any(part in request.path for part in FIXED_PATHS)
    return f"{request.full_path}|{request.headers.get('Accept-Encoding', '')}" if is_fixed else ""
