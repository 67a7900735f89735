"""Several things done one after the other: an error at one does not keep the others from being done."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from job import interruption
from job.commands.results import add_texts, results_console, results_table
from job.errors import ExitCode, Interrupted, JobError
from job.settings.procedure import MarketSettings

# What somebody who met several errors ends with: what needs a person most, and last what time may mend.
WORST_FIRST = (
    ExitCode.BUG,
    ExitCode.CONFIG,
    ExitCode.USAGE,
    ExitCode.CHECK_FAILED,
    ExitCode.NO_GPU,
    ExitCode.DATA,
    ExitCode.NO_DATA,
    ExitCode.UNAVAILABLE,
)


@dataclass(kw_only=True)
class Ended:
    """How each of several markets ended, in a few words, and the errors of those that failed."""

    said: dict[str, str] = field(default_factory=dict)
    failed: dict[str, JobError] = field(default_factory=dict)

    def tell(self) -> None:
        """Print a row a market where there were several; raise the worst error where there was any."""
        if len(self.said) > 1:
            num_done = len(self.said) - len(self.failed)
            table = results_table("market", "ended", title=f"{num_done} of {len(self.said)} markets are done")
            for symbol, said in self.said.items():
                add_texts(table, symbol, said)
            results_console().print(table)
        raise_worst(self.failed, what="Failed")


def for_each_market(markets: Sequence[MarketSettings], act: Callable[[MarketSettings], str]) -> Ended:
    """Do something for every market; the error of a single one is raised at once.

    Parameters
    ----------
    act : says in a few words what came of it.
    """
    ended = Ended()
    for market in markets:
        interruption.check()
        try:
            ended.said[market.symbol] = act(market)
        except Interrupted:
            raise
        except JobError as error:
            if len(markets) == 1:
                raise
            ended.failed[market.symbol] = error
            ended.said[market.symbol] = f"failed: {error.message}"
            print(f"{market.symbol}: {error.message}")
    return ended


def raise_worst(failed: Mapping[str, JobError], *, what: str) -> None:
    """Raise the error that needs a person most, with the names of all that met one; nothing where none did.

    Parameters
    ----------
    failed : the error of each, by name.
    what : what did not happen to them, as the sentence begins.
    """
    if failed:
        worst = min(failed.values(), key=lambda error: WORST_FIRST.index(error.exit_code))
        raise type(worst)(f"{what}: {', '.join(failed)}. {worst.message}", remedy=worst.remedy)
