"""Who may look: basic authentication, and no public address without it unless that is asked for."""

import hmac
import ipaddress
from collections.abc import Collection
from pathlib import Path

from flask import Flask, Response, request

from job.errors import ConfigError
from job.settings.dashboard import DashboardSettings

MIN_PASSWORD_CHARACTERS = 8


def password_of(settings: DashboardSettings) -> str | None:
    """The password from the environment or its file; None where none is set.

    Raises
    ------
    ConfigError
        Where both are set, the file cannot be read, or the password is too short.
    """
    if settings.auth_password is not None and settings.auth_password_file is not None:
        raise ConfigError("The password is set twice.", remedy="Set either the password or its file.")
    if settings.auth_password is not None:
        password = settings.auth_password.get_secret_value()
    elif settings.auth_password_file is not None:
        password = _from_file(settings.auth_password_file)
    else:
        return None
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise ConfigError(
            f"The dashboard's password has fewer than {MIN_PASSWORD_CHARACTERS} characters.",
            remedy="Make one: openssl rand -base64 24",
        )
    return password


def check_exposure(settings: DashboardSettings, password: str | None) -> None:
    """Refuse a public address that asks nobody who they are.

    Raises
    ------
    ConfigError
        Where ``host`` is not this machine's own, there is no password, and nobody said that this is meant.
    """
    if _is_loopback(settings.host) or password is not None or settings.insecure_no_auth:
        return
    raise ConfigError(
        f"The dashboard would listen on {settings.host} and ask nobody for a password.",
        remedy="Set LORENTZIAN_AUTH_PASSWORD or --auth-password-file; where a proxy in front asks, say "
        "--insecure-no-auth.",
    )


def require_password(server: Flask, *, user: str, password: str, open_paths: Collection[str]) -> None:
    """Ask for user and password on every path, assets and callbacks included, except ``open_paths``."""
    expected = (user.encode(), password.encode())

    @server.before_request
    def _check() -> Response | None:
        if request.path in open_paths:
            return None
        given = request.authorization
        sent = (
            ((given.username or "").encode(), (given.password or "").encode())
            if given is not None and given.type == "basic"
            else (b"", b"")
        )
        # Both are compared whatever the first says, so that time tells nothing.
        if all([hmac.compare_digest(own, other) for own, other in zip(expected, sent, strict=True)]):
            return None
        headers = {"WWW-Authenticate": 'Basic realm="lorentzian", charset="UTF-8"'}
        return Response("This page asks for a user and a password.\n", 401, headers, content_type="text/plain")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _from_file(path: str) -> str:
    try:
        password = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The password file {path} cannot be read.", remedy="Check --auth-password-file and its rights."
        ) from error
    if not password:
        raise ConfigError(f"The password file {path} is empty.", remedy="Write the password into it.")
    return password
