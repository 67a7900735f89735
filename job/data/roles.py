"""The database roles of ``roles.sql``: one for each part that users of the database play, with exactly its rights."""

from importlib.resources import files

from job.data.postgres import Connection, translate_errors
from job.data.schema import one_at_a_time
from job.errors import ConfigError

MIGRATIONS, COLLECTOR, TRAINER = "lorentzian_migrations", "lorentzian_collector", "lorentzian_trainer"
_POWERFUL = """
    SELECT rolname FROM pg_roles
    WHERE rolname = ANY(%s) AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
    ORDER BY rolname"""


@translate_errors()
def grant_roles(connection: Connection) -> None:
    """Make the roles that are missing, and give each the rights of its part in this database; all, or nothing.

    Parameters
    ----------
    connection : Connection
        To a database with the newest schema, as its owner; later a member of `MIGRATIONS` is enough.

    Raises
    ------
    ConfigError
        When this user may not do it, or a role of that name may do more than its part.
    """
    statements = files("job.data").joinpath("roles.sql").read_text(encoding="utf-8")
    with connection.transaction():
        one_at_a_time(connection)
        connection.execute(statements.encode())
        powerful = connection.execute(_POWERFUL, [[MIGRATIONS, COLLECTOR, TRAINER]]).fetchone()
        if powerful is not None:
            raise ConfigError(
                f"The database role {powerful[0]} may do more on this server than its part.",
                remedy=f"Run `ALTER ROLE {powerful[0]} NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS`.",
            )
