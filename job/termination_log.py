"""The sentence that ``kubectl describe pod`` shows of a pod that failed.

Kubernetes mounts a file into each container, and shows what the container left in it. Where nobody has made that
file nobody reads it, so it is never created here.
"""

import os
from contextlib import suppress

DEFAULT_PATH = "/dev/termination-log"
MAX_BYTES = 4096  # as much as the kubelet keeps


def write_termination_log(path: str, sentence: str) -> None:
    """Leave a sentence in the file, cut to what is kept; nothing happens where the file is not there to be written.

    Parameters
    ----------
    sentence : what went wrong and what to do, as `job.errors` words it; without a secret.
    """
    kept = sentence.encode()[:MAX_BYTES].decode(errors="ignore").encode()  # never half a character
    with suppress(OSError, ValueError):
        # Without O_CREAT, so outside of a pod nothing appears; a pipe or a terminal would be waited for.
        file = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NONBLOCK)
        with os.fdopen(file, "wb") as opened:
            opened.write(kept)
