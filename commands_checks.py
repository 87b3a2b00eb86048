"""The `flask verify` and `flask bench` commands: whether promises hold here, and how fast things are.

Both make their own databases; that of DATABASE_URL is never opened, and no file of INSTANCE_PATH read or made.
"""

import importlib
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from cryptography.fernet import Fernet
from flask import Flask

from config import Settings
from console import Command, print_json

#: options of `flask` itself that are followed by a value
WITH_VALUE = frozenset({"-A", "--app", "-e", "--env-file"})
#: what a shell says of who was interrupted
STOPPED = 128 + signal.SIGINT

NAMES = click.argument("names", nargs=-1)
LIST = click.option("--list", "only_list", is_flag=True, help="Say which there are, and do nothing.")


class Named(Settings):
    """Nothing but what is named: the environment is that of a real installation, which is left alone."""

    @classmethod
    def settings_customise_sources(  # type: ignore[override]
        cls, _settings_cls: Any, init_settings: Any, **_others: Any
    ) -> tuple[Any, ...]:
        return (init_settings,)


def init_app(app: Flask) -> None:
    app.cli.add_command(verify)
    app.cli.add_command(bench)


def settings_apart(arguments: Sequence[str]) -> Settings | None:
    """Those of an application that only finds these two commands, as `flask` needs one; None for any other command.

    `arguments`: of the process. Names files that do not exist and are not made.
    """
    if click.get_current_context(silent=True) is None or _command(arguments) not in ("verify", "bench"):
        return None
    folder = Path(tempfile.gettempdir(), f"airhorn-none-{os.getpid()}")
    return Named.load(
        _env_file=None,
        instance_path=folder,
        database_url=f"sqlite:///{folder / 'none.sqlite'}",
        secret_key="n" * 40,
        token_encryption_keys=Fernet.generate_key().decode(),
        scheduler="off",
    )


def _command(arguments: Sequence[str]) -> str | None:
    """What `flask` is asked to do: the first that belongs to no option."""
    rest = iter(arguments)
    for one in rest:
        if one in WITH_VALUE:
            next(rest, None)
        elif not one.startswith("-"):
            return one
    return None


@click.command("verify", cls=Command)
@NAMES
@LIST
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_context
def verify(context: click.Context, names: tuple[str, ...], only_list: bool, as_json: bool) -> None:
    """Check in scratch databases that statements, indexes, money, connections and kept numbers are as promised.

    Exit 1 when something is missed, or could not be checked.
    """
    checks = _module("benchmarks.verify")
    if _listed(names, {name: _first_line(act) for name, (act, _) in checks.CHECKS.items()}, only_list):
        return
    with _until_enough() as go_on:
        found = checks.verify(names, lambda one: _say(one, go_on, is_quiet=as_json))
    if as_json:
        print_json(checks.document(found))
    missed = sum(not one.is_met for one in found)
    if not as_json:
        click.echo(f"{missed} of {len(found)} checks missed." if missed else f"All {len(found)} checks hold.")
    context.exit(1 if missed else 0)


@contextmanager
def _until_enough() -> Iterator[Callable[[], None]]:
    """Ctrl+C ends it with a line, after what is under way at the latest: Python loses one while it tidies up.

    Yields what is to be called after each part.
    """
    has_enough = threading.Event()

    def stop(number: int, frame: Any) -> None:
        has_enough.set()
        signal.default_int_handler(number, frame)

    def go_on() -> None:
        if has_enough.is_set():
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield go_on
    except KeyboardInterrupt:
        click.echo("Stopped. What was made for it is gone.", err=True)
        raise click.exceptions.Exit(STOPPED) from None
    finally:
        signal.signal(signal.SIGINT, before)


def _say(one: Any, go_on: Callable[[], None], *, is_quiet: bool) -> None:
    go_on()
    if is_quiet:
        return
    click.echo(f"{'ok' if one.is_met else 'MISSED':8}{one.check:16}{one.engine:12}{one.seconds:6.1f} s  {one.said}")


@click.command("bench", cls=Command)
@NAMES
@LIST
@click.pass_context
def bench(context: click.Context, names: tuple[str, ...], only_list: bool) -> None:
    """Measure what is named, or everything, and write JSON to benchmarks/results.

    Exit 1 when a target is missed.
    """
    figures = _module("benchmarks.__main__")
    if not _listed(names, {name: figures.what(name) for name in figures.FIGURES}, only_list):
        with _until_enough() as go_on:
            code = figures.main(list(names), go_on)
        context.exit(code)


def _first_line(act: Any) -> str:
    return str(act.__doc__ or "").partition("\n")[0].rstrip(".")


def _listed(names: tuple[str, ...], known: dict[str, str], only_list: bool) -> bool:
    """`known`: what each looks at, in one line."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.ClickException(f"There is no “{unknown[0]}”. There are: {', '.join(known)}.")
    if only_list:
        click.echo("\n".join(f"{name:<16}{what}" for name, what in known.items()))
    return only_list


def _module(name: str) -> Any:
    """Measuring needs what the server does not; only who measures has it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise click.ClickException(f"{error}. Run “make setup”, which installs what measuring needs.") from None
