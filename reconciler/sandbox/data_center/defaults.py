"""What a fresh Data Center instance holds. Everything but secrets follows from the seed."""

from __future__ import annotations

from reconciler.sandbox.data_center.estate import READERS
from reconciler.sandbox.data_center.instance import Instance

_PROJECTS = {
    "PAY": ("Payments", ("payments-api", "payments-web", "ledger", "tools")),
    "OPS": ("Operations", ("deploy", "shared-auth", "tools")),
    "DOCS": ("Documentation", ("handbook",)),
}
ADMIN, ADA, SCANNER, READER = "admin", "ada", "svc-scanner", "svc-reader"


def furnish(instance: Instance, credentials: dict[str, str]) -> None:
    """Make users, projects, repositories and the credentials that the sandbox hands out."""
    credentials["DC_ADMIN_PASSWORD"] = instance.add_user(
        ADMIN, display_name="Administrator", admin=True
    )
    instance.add_user(ADA, display_name="Ada Okafor")
    credentials["DC_SCANNER_PASSWORD"] = instance.add_user(
        SCANNER, display_name="Scanner Service", groups=(READERS,)
    )
    instance.add_user(READER, display_name="Reader Service", groups=(READERS,))
    for key, (name, slugs) in _PROJECTS.items():
        instance.create_project(key, name)
        for slug in slugs:
            instance.create_repository(key, slug)
    instance.create_repository("PAY", "payments-legacy", archived=True)
    instance.create_project("~ADA", "Okafor, Ada", owner=ADA)
    instance.create_repository("~ADA", "sketches")
    instance.create_repository("~ADA", "ledger", fork_of="PAY/ledger")
    instance.grant("PROJECT_WRITE", user=SCANNER, project="PAY")
    instance.grant("PROJECT_ADMIN", user=ADA, project="PAY")
    instance.grant("PROJECT_WRITE", user=ADA, project="OPS")
    reader = instance.mint_token(READER, name="reader of the reconciler", expiry_days=None)
    scanner = instance.mint_token(SCANNER, name="scanner", expiry_days=365)
    credentials["DC_READER_TOKEN"] = reader.token
    credentials["DC_SCANNER_TOKEN"] = scanner.token
    credentials["DC_SCANNER_OAUTH"] = instance.mint_oauth_grant(SCANNER).token
