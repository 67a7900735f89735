"""The CSV of windows: what was computed can be read back, to the last bit."""

import io

import pandas as pd

from job.report.window_table import EXPLAINED, window_metrics_csv
from tests.support.runs import TRADED, blended_run, example_run, flat_run, searched_run


def test_window_metrics_csv_reads_back_equal() -> None:
    """Every validation and test metric of every window is there, beside each other, and exactly equal."""
    run = example_run(5)
    table = pd.read_csv(io.BytesIO(window_metrics_csv(run.plan, run.windows)))
    assert len(table) == 5
    for window, (_, row) in zip(run.windows, table.iterrows(), strict=True):
        model = window.models[TRADED]
        for span, measures in (("validation", model.validation), ("test", model.test)):
            for name, measure in measures.items():
                cell = row[f"{span}_{name}"]
                assert pd.isna(cell) if measure.value is None else cell == measure.value
                if name in EXPLAINED and measure.value is None:
                    assert row[f"{span}_{name}_reason"] == measure.reason
        assert row["selected_on"] == "validation"
        assert pd.Timestamp(row["test_start"]).timestamp() * 1000 == window.span.test_start_ms


def test_window_metrics_csv_is_plain_and_repeats() -> None:
    """The same windows give the same bytes, with Unix line ends and the promised first columns."""
    run = example_run(3)
    data = window_metrics_csv(run.plan, run.windows)
    assert data == window_metrics_csv(run.plan, run.windows)
    assert b"\r" not in data
    assert data.endswith(b"\n")
    head = data.decode().splitlines()[0].split(",")
    assert head[:6] == ["window", "train_start", "test_start", "test_end", "finished", "selected_on"]
    assert head.index("test_sharpe_ratio") > head.index("validation_sharpe_ratio") > head.index("best_epoch")


def test_window_metrics_csv_leaves_undefined_cells_empty() -> None:
    """Without trades a win rate is an empty cell with its reason, and thresholds are empty, never 0."""
    run = flat_run()
    table = pd.read_csv(io.BytesIO(window_metrics_csv(run.plan, run.windows)))
    assert table["test_win_rate"].isna().all()
    assert (table["test_win_rate_reason"] == "no_trades").all()
    assert table["buy"].isna().all()


def test_window_metrics_csv_has_a_row_for_a_failed_window() -> None:
    """A window that did not finish keeps its row, with its dates and nothing else."""
    run = example_run(3, failed=(1,))
    table = pd.read_csv(io.BytesIO(window_metrics_csv(run.plan, run.windows)))
    assert table["finished"].tolist() == [True, False, True]
    assert table.loc[1, "test_start"].endswith("Z")
    assert table.loc[1].drop(["window", "train_start", "test_start", "test_end", "finished"]).isna().all()


def test_window_metrics_csv_shows_training_beside_validation_and_test() -> None:
    """The log-loss of training stands first of the three, and is the last one of the fit that was tested."""
    run = example_run(3)
    data = window_metrics_csv(run.plan, run.windows)
    table = pd.read_csv(io.BytesIO(data))
    assert table["train_log_loss"].tolist() == [window.loss_curves[-1].training[-1] for window in run.windows]
    head = list(table.columns)
    place = head.index("train_log_loss")
    assert head[place : place + 3] == ["train_log_loss", "validation_log_loss", "test_log_loss"]
    without = tuple(window.model_copy(update={"loss_curves": ()}) for window in run.windows)
    assert pd.read_csv(io.BytesIO(window_metrics_csv(run.plan, without)))["train_log_loss"].isna().all()


def test_window_metrics_csv_shows_what_a_blend_weighs() -> None:
    """A column a member and whether the blend was kept; other runs have no such columns."""
    run = blended_run(3)
    table = pd.read_csv(io.BytesIO(window_metrics_csv(run.plan, run.windows)))
    assert table["weight_vote"].tolist() == [0.0, 0.25, 0.25]
    assert table["weight_trees"].tolist() == [1.0, 0.75, 0.75]
    assert table["blend_kept"].tolist() == [False, True, True]
    plain = example_run(3)
    assert b"weight_" not in window_metrics_csv(plain.plan, plain.windows)


def test_window_metrics_csv_shows_what_a_search_has_chosen() -> None:
    """The candidate's number, and what it changes of the settings as given; other runs have no such columns."""
    run = searched_run(3)
    table = pd.read_csv(io.BytesIO(window_metrics_csv(run.plan, run.windows)), keep_default_na=False)
    assert table["search_chosen"].tolist() == [0, 2, 2]
    assert table["search_changes"].tolist() == ["", "lr=0.01 hidden=64", "lr=0.01 hidden=64"]
    assert b"search_" not in window_metrics_csv(example_run(1).plan, example_run(1).windows)
