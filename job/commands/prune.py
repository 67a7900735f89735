"""``lorentzian prune``: delete old runs, and feature rows that nothing will read; never the ledger."""

from job import interruption
from job.artifacts.opening import open_store
from job.artifacts.store import ObjectStore
from job.commands.results import add_texts, results_console, results_table
from job.database import open_database
from job.errors import ExitCode
from job.pruning import WHY, PrunedRun, Selection, delete_run, select_runs
from job.report.numbers import count, megabytes
from job.run.attempt import now_ms
from job.run.promotion import promoted_runs
from job.settings.commands import PruneCommand
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[PruneCommand]) -> ExitCode:
    """Show what may go, and unless that is all that was asked for, delete it."""
    settings = loaded.settings
    store = open_store(settings.store.save_path)
    with interruption.at_once():
        selection = _select(store, settings)
    _print_runs(selection, store)
    if not settings.prune.dry_run:
        num_deleted = sum(_delete(store, pruned, settings) for pruned in selection.pruned)
        if selection.pruned:
            print(f"{_runs(num_deleted)} deleted.")
    if settings.prune.feature_sets:
        from job.commands.prune_features import prune_features

        # Runs may have been planned since: only what was unused before and is unused now may go.
        kept = (*selection.kept, *_select(store, settings).kept)
        with open_database(settings.database) as conninfo:
            prune_features(conninfo, kept, is_dry=settings.prune.dry_run)
    if settings.prune.dry_run:
        print("Nothing was deleted: this was a dry run.")
    return ExitCode.DONE


def _select(store: ObjectStore, settings: PruneCommand) -> Selection:
    return select_runs(
        store,
        keep_last=settings.prune.keep_last,
        promoted=promoted_runs(store, with_previous=settings.prune.keep_promoted),
        now_ms=now_ms(),
    )


def _delete(store: ObjectStore, pruned: PrunedRun, settings: PruneCommand) -> bool:
    """Delete one run, unless its model was promoted while others were being deleted; whether it has gone."""
    if pruned.run_id in promoted_runs(store, with_previous=settings.prune.keep_promoted):
        print(f"{pruned.run_id}: kept after all, its model has been promoted meanwhile")
        return False
    delete_run(store, pruned.run_id)
    return True


def _print_runs(selection: Selection, store: ObjectStore) -> None:
    pruned = selection.pruned
    if pruned:
        table = results_table("run", "objects", "size", "because", title=f"Runs to delete under {store.location}")
        for each in pruned:
            add_texts(table, each.run_id, count(each.num_objects), megabytes(each.num_bytes), WHY[each.why])
        results_console().print(table)
    num_objects, num_bytes = sum(each.num_objects for each in pruned), sum(each.num_bytes for each in pruned)
    print(
        f"{_runs(len(pruned))} to delete, {count(num_objects)} objects, {megabytes(num_bytes)}; "
        f"{_runs(len(selection.kept))} under {store.location} to keep, and all of the ledger."
    )


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{count(number)} runs"
