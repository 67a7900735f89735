"""Files of a public archive over HTTP, each held against the SHA-256 that is published beside it.

Knows nothing of klines, and never holds more than a bounded size.
"""

import hashlib
import re

import requests

from job.data.patience import Patience, Setback, checked_base_url, host_of, setback_of, setback_of_error
from job.errors import ConfigError, DataError, NoDataError

REQUEST_TIMEOUT_S = 20.0
REFUSED_LOCATION = (403, 451)
NOT_FOUND = 404
MAX_FILE_BYTES = 64 * 1024 * 1024  # a month of 1m bars is 3 MB
MAX_CHECKSUM_BYTES = 4 * 1024
CHUNK_BYTES = 256 * 1024
CHECKSUM = re.compile(rb"\s*([0-9a-fA-F]{64})\b")


class VerifiedDownloads:
    """Downloads below one address; `close` ends its connections.

    Parameters
    ----------
    base_url : str
        Address of the archive.
    patience : Patience
        How often and how long failed requests are tried again.
    """

    def __init__(self, base_url: str, *, patience: Patience) -> None:
        self._url = checked_base_url(base_url, flag="--archive-url")
        self._patience = patience
        self._session = requests.Session()
        self.host = host_of(self._url)

    def close(self) -> None:
        """Close the connections to the server."""
        self._session.close()

    def fetch(self, path: str) -> bytes | None:
        """The file at ``path`` once it matches its checksum, or None where there is none.

        A mismatch is fetched once more.

        Raises
        ------
        DataError
            It does not match twice, or is too large.
        NoDataError
            The server refuses this location.
        ConfigError
            The server is no such archive.
        ExchangeUnavailable
            No answer after bounded retries.
        """
        for _ in range(2):
            checksum = self.checksum(path)
            data = None if checksum is None else self._download(path, MAX_FILE_BYTES)
            if data is None or hashlib.sha256(data).hexdigest() == checksum:
                return data
        raise DataError(
            f"{path.rpartition('/')[2]} from {self.host} does not match its published checksum.",
            remedy="Collect these bars with --source rest, or try again later.",
        )

    def checksum(self, path: str) -> str | None:
        """The published SHA-256 in hex, or None: without it a file counts as not there yet."""
        text = self._download(f"{path}.CHECKSUM", MAX_CHECKSUM_BYTES)
        if text is None:
            return None
        match = CHECKSUM.match(text)
        if match is None:
            raise ConfigError(
                f"{self.host} does not answer like Binance's archive: a checksum file holds none.",
                remedy="Correct --archive-url, or use --source rest.",
            )
        return match[1].decode().lower()

    def _download(self, path: str, max_bytes: int) -> bytes | None:
        """The bytes at ``path``, or None where there is nothing."""
        url = f"{self._url}/{path}"

        def attempt() -> bytes | Setback | None:
            try:
                with self._session.get(url, stream=True, timeout=REQUEST_TIMEOUT_S) as response:
                    if response.status_code == NOT_FOUND:
                        return None
                    return setback_of(response) or self._read(response, max_bytes)
            except requests.RequestException as error:
                return setback_of_error(error)

        return self._patience.ask(attempt, host=self.host)

    def _read(self, response: requests.Response, max_bytes: int) -> bytes:
        """The body, read in pieces so that one without end is given up at ``max_bytes``."""
        if response.status_code in REFUSED_LOCATION:
            raise NoDataError(
                f"Binance refuses requests from this location (HTTP {response.status_code} from {self.host}):",
                remedy="use a mirror with --archive-url, or the REST interface with --source rest.",
            )
        if not response.ok:
            raise ConfigError(
                f"{self.host} refused a file with HTTP {response.status_code}.",
                remedy="Check --archive-url, or use --source rest.",
            )
        body = bytearray()
        for piece in response.iter_content(CHUNK_BYTES):
            body += piece
            if len(body) > max_bytes:
                raise DataError(
                    f"A file from {self.host} is larger than {max_bytes:,} bytes.",
                    remedy="Check --archive-url, or use --source rest.",
                )
        return bytes(body)
