import hashlib
from pathlib import Path

import pytest

from job.artifacts.keys import RunKeys
from job.artifacts.stored_records import record_bytes
from job.checkpoint import read_checkpoint
from job.commands import promote
from job.errors import ConfigError, DataError, ExitCode, TransientError
from job.prediction import promoting
from job.prediction.promoting import Occasion, promote_newest, promote_run
from job.records import CurrentModelRecord
from job.run.promotion import model_keys, read_current
from job.run.run import Run
from job.settings.commands import PromoteCommand
from job.settings.operation import StoreSettings
from job.settings.prediction import PromoteSettings, PromoteWhen
from job.settings.sources import LoadedSettings
from job.signals import NEVER
from tests.support.promoted import saved, twin_run
from tests.support.small_run import RUN_ID, copied

NOW_MS = 1_764_547_200_000


@pytest.fixture
def run(finalized_run: Run, tmp_path: Path) -> Run:
    """A finalized run in a folder of its own."""
    return copied(finalized_run, tmp_path)


def occasion(when: PromoteWhen = "always", now_ms: int = NOW_MS) -> Occasion:
    """Somebody decides."""
    return Occasion(by="anna", why="try it", when=when, now_ms=now_ms)


def current_of(run: Run) -> CurrentModelRecord | None:
    """What is in use."""
    return read_current(run.store, model_keys(run.plan.procedure))


def test_promotion_names_the_final_model_and_who_chose_it(run: Run) -> None:
    """Its key and bytes, the run's verdict, and the person's words."""
    promotion = promote_run(run.store, run.ledger, RUN_ID, occasion()).promotion
    assert promotion is not None and promotion.is_new
    current = current_of(run)
    assert current == promotion.current
    assert current is not None
    stored = run.store.get(current.model_key)
    assert stored is not None
    assert current.model_key == run.keys.best_model_final(run.plan.stamp)
    assert current.model_hash == hashlib.sha256(stored.data).hexdigest()
    assert (current.run_id, current.verdict, current.feature_set) == (RUN_ID, "no evidence", run.plan.feature_set)
    assert (current.promoted_by, current.why, current.promoted_at_ms) == ("anna", "try it", NOW_MS)
    again = promote_run(run.store, run.ledger, RUN_ID, occasion(now_ms=NOW_MS + 1)).promotion
    assert again is not None and not again.is_new and again.current == current


@pytest.mark.parametrize("when", ["weak", "evidence", "never"])
def test_verdict_that_is_not_good_enough_is_not_promoted(run: Run, when: PromoteWhen) -> None:
    """Which is no error, and says why."""
    decided = promote_run(run.store, run.ledger, RUN_ID, occasion(when))
    assert decided.promotion is None
    assert ("no evidence" in decided.why_not) == (when != "never")
    assert current_of(run) is None


def test_sweep_takes_the_newest_and_undoes_no_decision(run: Run) -> None:
    """Of two runs the later one; once somebody goes back, it stays until another run was planned."""
    created_ms = run.plan.created_at_ms
    twin_run(run, "newer", created_at_ms=created_ms + 10)
    swept = promote_newest(run.store, run.ledger, occasion(now_ms=created_ms + 20))
    assert [(each.run_id, each.promotion is not None) for each in swept] == [("newer", True)]
    current = current_of(run)
    assert current is not None and current.run_id == "newer"
    run.store.replace(
        model_keys(run.plan.procedure).current,
        record_bytes(current.model_copy(update={"run_id": RUN_ID, "promoted_at_ms": created_ms + 30})),
        etag=run.store.get(model_keys(run.plan.procedure).current).etag,  # type: ignore[union-attr]
    )
    (decided,) = promote_newest(run.store, run.ledger, occasion(now_ms=created_ms + 40))
    assert decided.promotion is None
    assert decided.why_not == "it was planned before run small was promoted"


