"""``{exec: [PROGRAM, ARGUMENT…]}``: a helper of the user's that prints one secret. Read-only.

The program is started without a shell, in the current folder, with our environment and an empty
standard input. It has 30 seconds and may print 64 KiB. Exit status 0 with output is the secret,
0 without output means that there is none; any other status is an error.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from typing import Final

from reconciler.errors import TEXT_LIMIT, SecretError
from reconciler.model.secret import KNOWN, Scrubber, Secret, SecretRef
from reconciler.secrets.accept import MOST_BYTES, accept, refused, without_newline

TIMEOUT_S: Final = 30.0
_CHUNK: Final = 8192


class ExecSource:
    """Runs helpers, each anew for every reading."""

    can_write = False

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        """Give every helper *timeout_s* seconds."""
        self._timeout_s = timeout_s

    def read(self, ref: SecretRef) -> Secret | None:
        """What the helper printed, without one line break at its end.

        Raises:
            SecretError: it could not be started, failed, took too long or printed too much.
        """
        status, output, complaint = self._run(ref)
        if status != 0:
            said = _readable(output, complaint)
            ended = f"signal {-status}" if status < 0 else f"status {status}"
            raise refused(
                ref,
                f"the helper ended with {ended}{said}",
                "run the helper by hand; it must print the secret and exit with 0",
            )
        return accept(without_newline(output), ref)

    def write(self, ref: SecretRef, secret: Secret) -> None:
        """Always refuses."""
        del secret
        raise refused(
            ref,
            "it cannot be written from here",
            "store it where the helper reads it, or use a `file` reference",
        )

    def remove(self, ref: SecretRef) -> None:
        """Refuses while the helper still prints a secret."""
        if self.read(ref) is not None:
            raise refused(
                ref,
                "it cannot be removed from here",
                "remove it where the helper reads it",
            )

    def _run(self, ref: SecretRef) -> tuple[int, bytes, bytes]:
        deadline = time.monotonic() + self._timeout_s
        try:
            process = subprocess.Popen(  # noqa: S603  an argument list of the user's own YAML
                ref.location,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise _unstartable(ref, error) from error
        with process:
            try:
                output, complaint = self._collect(ref, process, deadline)
                return process.wait(max(0.0, deadline - time.monotonic())), output, complaint
            except BaseException as error:
                # Also what the helper itself has started.
                os.killpg(process.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    raise self._too_slow(ref) from None
                raise

    def _collect(
        self, ref: SecretRef, process: subprocess.Popen[bytes], deadline: float
    ) -> tuple[bytes, bytes]:
        """Read both outputs to their ends, bounded in time and size."""
        pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe is not None]
        output, complaint = bytearray(), bytearray()
        with selectors.DefaultSelector() as waiting:
            for pipe, kept in zip(pipes, (output, complaint), strict=True):
                waiting.register(pipe, selectors.EVENT_READ, kept)
            while waiting.get_map():
                left = deadline - time.monotonic()
                ready = waiting.select(left) if left > 0 else []
                if not ready:
                    raise self._too_slow(ref)
                for key, _ in ready:
                    chunk = os.read(key.fd, _CHUNK)
                    key.data.extend(chunk)
                    if not chunk:
                        waiting.unregister(key.fileobj)
                if len(output) > MOST_BYTES + len(b"\r\n"):
                    raise refused(ref, "it is longer than 64 KiB", "print the secret alone")
                del complaint[MOST_BYTES:]
        return bytes(output), bytes(complaint)

    def _too_slow(self, ref: SecretRef) -> SecretError:
        return refused(
            ref,
            f"the helper did not end within {self._timeout_s:g} s",
            "it must not ask questions; run it by hand to see what it waits for",
        )


def _unstartable(ref: SecretRef, error: Exception) -> SecretError:
    why = error.strerror if isinstance(error, OSError) else "an argument is not text"
    return refused(
        ref,
        f"the helper cannot be started: {why}",
        "give the program's full path, or one that is in PATH, and each argument apart",
    )


def _readable(output: bytes, complaint: bytes) -> str:
    """The helper's complaint on one line, cut, without anything that it gave as the secret."""
    own = Scrubber()
    for line in output.decode(errors="replace").splitlines():
        own.learn(line)
    words = own.scrub(KNOWN.scrub(complaint.decode(errors="replace"))).split()
    clean = "".join(c if c.isprintable() else "?" for c in " ".join(words))
    return f": {clean[:TEXT_LIMIT]}" if clean else ""
