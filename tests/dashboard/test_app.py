"""The app over a folder: guards, probes, headers, addresses and files, as a browser would meet them."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from plotly.offline import get_plotlyjs_version

from dashboard.app import PLOTLY, VENDOR
from dashboard.security import HEADERS
from job.artifacts.folder import LocalStore
from job.errors import ConfigError, StorageUnavailable
from tests.support.dashboards import FINISHED, OTHER, WatchedStore, app_over
from tests.support.page_calls import page_call, zoom_call

PASSWORD = "a-long-enough-password"
CALLS = "/_dash-update-component"


def client(store: LocalStore, **settings: object) -> FlaskClient:
    """A client of the app."""
    return app_over(store, **settings).server.test_client()


def basic(user: str, password: str) -> dict[str, str]:
    """The header of basic authentication."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture(scope="module")
def plain(runs: LocalStore) -> FlaskClient:
    """A client of an app with default settings."""
    return client(runs)


def test_index_page_is_small_and_tells_no_versions(plain: FlaskClient) -> None:
    """At most 20 kB, a language, no data of a run, and not which Python answers."""
    page = plain.get("/")
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert len(text) <= 20_000
    assert '<html lang="en">' in text
    assert FINISHED not in text
    config = json.loads(re.findall(r'id="_dash-config"[^>]*>(.*?)</script>', text)[0])
    assert config["python_version"] == ""
    assert "http" not in re.sub(r"dash_version_url[^,]*", "", json.dumps(config))


@pytest.mark.parametrize("path", ["/", "/healthz", "/_dash-layout", "/assets/dashboard.js", "/nowhere", "/csv/x.csv"])
def test_every_answer_carries_the_headers(plain: FlaskClient, path: str) -> None:
    """Pages, callbacks, assets, probes and errors alike; scripts only ours, by address or by hash."""
    headers = plain.get(path, buffered=True).headers
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    policy = headers["Content-Security-Policy"]
    assert re.search(r"script-src 'self' 'sha256-[^;']+'", policy)
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert re.fullmatch(r"[0-9a-f]{16}", headers["X-Request-ID"])


def test_request_id_of_a_proxy_is_kept_where_it_is_one(plain: FlaskClient) -> None:
    """A good id is passed on; one that could break a log line is replaced."""
    assert plain.get("/healthz", headers={"X-Request-ID": "proxy-id-0001"}).headers["X-Request-ID"] == "proxy-id-0001"
    assert "evil" not in plain.get("/healthz", headers={"X-Request-ID": 'evil" id'}).headers["X-Request-ID"]


def test_password_guards_everything_but_the_probes(runs: LocalStore) -> None:
    """Pages, assets, callbacks and files ask; health does not; a wrong user or password is no entry."""
    guarded = client(runs, auth_password=PASSWORD, auth_user="anna")
    for path in ("/", "/assets/dashboard.css", "/_dash-layout", "/_dash-dependencies", "/csv/equity.csv"):
        assert guarded.get(path, buffered=True).status_code == 401, path
        assert guarded.get(path, headers=basic("anna", PASSWORD), buffered=True).status_code != 401, path
    for user, password in (("anna", "wrong-password"), ("bert", PASSWORD), ("", ""), ("anna", PASSWORD + "x")):
        assert guarded.get("/", headers=basic(user, password)).status_code == 401
    assert guarded.get("/", headers={"Authorization": f"Bearer {PASSWORD}"}).status_code == 401
    assert guarded.post("/_dash-update-component", json={}).status_code == 401
    assert guarded.get("/healthz").status_code == 200
    assert guarded.get("/readyz").status_code == 200


def test_password_is_read_from_a_mounted_secret(runs: LocalStore, tmp_path: Path) -> None:
    """The file's content without its last newline; an empty, short or absent one is refused."""
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    guarded = client(runs, auth_password_file=str(secret))
    assert guarded.get("/", headers=basic("lorentzian", PASSWORD)).status_code == 200
    for content in ("", "short\n"):
        secret.write_text(content)
        with pytest.raises(ConfigError):
            client(runs, auth_password_file=str(secret))
    with pytest.raises(ConfigError, match="cannot be read"):
        client(runs, auth_password_file=str(tmp_path / "absent"))


def test_prefix_moves_pages_and_leaves_probes(runs: LocalStore) -> None:
    """Under a proxy's path everything lies beneath it, links included; probes stay at the root."""
    moved = client(runs, url_prefix="/proj/dash/")
    assert moved.get("/proj/dash/").status_code == 200
    assert moved.get("/").status_code == 404
    assert moved.get("/healthz").status_code == 200
    assert moved.get(f"/proj/dash/csv/compared-sharpes.csv?runs={FINISHED},{OTHER}").status_code == 200
    layout = moved.get("/proj/dash/_dash-layout").get_data(as_text=True)
    assert "/proj/dash/about" in layout.replace("\\u002f", "/")


def test_readiness_says_why_not(tmp_path: Path) -> None:
    """A damaged index is a 503 with the reason; an empty store is ready, since nothing is wrong with it."""
    store = LocalStore(tmp_path / "store")
    assert client(store).get("/readyz").status_code == 200
    store.put("runs-index.json", b"{")
    answer = client(store).get("/readyz")
    assert answer.status_code == 503
    assert "truncated" in answer.get_json()["reason"]


def test_no_door_is_open_that_nobody_needs(plain: FlaskClient) -> None:
    """No agent's interface, no developer's tools, no upload worth the name."""
    assert plain.post("/_mcp", json={}).status_code in (404, 405)
    assert plain.get("/_reload-hash").status_code != 500
    assert (
        plain.post("/_dash-update-component", data=b"x" * 2_000_000, content_type="application/json").status_code == 413
    )


