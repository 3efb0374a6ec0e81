"""``reconciler completion``."""

from __future__ import annotations

import click

from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import examples
from reconciler.cli.output import emit

SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion",
    epilog=examples(
        'eval "$(reconciler completion bash)"',
        "reconciler completion zsh > ~/.zfunc/_reconciler",
        "reconciler completion fish > ~/.config/fish/completions/reconciler.fish",
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print the script that makes SHELL complete commands and options."""
    from click.shell_completion import ShellComplete, get_completion_class

    found = get_completion_class(shell)
    if found is None:  # click ships all of SHELLS
        raise click.UsageError(f"click has no completion for {shell}")
    script: ShellComplete = found(ctx.find_root().command, {}, "reconciler", "_RECONCILER_COMPLETE")
    emit(f"{script.source_template % script.source_vars()}\n")
    return Exit.DONE
