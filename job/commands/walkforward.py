"""``lorentzian walkforward``: train and test window after window on this machine, one market after the other."""

import shlex

from job.commands.results import results_console
from job.commands.several import for_each_market
from job.database import open_database
from job.errors import ExitCode
from job.execution.finalize import finalize
from job.execution.opening import address_of, named_run, open_run, plan_run
from job.execution.walkforward import FinishedRun, run_walkforward
from job.progress import track
from job.records import SummaryRecord
from job.report.terminal import print_summary
from job.settings.commands import WalkforwardCommand, WalkforwardsCommand
from job.settings.group import flags_of
from job.settings.procedure import MarketSettings
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[WalkforwardsCommand]) -> ExitCode:
    """Run the walk-forwards and print their verdicts."""
    settings = loaded.settings
    with open_database(settings.database) as conninfo:
        scan = _Scan(settings, conninfo)
        ended = for_each_market(settings.market.each, scan.walk)
        ended.said.update(scan.count_again())
    ended.tell()
    return ExitCode.DONE


class _Scan:
    """As many runs as markets, each a trial of the others."""

    def __init__(self, settings: WalkforwardsCommand, conninfo: str) -> None:
        self._settings, self._conninfo = settings, conninfo
        self._finished: dict[str, tuple[WalkforwardCommand, FinishedRun]] = {}

    def walk(self, market: MarketSettings) -> str:
        """Run one, and print what it found."""
        settings = self._settings_of(market)
        finished = run_walkforward(settings, self._conninfo, title=f"windows of {market.symbol}")
        if not finished.is_new:
            again = ["lorentzian", "finalize", "--run-id", finished.run_id, "--save-path", settings.run.save_path]
            print(
                f"Run {finished.run_id} is already done; nothing was changed. "
                f"`{shlex.join(again)}` counts trials that came later."
            )
        print_summary(finished.summary, results_console(), report=finished.report)
        print(f"Model: {finished.model} (the procedure fitted on the newest days; it has no test score of its own)")
        elsewhere = flags_of(settings.run, apart_from=("run_id",))
        if elsewhere:
            print(f"What is tried next is counted among its trials with `{elsewhere.strip()}`, where this run lies.")
        named = settings.model_copy(update={"run": settings.run.model_copy(update={"run_id": finished.run_id})})
        self._finished[market.symbol] = named, finished
        return _found(finished.summary)

    def count_again(self) -> dict[str, str]:
        """Judge anew the runs that found something when the others were not counted yet."""
        said: dict[str, str] = {}
        if len(self._settings.market.each) == 1:
            return said
        for symbol, (settings, finished) in self._finished.items():
            if finished.summary.verdict != "no evidence":
                opened = open_run(address_of(settings, plan_run(settings, self._conninfo), self._conninfo))
                with track(f"counting trials of {symbol}", settings.output) as tracker:
                    summary = finalize(opened, recount=True, tracker=tracker).summary
                assert summary is not None, "all of its windows had ended"
                said[symbol] = _found(summary)
        return said

    def _settings_of(self, market: MarketSettings) -> WalkforwardCommand:
        """The settings of one run; a name that was given is that of all, and takes the symbol on."""
        settings, name = self._settings, named_run(self._settings)
        if name is not None and len(settings.market.each) > 1:
            run = settings.run.model_copy(update={"run_id": f"{name}-{market.symbol}"})
            settings = settings.model_copy(update={"run": run})
        return settings.model_copy(update={"market": market})


def _found(summary: SummaryRecord) -> str:
    return f"{summary.verdict}, N = {summary.num_trials}"
