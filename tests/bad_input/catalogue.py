"""All bad inputs, kind by kind."""

from tests.bad_input import answers, checkpoints, files, settings, stored

INPUTS = (*settings.INPUTS, *files.INPUTS, *stored.INPUTS, *checkpoints.INPUTS, *answers.INPUTS)
