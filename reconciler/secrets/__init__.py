"""Catalogue of secret sources: the first key of a reference, such as ``env``, names one."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.ports.secrets import SecretSource


def sources() -> Mapping[str, SecretSource]:
    """Every source by the key that names it in YAML.

    Cheap: the packages behind ``vault``, ``aws`` and ``keyring`` are optional, and imported when
    the first reference is read. Each call gives sources of its own, with connections of their own.
    """
    from reconciler.secrets.aws import AwsSource
    from reconciler.secrets.env import EnvSource
    from reconciler.secrets.exec import ExecSource
    from reconciler.secrets.file import FileSource
    from reconciler.secrets.keyring import KeyringSource
    from reconciler.secrets.vault import VaultSource

    return {
        "env": EnvSource(),
        "file": FileSource(),
        "exec": ExecSource(),
        "vault": VaultSource(),
        "aws": AwsSource(),
        "keyring": KeyringSource(),
    }
