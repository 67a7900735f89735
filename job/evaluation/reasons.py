"""Why a number does not exist, in words, wherever they are read: a verdict, a table, a picture."""

REASONS = {
    "no_trades": "no trades",
    "no_losses": "no losses",
    "no_wins": "no wins",
    "no_stop": "no stop-loss is set",
    "no_target": "no take-profit is set",
    "no_drawdown": "no drawdown",
    "no_edge_before_costs": "no edge even without costs",
    "zero_variance": "never varies",
    "too_short": "too few days",
    "one_class": "labels of one side only",
    "constant_forecast": "forecast never varies",
    "certain_prior": "prior is certain",
    "extreme_moments": "returns too extreme",
    "not_above_benchmark": "not above zero",
    "too_few_trials": "too few trials",
    "too_few_windows": "too few windows before it",
}


def reason_words(reason: str | None) -> str:
    """A reason in words; one that is new here is written as it is."""
    return REASONS.get(reason or "", (reason or "unknown").replace("_", " "))
