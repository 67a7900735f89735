"""One market after the other: what fails keeps no other from being done, and the worst error is the last word."""

import pytest

from job.commands.several import for_each_market
from job.errors import ConfigError, Terminated, TransientError
from job.settings.procedure import MarketSettings, MarketsSettings

ERRORS = {
    "BADUSDT": TransientError("It is away.", remedy="Wait."),
    "WORSEUSDT": ConfigError("It is set wrong.", remedy="Set it."),
    "STOPUSDT": Terminated("Stopped."),
}


def act(market: MarketSettings) -> str:
    """Fail where the name says so."""
    if market.symbol in ERRORS:
        raise ERRORS[market.symbol]
    return f"looked beside {','.join(market.context_symbols)}"


def markets(symbols: str) -> tuple[MarketSettings, ...]:
    """Settings of each."""
    return MarketsSettings(symbol=symbols, interval="15m").each


def test_settings_of_each_market_differ_in_the_symbol_alone() -> None:
    """Blanks and repetitions are nobody's symbols, and none is its own context."""
    several = MarketsSettings(symbol=" SOLUSDT, ETHUSDT,,SOLUSDT ", interval="15m", venue="v")
    assert several.each == tuple(
        MarketSettings(symbol=symbol, interval="15m", venue="v") for symbol in ("SOLUSDT", "ETHUSDT")
    )
    assert several.each[1].context_symbols == ("BTCUSDT",)
    for bad in ("", "sol", "SOLUSDT;ETHUSDT"):
        with pytest.raises(ValueError, match="pattern"):
            MarketsSettings(symbol=bad)


def test_every_market_is_done_and_the_worst_error_raised(capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each, in order; then the error that needs a person, with the names of all that failed."""
    ended = for_each_market(markets("SOLUSDT,BADUSDT,WORSEUSDT,ETHUSDT"), act)
    with pytest.raises(ConfigError, match=r"Failed: BADUSDT, WORSEUSDT. It is set wrong.") as caught:
        ended.tell()
    assert caught.value.remedy == "Set it."
    out = capsys.readouterr().out
    assert "2 of 4 markets are done" in out
    rows = [line.split()[0] for line in out.splitlines() if line[:1].isupper() and "USDT " in line]
    assert rows == ["SOLUSDT", "BADUSDT", "WORSEUSDT", "ETHUSDT"]


def test_a_single_market_is_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    """Its error is its own, and there is no table."""
    for_each_market(markets("SOLUSDT"), act).tell()
    assert capsys.readouterr().out == ""
    with pytest.raises(TransientError, match=r"^It is away\."):
        for_each_market(markets("BADUSDT"), act)


def test_a_request_to_stop_ends_all() -> None:
    """No market after it is begun."""
    begun: list[str] = []

    def noted(market: MarketSettings) -> str:
        begun.append(market.symbol)
        return act(market)

    with pytest.raises(Terminated):
        for_each_market(markets("STOPUSDT,SOLUSDT"), noted)
    assert begun == ["STOPUSDT"]
