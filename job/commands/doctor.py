"""``lorentzian doctor``: database, store and device, each tried for real; or a wait for what a pod needs."""

from collections.abc import Callable

from job import interruption
from job.artifacts.opening import open_store
from job.artifacts.probe import probe_store
from job.commands.needs import wait_for
from job.data.kline_table import stored_markets
from job.data.postgres import connect
from job.data.schema import require_schema
from job.database import open_database
from job.errors import ExitCode, Interrupted, JobError, UsageError
from job.settings.commands import DoctorCommand
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[DoctorCommand]) -> ExitCode:
    """Make every check, or wait for what is needed."""
    settings = loaded.settings
    if settings.wait.need:
        wait_for(settings)
        print(f"ok      {', '.join(settings.wait.need)}")
        return ExitCode.DONE
    if settings.wait.wait_seconds:
        raise UsageError("Nothing was named to wait for.", remedy="Give --need schema,features.")
    return _check_everything(settings)


def _check_everything(settings: DoctorCommand) -> ExitCode:
    """Print the result of each check, and end as the first that failed."""

    def database() -> str:
        with open_database(settings.database) as conninfo, connect(conninfo) as connection:
            require_schema(connection)
            markets = stored_markets(connection)
        return f"schema is right, klines of {', '.join(map(str, markets)) or 'no market yet'}"

    def store() -> str:
        opened = open_store(settings.store.save_path)
        probe_store(opened)
        return f"{opened.location} can be written, and honours conditional writes"

    def device() -> str:
        from job.device import choose_device  # loads torch, which nobody who only waits must pay for

        return f"training would use {choose_device(settings.compute.device)}"

    checks: dict[str, Callable[[], str]] = {"database": database, "store": store, "device": device}
    failures = {name: error for name, check in checks.items() if (error := _try(name, check)) is not None}
    if failures:
        first = next(iter(failures.values()))
        raise type(first)(
            f"{len(failures)} of {len(checks)} checks failed: {', '.join(failures)}.",
            remedy="Mend what is said above, and run it again.",
        )
    return ExitCode.DONE


def _try(name: str, check: Callable[[], str]) -> JobError | None:
    try:
        with interruption.at_once():
            print(f"ok      {name}: {check()}")
    except Interrupted:
        raise
    except JobError as error:
        print(f"failed  {name}: {error}")
        return error
    return None
