"""Tests of what stands in front: whose headers are believed, and where a server of one's own finds the app."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dashboard import wsgi
from job.artifacts.folder import LocalStore
from job.errors import ConfigError
from tests.support.dashboards import FINISHED, app_over

FORWARDED = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "a.test"}


@pytest.mark.parametrize(("hops", "client"), [(0, "127.0.0.1"), (1, "198.51.100.7"), (2, "203.0.113.9")])
def test_as_many_proxies_are_believed_as_there_are(runs: LocalStore, hops: int, client: str) -> None:
    """Of the addresses that a request claims to come by, only those count that our own proxies wrote."""
    app = app_over(runs, proxy_hops=hops)
    with capture_logs() as logged:
        app.server.test_client().get("/", headers=FORWARDED)
    (line,) = [each for each in logged if each["event"] == "request_served"]
    assert line["client"] == client


def test_names_of_people_from_a_proxy_open_nothing(runs: LocalStore) -> None:
    """What oauth2-proxy tells of a visitor is not a password: where one is asked for, it still is."""
    guarded = app_over(runs, auth_password="a-long-enough-password", proxy_hops=1).server.test_client()
    told = {"X-Forwarded-User": "lorentzian", "X-Forwarded-Email": "a@b.test", "X-Auth-Request-User": "lorentzian"}
    assert guarded.get("/", headers=told | FORWARDED).status_code == 401


def test_prefix_of_a_header_is_not_believed(runs: LocalStore) -> None:
    """The path that it is served under is a setting: a header moves no link."""
    client = app_over(runs, proxy_hops=1).server.test_client()
    layout = client.get("/_dash-layout", headers=FORWARDED | {"X-Forwarded-Prefix": "/evil"})
    assert "evil" not in layout.get_data(as_text=True)


def test_another_server_gets_the_app_from_the_environment(
    runs: LocalStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`dashboard.wsgi:application()`: save path, prefix and password as everywhere; refused where it would be open."""
    monkeypatch.setenv("LORENTZIAN_SAVE_PATH", runs.location)
    monkeypatch.setenv("LORENTZIAN_DASHBOARD_URL_PREFIX", "/desk/")
    client = wsgi.application().test_client()
    assert client.get("/desk/").status_code == 200
    assert client.get("/").status_code == 404
    assert client.get("/readyz").get_json()["status"] == "ready"
    assert client.get(f"/desk/csv/equity.csv?run_id={FINISHED}").mimetype == "text/csv"
    monkeypatch.setenv("LORENTZIAN_DASHBOARD_HOST", "0.0.0.0")
    with pytest.raises(ConfigError, match="ask nobody"):
        wsgi.application()
