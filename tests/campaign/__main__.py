"""``python -m tests.campaign kills --kills 200 --terms 50 --seed 0``: the whole campaign, in half an hour or so."""

import argparse
import signal
import sys

from tests.campaign import data_kills, kills, model_kills

CAMPAIGNS = {"kills": kills, "data": data_kills, "models": model_kills}


def main() -> None:
    """Run what the command line names; a traceback and 1 where it does not end as it must."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True)
    for name, module in CAMPAIGNS.items():
        module.add_arguments(commands.add_parser(name, description=module.__doc__))
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and folders do not outlive it
    CAMPAIGNS[arguments.name].run(arguments)


if __name__ == "__main__":
    main()
