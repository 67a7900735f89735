"""The entry point: read the command line and settings, run the command, turn errors into exit codes.

Signals are set here, before anything slow is imported: in a container this process may be number 1, which the
kernel protects from signals that it has no handler for. Nothing is collected until a command is loaded: what loading
makes is kept, and to look through it for garbage, as often as it grows, is a tenth of a start.
"""

import gc
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn

from job.cli import COMMANDS, CommandLine, parse, settings_class
from job.errors import DISK_FULL, ConfigError, ExitCode, JobError
from job.interruption import at_once, request_cancel, request_termination
from job.termination_log import DEFAULT_PATH, write_termination_log


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run ``lorentzian`` and leave with one of the exit codes of `job.errors`."""
    gc.disable()
    signal.signal(signal.SIGTERM, request_termination)
    signal.signal(signal.SIGINT, request_cancel)
    if isinstance(sys.stdout, TextIOWrapper):  # it may be closed
        sys.stdout.reconfigure(errors="replace")  # what a terminal's encoding lacks is a question mark, and no error
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
    finally:
        gc.enable()
    raise SystemExit(int(code))


def _run(arguments: Sequence[str]) -> ExitCode:
    try:
        code = _run_arguments(arguments)
        sys.stdout.flush()  # here, where a reader that has gone is no surprise
        return code
    except KeyboardInterrupt:
        _say("Stopped by a second Ctrl-C.", "What was finished is kept, and the same command goes on from it.")
        return ExitCode.CANCELLED
    except JobError as error:
        _show_trace(arguments)
        _say(error.message, error.remedy)
        return error.exit_code
    except BrokenPipeError:
        # The reader of stdout has gone, such as `| head`: nothing is left to say, and nobody to say it to.
        _drop_output()
        return ExitCode.DONE
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug ends in one sentence and code 1
        _show_trace(arguments)
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            _drop_output()
            _say(
                f"There is no room left where {error.filename or 'output or a temporary file'} is written.",
                "Free some space and start the command again; finished work is kept.",
            )
            return ExitCode.UNAVAILABLE
        _say(
            f"This is a bug in lorentzian: {type(error).__name__}: {error}.",
            "Run it again with --debug, and report what it shows.",
        )
        return ExitCode.BUG


def _run_arguments(arguments: Sequence[str]) -> ExitCode:
    try:
        line = parse(arguments)
    except SystemExit:  # help or the version was printed
        return ExitCode.DONE
    return _run_command(line)


def _show_trace(arguments: Sequence[str]) -> None:
    if "--debug" in arguments or os.environ.get("LORENTZIAN_DEBUG", "").lower() in ("1", "true", "yes", "on"):
        traceback.print_exc()


def _run_command(line: CommandLine) -> ExitCode:
    from job.logs import configure_logs
    from job.settings.sources import load_settings
    from job.telemetry.telemetry import Telemetry

    loaded = load_settings(
        settings_class(line.name),
        command_name=line.name,
        commands={name: settings_class(name) for name in COMMANDS},
        flags=line.flags,
        environment=os.environ,
        config_file=line.config_file or os.environ.get("LORENTZIAN_CONFIG"),
    )
    output, telemetry = loaded.settings.output, Telemetry(line.name, loaded.settings)
    configure_logs(
        log_format=output.log_format, verbose=output.verbose, quiet=output.quiet, listeners=telemetry.listeners
    )
    try:
        with telemetry.told():
            with at_once():  # loading takes seconds, and many more on a busy node
                command = import_module(f"job.commands.{COMMANDS[line.name].module}")
            gc.freeze()
            gc.enable()
            code = command.run(loaded)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "job":
            raise
        raise ConfigError(
            f"`lorentzian {line.name}` needs the package {error.name!r}, which is not installed.",
            remedy="Run `pip install 'lorentzian-trainer[local]'`.",
        ) from error
    assert isinstance(code, ExitCode)
    return code


def _drop_output() -> None:
    """Let what stdout still holds go nowhere: Python writes it at the end, and would fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(message: str, remedy: str) -> None:
    sentence = f"{message} {remedy}".rstrip()
    print(f"lorentzian: {sentence}", file=sys.stderr)
    # From the environment alone: it may be the settings that cannot be read.
    write_termination_log(os.environ.get("LORENTZIAN_TERMINATION_LOG", DEFAULT_PATH), sentence)


if __name__ == "__main__":
    main()
