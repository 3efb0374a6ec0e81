"""``{file: PATH}``: one secret in one file that only its owner may read."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from reconciler.errors import SecretError
from reconciler.model.secret import Secret, SecretRef
from reconciler.secrets.accept import MOST_BYTES, accept, refused, without_newline

_FOREIGN_BITS = stat.S_IRWXG | stat.S_IRWXO


class FileSource:
    """Files of mode 0600. Symbolic links are followed and stay."""

    can_write = True

    def read(self, ref: SecretRef) -> Secret | None:
        """The file's content without one line break at its end; None when there is no file.

        Raises:
            SecretError: others may read it, it is no file, it cannot be read, or its content
                cannot be a credential.
        """
        try:
            # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
            file = os.open(ref.location[0], os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise _failed(ref, "read", error) from error
        try:
            _check_file(ref, file)
            with open(file, "rb", closefd=False) as opened:
                raw = opened.read(MOST_BYTES + len(b"\r\n") + 1)
        except OSError as error:
            raise _failed(ref, "read", error) from error
        finally:
            os.close(file)
        return accept(without_newline(raw), ref)

    def write(self, ref: SecretRef, secret: Secret) -> None:
        """Replace the file in one instant; it and folders that are missing belong to us alone.

        Nothing is put after the value: whoever else reads the file gets exactly the secret.

        Raises:
            SecretError: it cannot be written, or the value could not be read back.
        """
        raw = secret.reveal().encode()
        if accept(raw, ref) is None:
            raise refused(ref, "a secret cannot be emptied", "remove it instead")
        try:
            target = Path(os.path.realpath(ref.location[0]))
            _create_folders(target.parent)
            _replace(target, raw)
        except (OSError, ValueError) as error:
            raise _failed(ref, "written", error) from error

    def remove(self, ref: SecretRef) -> None:
        """Delete the file. Already gone is success. Raises SecretError."""
        target = Path(os.path.realpath(ref.location[0]))
        try:
            target.unlink()
            _sync_folder(target.parent)
        except (FileNotFoundError, NotADirectoryError):
            return
        except (OSError, ValueError) as error:
            raise _failed(ref, "removed", error) from error


def _check_file(ref: SecretRef, file: int) -> None:
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        raise refused(ref, "it is not a regular file", "name the file that holds the secret")
    # Secrets that Kubernetes and Docker mount are read-only: their mode is not ours to mend.
    read_only = os.fstatvfs(file).f_flag & os.ST_RDONLY
    if found.st_mode & _FOREIGN_BITS and not read_only:
        raise refused(
            ref,
            f"others may read it (mode {stat.S_IMODE(found.st_mode):04o})",
            f"run `chmod 600 {ref.location[0]}`; where the file system keeps no modes, "
            "use an `env` or `exec` reference",
        )


def _replace(target: Path, raw: bytes) -> None:
    # mkstemp creates with mode 0600, whatever the umask.
    file, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(file, "wb") as opened:
            opened.write(raw)
            opened.flush()
            os.fsync(file)
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename or removal in *folder* survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _create_folders(folder: Path) -> None:
    missing = [f for f in (folder, *folder.parents) if not f.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def _failed(ref: SecretRef, done: str, error: Exception) -> SecretError:
    why = error.strerror if isinstance(error, OSError) else "the path is not a path"
    return refused(ref, f"it cannot be {done}: {why}", "check the path, its folder and permissions")
