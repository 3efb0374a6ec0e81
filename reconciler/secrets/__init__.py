"""Catalogue of secret sources: the first key of a reference, such as ``env``, names one."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.ports.secrets import SecretSource


def sources() -> Mapping[str, SecretSource]:
    """Every source by the key that names it in YAML."""
    from reconciler.secrets.env import EnvSource
    from reconciler.secrets.exec import ExecSource
    from reconciler.secrets.file import FileSource

    return {"env": EnvSource(), "file": FileSource(), "exec": ExecSource()}