def test_what_cannot_be_used_is_not_promoted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is not there or not finished, a torn model, one of other features, and one that vanishes meanwhile."""
    with pytest.raises(ConfigError, match="There is no run other"):
        promote_run(run.store, run.ledger, "other", occasion())
    manifest = run.store.get(run.keys.manifest)
    model_key = run.keys.best_model_final(run.plan.stamp)
    model = run.store.get(model_key)
    assert manifest is not None and model is not None
    run.store.delete(run.keys.manifest)
    with pytest.raises(TransientError, match="has no result yet"):
        promote_run(run.store, run.ledger, RUN_ID, occasion())
    run.store.put(run.keys.manifest, manifest.data)
    run.store.put(model_key, model.data + b"x")
    with pytest.raises(DataError, match="is not what the run's manifest says"):
        promote_run(run.store, run.ledger, RUN_ID, occasion())
    run.store.put(model_key, model.data)
    with monkeypatch.context() as patch:
        patch.setattr("job.features.definition.RULES_VERSION", 99)
        with pytest.raises(ConfigError, match="Run small was trained on feature set"):
            promote_run(run.store, run.ledger, RUN_ID, occasion())
    assert current_of(run) is None
    monkeypatch.setattr(promoting, "read_manifest", lambda *_: None)
    with pytest.raises(ConfigError, match="was deleted while it was promoted"):
        promote_run(run.store, run.ledger, RUN_ID, occasion())


@pytest.mark.parametrize(
    ("named", "when", "sentence"),
    [
        (RUN_ID, None, "small: in use for SYNUSDT 15m (synthetic) from now on; verdict: no evidence"),
        (None, None, "small: not promoted, --when is never"),
        (None, "weak", "small: not promoted, its verdict is `no evidence`"),
        (None, "always", "small: in use for SYNUSDT 15m (synthetic) from now on; verdict: no evidence"),
    ],
)
def test_naming_a_run_is_a_decision_and_naming_none_is_not(
    run: Run, named: str | None, when: PromoteWhen | None, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person's word promotes whatever the verdict; a cron promotes what it was told to, and nothing without."""
    settings = PromoteCommand(
        promote=PromoteSettings(promoted_run=named, when=when), store=StoreSettings(save_path=run.store.location)
    )
    assert promote.run(LoadedSettings(settings=settings, sources={})) is ExitCode.DONE
    assert capsys.readouterr().out.strip() == sentence
    current = current_of(run)
    assert (current is not None) == ("from now on" in sentence)
    assert current is None or current.promoted_by


def test_promotion_says_how_to_go_back_and_what_never_trades(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole command to go back; and of a model without thresholds, that it will want no position."""

    def promoted(run_id: str) -> str:
        settings = PromoteCommand(
            promote=PromoteSettings(promoted_run=run_id), store=StoreSettings(save_path=run.store.location)
        )
        assert promote.run(LoadedSettings(settings=settings, sources={})) is ExitCode.DONE
        return capsys.readouterr().out

    assert "back:" not in promoted(RUN_ID)
    twin_run(run, "newer", created_at_ms=run.plan.created_at_ms + 10)
    key = RunKeys("newer").best_model_final(run.plan.stamp)
    stored = run.store.get(key)
    assert stored is not None
    silent = saved(read_checkpoint(stored.data, where=key) | {"thresholds": {"buy": NEVER.buy, "sell": NEVER.sell}})
    monkeypatch.setattr(promoting, "stored_model_file", lambda *_: silent)
    said = promoted("newer")
    assert said.endswith(f"; back: lorentzian promote {RUN_ID} --save-path {run.store.location}\n")
    assert "it will want no position" in said


def test_sweep_goes_on_after_a_run_that_cannot_be_promoted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each market by itself; the command then ends with the worst of the errors, and names the run."""
    other = run.plan.procedure.market.model_copy(update={"venue": "elsewhere"})
    procedure = run.plan.procedure.model_copy(update={"market": other})
    plan = run.plan.model_copy(update={"run_id": "torn", "procedure": procedure})
    monkeypatch.setattr(promoting, "newest_runs", lambda _: [plan, run.plan])
    decided = promote_newest(run.store, run.ledger, occasion())
    assert [(each.run_id, each.promotion is not None, each.error is None) for each in decided] == [
        ("torn", False, False),
        (RUN_ID, True, True),
    ]
    settings = PromoteCommand(promote=PromoteSettings(when="always"), store=StoreSettings(save_path=run.store.location))
    with pytest.raises(TransientError, match="Not promoted: torn"):
        promote.run(LoadedSettings(settings=settings, sources={}))


def test_store_without_runs_has_nothing_to_promote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said, and no error: a cron may come before the first run."""
    settings = PromoteCommand(store=StoreSettings(save_path=str(tmp_path)))
    assert promote.run(LoadedSettings(settings=settings, sources={})) is ExitCode.DONE
    assert "There is no finished run" in capsys.readouterr().out
