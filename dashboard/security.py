"""What the browser is told not to do: no script, frame, form or address that is not ours."""

from collections.abc import Callable, Sequence

from flask import Flask, Response

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def policy(script_hashes: Sequence[str]) -> str:
    """The content security policy. Styles stay inline: plotly and the grid set them by the hundred."""
    return "; ".join(
        [
            "default-src 'self'",
            " ".join(["script-src 'self'", *script_hashes]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ]
    )


def secure_headers(server: Flask, script_hashes: Callable[[], Sequence[str]]) -> None:
    """Set them on every answer.

    Parameters
    ----------
    script_hashes : of the page's inline scripts; asked once, at the first answer, when all callbacks are known.
    """
    known: list[str] = []

    @server.after_request
    def _add(response: Response) -> Response:
        if not known:
            known.append(policy(script_hashes()))
        response.headers["Content-Security-Policy"] = known[0]
        for name, value in HEADERS.items():
            response.headers[name] = value
        if response.mimetype in ("text/html", "application/json", "text/csv"):
            response.headers["Cache-Control"] = "no-store"
        return response
