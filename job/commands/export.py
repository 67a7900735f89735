"""``lorentzian export``: a model as a file that torch alone reads, for programs without this package."""

from pathlib import Path

from job import interruption
from job.artifacts.keys import ModelKeys
from job.artifacts.opening import open_store
from job.commands.output_file import write_file
from job.errors import ConfigError, ExitCode
from job.prediction.export import exported_bytes
from job.prediction.model_source import find_model
from job.settings.commands import ExportCommand
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[ExportCommand]) -> ExitCode:
    """Write the file."""
    settings = loaded.settings
    choice, export = settings.model, settings.export
    with interruption.at_once():
        market = ModelKeys(venue=choice.venue, symbol=choice.symbol, interval=choice.interval)
        found = find_model(choice.model, open_store(settings.store.save_path), market)
        data = exported_bytes(found.model, export.format)
        out = Path(export.out or f"{found.model.kind}-{found.model.identity}.{export.format}").expanduser()
        try:
            write_file(out, data)
        except OSError as error:
            raise ConfigError(f"{out} cannot be written: {error.strerror}.", remedy="Check --out.") from error
    print(f"{out}: {found.model.kind} of {found.where}, {len(data):,} bytes, as {export.format}")
    return ExitCode.DONE
