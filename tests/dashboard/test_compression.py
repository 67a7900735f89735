"""Tests of compressed answers: each body is its own address's, and files are closed."""

import gc
import json
import re
import warnings

import brotli
import pytest
from flask import Flask
from flask.testing import FlaskClient

from dashboard.compression import MAX_KEPT, KeptAnswers, compress_answers
from job.artifacts.folder import LocalStore
from tests.support.dashboards import app_over
from tests.support.page_calls import page_call

BROTLI = {"Accept-Encoding": "br"}


@pytest.fixture(scope="module")
def client(runs: LocalStore) -> FlaskClient:
    """A client of the whole app."""
    return app_over(runs).server.test_client()


def body(client: FlaskClient, path: str) -> bytes:
    """An answer as a browser decompresses it."""
    answer = client.get(path, headers=BROTLI, buffered=True)
    assert answer.headers["Content-Encoding"] == "br", path
    return brotli.decompress(answer.get_data())


def test_no_address_gets_the_body_of_another(client: FlaskClient) -> None:
    """What changes is compressed anew: page, layout and list of callbacks each twice, and each is itself."""
    for _ in range(2):
        assert body(client, "/").startswith(b"<!DOCTYPE html>")
        assert json.loads(body(client, "/_dash-layout"))["type"] == "MantineProvider"
        assert isinstance(json.loads(body(client, "/_dash-dependencies")), list)


def test_callbacks_are_not_taken_for_each_other(client: FlaskClient) -> None:
    """Two pages are posted to one address: the second answer is the second page."""
    answers = []
    for path in ("/", "/about", "/"):
        sent = client.post(
            "/_dash-update-component", data=page_call(path), content_type="application/json", headers=BROTLI
        )
        answers.append(brotli.decompress(sent.get_data()).decode())
    assert "Which runs exist" in answers[0] and "Which runs exist" not in answers[1]
    assert "What is this, and what does it read" in answers[1] and "Which runs exist" in answers[2]


def test_files_are_compressed_once_and_stay_themselves(client: FlaskClient) -> None:
    """Script and style sheet, from memory the second time, are what lies in the folder."""
    for name in ("dashboard.js", "dashboard.css"):
        plain = client.get(f"/assets/{name}", buffered=True).get_data()
        assert [body(client, f"/assets/{name}") for _ in range(2)] == [plain, plain]


def test_clients_without_brotli_get_what_they_understand(client: FlaskClient) -> None:
    """A kept answer in one coding is not sent to who asks for another."""
    body(client, "/assets/dashboard.css")
    for accepted, coding in (("gzip", "gzip"), ("identity", None), ("br", "br")):
        answer = client.get("/assets/dashboard.css", headers={"Accept-Encoding": accepted}, buffered=True)
        assert answer.headers.get("Content-Encoding") == coding
    assert re.search("Accept-Encoding", client.get("/assets/dashboard.css", buffered=True).headers["Vary"])


def test_memory_of_answers_is_bounded() -> None:
    """Ever new addresses fill it up to its end and no further; what has no address is never kept."""
    kept = KeptAnswers()
    for number in range(2 * MAX_KEPT):
        kept.set(f"br;/assets/x.js?{number}", b"x")
    kept.set("br;", b"a page")
    assert kept.get("br;/assets/x.js?0") == b"x"
    assert kept.get(f"br;/assets/x.js?{MAX_KEPT}") is None
    assert kept.get("br;") is None


def test_streamed_files_are_closed(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A file that is sent and compressed leaves nothing open behind it, and neither does one that is not asked for."""
    folder = tmp_path_factory.mktemp("static")
    (folder / "x.js").write_text("// a script\n" * 500)
    server = Flask("files", static_folder=str(folder), static_url_path="/assets")
    compress_answers(server)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        client = server.test_client()
        etag = client.get("/assets/x.js", headers=BROTLI).headers["ETag"]
        for method, headers in (("get", BROTLI), ("head", BROTLI), ("get", BROTLI | {"If-None-Match": etag})):
            getattr(client, method)("/assets/x.js", headers=headers)
        gc.collect()
