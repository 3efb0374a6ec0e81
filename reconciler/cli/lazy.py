"""A click group that imports a command only when it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple, cast

import click

from reconciler.cli.friendly import friendly_errors


class Entry(NamedTuple):
    """Where a command lives and what the list of commands says of it."""

    module: str
    short_help: str


class LazyGroup(click.Group):
    """Knows names and short helps from a table; each module exports ``command``."""

    def __init__(self, *args: Any, table: Mapping[str, Entry], **kwargs: Any) -> None:
        """Keep the table; its order is that of the help."""
        super().__init__(*args, **kwargs)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in the order of the table."""
        del ctx
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of *cmd_name*."""
        del ctx
        entry = self.table.get(cmd_name)
        return None if entry is None else cast("click.Command", import_module(entry.module).command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.short_help) for name, entry in self.table.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is no such one."""
        if args[0] not in self.table and not args[0].startswith("-"):
            from reconciler.model.suggest import suggestion

            hint = suggestion(args[0], self.table, what="commands")
            ctx.fail(f"there is no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        *rest: Any,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and end the process with the code that the command returned."""
        del rest
        if not standalone_mode:
            return super().main(args, prog_name, standalone_mode=False, **extra)
        with friendly_errors():
            code = super().main(args, prog_name, standalone_mode=False, **extra)
        raise SystemExit(code if isinstance(code, int) else 0)