def test_plotly_is_the_small_bundle_of_the_same_version(plain: FlaskClient) -> None:
    """Where Dash asks for the whole, the vendored part answers, and it is of the version that figures are made for."""
    page = plain.get("/_dash-component-suites/plotly/package_data/plotly.v7_1_0m1.min.js")
    assert page.status_code == 200
    assert page.get_data() == (VENDOR / PLOTLY).read_bytes()
    assert "max-age=31536000" in page.headers["Cache-Control"]
    assert f"plotly.js (cartesian - minified) v{get_plotlyjs_version()}" in page.get_data(as_text=True)[:200]


@pytest.mark.parametrize("prefix", ["/", "/proj/dash/"])
def test_page_names_the_code_that_it_needs(runs: LocalStore, prefix: str) -> None:
    """The runs bring the grid and no plotly, a session the other way round; also behind a proxy."""
    asking = client(runs, url_prefix=prefix)
    for path, has_grid in (("", True), (f"run/{FINISHED}", False)):
        text = asking.get(prefix + path).get_data(as_text=True)
        assert (f'<script src="{prefix}_dash-component-suites/dash_ag_grid/' in text) == has_grid
        assert (f'id="plots-code" data-address="{prefix}_dash-component-suites/plotly/' in text) != has_grid


def test_csv_has_the_charts_numbers(plain: FlaskClient) -> None:
    """A chart's table as a file; a wrong name or argument is refused in one sentence."""
    good = plain.get(f"/csv/compared-sharpes.csv?runs={FINISHED},{OTHER}")
    assert good.mimetype == "text/csv"
    assert "attachment" in good.headers["Content-Disposition"]
    head, *rows = good.get_data(as_text=True).splitlines()
    assert head == "run,Sharpe,low,high,days"
    assert [row.split(",")[0] for row in rows] == [FINISHED, OTHER]
    assert plain.get("/csv/nothing.csv").status_code == 404
    assert plain.get("/csv/compared-sharpes.csv").status_code == 400
    assert plain.get(f"/csv/compared-sharpes.csv?runs={FINISHED},../../x").status_code == 400


def test_callback_answers_with_the_page(plain: FlaskClient) -> None:
    """The one call that a browser makes: an address in, a heading and the runs out."""
    answer = plain.post("/_dash-update-component", data=page_call("/"), content_type="application/json")
    assert answer.status_code == 200
    text = answer.get_data(as_text=True)
    assert FINISHED in text
    assert "Which runs exist" in text


def changed(call: bytes, *path: str | int, to: Any) -> bytes:
    """A call with one of its values replaced."""
    whole = json.loads(call)
    part = whole
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = to
    return json.dumps(whole).encode()


PAGE_CALL = page_call("/")
ZOOM_CALL = zoom_call("equity", f"run_id={FINISHED}", start="2025-08-01", end="2025-08-11")


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"{}", 400),
        (changed(PAGE_CALL, "output", to="invented.children"), 404),
        (changed(PAGE_CALL, "output", to="help.opened"), 404),  # the browser's own
        (changed(PAGE_CALL, "inputs", to=[]), 400),
        (changed(PAGE_CALL, "inputs", 0, "value", to={"a": 1}), 400),
        (changed(PAGE_CALL, "inputs", 0, "id", to="other"), 400),
        (changed(PAGE_CALL, "inputs", 0, to=None), 400),
        (changed(PAGE_CALL, "outputs", "property", to="title"), 400),
        (changed(PAGE_CALL, "changedPropIds", 0, to="x"), 400),
        (changed(ZOOM_CALL, "state", 1, "value", to=None), 400),
        (changed(ZOOM_CALL, "inputs", 0, "value", to=[1]), 400),
        (changed(ZOOM_CALL, "outputs", "id", "type", to="x"), 400),
        (zoom_call("invented", "", start="2025-08-01", end="2025-08-11"), 404),
        (zoom_call("equity", "run_id=nobody", start="2025-08-01", end="2025-08-11"), 404),
    ],
)
def test_call_that_no_page_makes_is_refused(
    plain: FlaskClient, caplog: pytest.LogCaptureFixture, call: bytes, status: int
) -> None:
    """In one sentence, with the visitor's kind of status, and no trace in the log: it is no bug of ours."""
    answer = plain.post(CALLS, data=call, content_type="application/json")
    assert answer.status_code == status, answer.get_data(as_text=True)[:300]
    assert re.fullmatch(r"[^\n<]{10,300}\n", answer.get_data(as_text=True))
    assert [record for record in caplog.records if record.exc_info] == []


def test_calls_of_pages_are_answered(plain: FlaskClient) -> None:
    """What the refusals above are made from; a path that cannot be one is a page that says so."""
    for call in (PAGE_CALL, ZOOM_CALL, changed(PAGE_CALL, "inputs", 0, "value", to="no path")):
        assert plain.post(CALLS, data=call, content_type="application/json").status_code == 200


def test_store_that_is_away_is_told_to_charts_too(runs: LocalStore) -> None:
    """A chart that cannot be drawn anew, or taken as a file, says why with a 503."""
    away = WatchedStore(store=runs, error=StorageUnavailable("The store is away.", remedy="Wait."))
    asked = app_over(away).server.test_client()  # type: ignore[arg-type]
    for answer in (
        asked.post(CALLS, data=ZOOM_CALL, content_type="application/json"),
        asked.get(f"/csv/equity.csv?run_id={FINISHED}"),
    ):
        assert (answer.status_code, "The store is away." in answer.get_data(as_text=True)) == (503, True)
