from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from job.database import open_database
from job.errors import ConfigError
from job.settings.operation import DatabaseSettings


@pytest.fixture(autouse=True)
def no_configured_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own database and cluster would decide what is opened."""
    for name in ("PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE", "PGPORT", "PGUSER", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)


def test_open_database_gives_the_string_that_was_set(database: str) -> None:
    """What the user wrote is what everybody connects with."""
    with open_database(DatabaseSettings(database_url=SecretStr(database))) as conninfo:
        assert conninfo == database


def test_open_database_takes_the_password_from_a_file(database: str, tmp_path: Path) -> None:
    """A mounted secret's one line, without the line's end; a space in it stays."""
    file = tmp_path / "password"
    file.write_text("two words \n")
    settings = DatabaseSettings(database_url=SecretStr(database), database_password_file=str(file))
    with open_database(settings) as conninfo:
        assert conninfo_to_dict(conninfo)["password"] == "two words "
        assert conninfo_to_dict(conninfo)["dbname"] == conninfo_to_dict(database)["dbname"]


def test_open_database_leaves_libpqs_names_to_libpq(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PG* variables say it all, an empty string means them."""
    parts = conninfo_to_dict(database)
    for name, part in (("PGHOST", "host"), ("PGPORT", "port"), ("PGUSER", "user"), ("PGDATABASE", "dbname")):
        monkeypatch.setenv(name, str(parts[part]))
    with open_database(DatabaseSettings()) as conninfo:
        assert conninfo == ""


def test_open_database_starts_no_server_in_a_cluster(monkeypatch: pytest.MonkeyPatch, data_home: Path) -> None:
    """A pod that was told of no database must not train on an empty one of its own."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(ConfigError, match="No database") as refused, open_database(DatabaseSettings()):
        pytest.fail("a database was opened")
    assert "key DATABASE_URL of lorentzian-database" in refused.value.remedy
    assert not list(data_home.iterdir())
