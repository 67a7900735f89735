"""What differs between Binance's spot market and its perpetual futures: addresses, pages and limits.

Limits are those that Binance documents for one address; see "Limits" in the REST documentation of each market.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

MarketName: TypeAlias = Literal["perp", "spot"]


@dataclass(frozen=True, kw_only=True)
class BinanceMarket:
    """One market's side of REST and of the public archive.

    Parameters
    ----------
    name : what users call it.
    rest_url, rest_path : host, and the path below it that every call starts with.
    archive_path : where its files lie in the archive.
    page_bars : most bars in one answer.
    weight_per_minute : request weight that one address may use in a minute.
    """

    name: MarketName
    rest_url: str
    rest_path: str
    archive_path: str
    page_bars: int
    weight_per_minute: int


MARKETS: dict[MarketName, BinanceMarket] = {
    "spot": BinanceMarket(
        name="spot",
        rest_url="https://api.binance.com",
        rest_path="/api",
        archive_path="data/spot",
        page_bars=1_000,
        weight_per_minute=6_000,
    ),
    "perp": BinanceMarket(
        name="perp",
        rest_url="https://fapi.binance.com",
        rest_path="/fapi",
        archive_path="data/futures/um",
        page_bars=1_500,
        weight_per_minute=2_400,
    ),
}
