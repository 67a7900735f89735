"""``lorentzian migrate``: create or update the database schema, and the rights to it."""

from job import interruption
from job.data.postgres import connect
from job.data.roles import COLLECTOR, TRAINER, grant_roles
from job.data.schema import migrate
from job.database import open_database
from job.errors import ExitCode
from job.settings.commands import MigrateCommand
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[MigrateCommand]) -> ExitCode:
    """Apply what is missing, and say what was."""
    should_grant = loaded.settings.migration.roles
    with interruption.at_once(), open_database(loaded.settings.database) as conninfo, connect(conninfo) as connection:
        applied = migrate(connection)
        if should_grant:
            grant_roles(connection)
    print(f"Applied migrations {', '.join(map(str, applied))}." if applied else "The schema is up to date.")
    if should_grant:
        print(f"The roles {COLLECTOR} and {TRAINER} have the rights of their parts.")
    return ExitCode.DONE
