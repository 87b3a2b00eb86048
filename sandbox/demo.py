"""`make run`: migrates and serves; without keys it starts the stand-ins too and makes a show of three hosts."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from sandbox import demo_show
from sandbox.demo_show import Kept
from sandbox.notify import BOT_TOKEN
from sandbox.processes import Children, Stop, await_page, is_free

ROOT = Path(__file__).resolve().parent.parent
#: with one of these this is no rehearsal
KEYS = ("YOUTUBE_API_KEY", "X_CLIENT_ID")
START_SECONDS = 60.0
ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

ABOUT_REHEARSAL = """
Airhorn is rehearsing with stand-ins for YouTube and X. Nothing leaves this machine.

  Airhorn       {airhorn}/     sign in with {email} and {password}
  Control room  {sandbox}/     press Go live: the posts of Ada and Bo are there within seconds; Cy is switched off

  Commands in another terminal:  . {env_file}  and then  {flask} --help
  Ctrl+C ends everything. For the real thing see README.md, "Going live for real".
"""
ABOUT_SERVING = """
Airhorn is on {airhorn}/     Ctrl+C ends it.
No account yet and no link above? {flask} users first-link
"""


def main() -> int:
    """Serves until it is told to end, or its terminal is closed. Exit 1 with one line on stderr when that cannot be."""
    for number in ENDINGS:
        signal.signal(number, _stop)
    try:
        with Children() as children:
            run(children)
    except Stop as stop:
        if stop.sentence:
            sys.stderr.write(f"{stop.sentence}\n")
        return stop.code
    return 0


def _stop(_number: int, _frame: object) -> None:
    # Told twice is no reason to leave somebody behind.
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    raise Stop


def run(children: Children) -> None:
    """Everything in order; ends with Stop."""
    given = {name: value for name, value in dotenv_values(ROOT / ".env").items() if value} | os.environ
    port = _port(given.get("PORT") or "5000")
    is_rehearsal = not any(given.get(key) for key in KEYS)
    for one in (port, port + 1) if is_rehearsal else (port,):
        if not is_free(one):
            other = f"PORT={port + 100} make run"
            takes = f" (a rehearsal takes {port} and {port + 1})" if is_rehearsal else ""
            raise Stop(f"Port {one} is in use by another program{takes}. Choose another one: {other}", code=1)
    airhorn = f"http://127.0.0.1:{port}"
    if is_rehearsal:
        _rehearse(children, given, port, airhorn)
        return
    # Links and the callback at X name the port that was asked for, unless an address is set.
    environment = {"PUBLIC_URL": given.get("PUBLIC_URL") or airhorn} | os.environ | {"PORT": str(port)}
    flask(environment, "db", "upgrade")
    _serve(children, environment, port)
    _say(ABOUT_SERVING, airhorn=airhorn)
    children.wait()


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65534):
        raise Stop(f"PORT must be a number from 1 to 65534, not “{text[:20]}”.", code=1)
    return int(text)


def _rehearse(children: Children, given: dict[str, str], port: int, airhorn: str) -> None:
    instance = Path(given.get("INSTANCE_PATH") or ROOT / "instance").absolute()
    sandbox = f"http://127.0.0.1:{port + 1}"
    kept = Kept.read(instance)
    control_room = ("-m", "sandbox", "--port", str(port + 1), "--state", str(kept.state_file), "--airhorn", airhorn)
    children.start(*control_room, env=dict(os.environ))
    settings = settings_of(instance, airhorn, sandbox)
    env_file = _write_env_file(instance, settings)
    environment = os.environ | settings
    await_page(f"{sandbox}/_control/state", children, START_SECONDS)
    if kept.is_new:
        sys.stdout.write("Making a demo show of three hosts, once. This takes a few seconds.\n")
        sys.stdout.flush()
    flask(environment, "db", "upgrade")
    if kept.is_new:
        ada = ("users", "create", demo_show.EMAIL, "--name", "Ada", "--admin", "--password-stdin")
        flask(environment, *ada, given=f"{kept.password}\n")
    demo_show.prepare(kept, sandbox, partial(_batch, environment))
    _serve(children, environment, port)
    _say(
        ABOUT_REHEARSAL,
        airhorn=airhorn,
        sandbox=sandbox,
        email=demo_show.EMAIL,
        password=kept.password,
        env_file=env_file,
    )
    children.wait()


def settings_of(instance: Path, airhorn: str, sandbox: str) -> dict[str, str]:
    """What points Airhorn at the stand-ins. Its database is not the one of the real thing."""
    return {
        "INSTANCE_PATH": str(instance),
        "DATABASE_URL": f"sqlite:///{instance / demo_show.DATABASE}",
        "PUBLIC_URL": airhorn,
        "SANDBOX_URL": sandbox,
        "YOUTUBE_API_KEY": demo_show.YOUTUBE_KEY,
        "YOUTUBE_API_URL": f"{sandbox}/youtube/v3",
        "YOUTUBE_WEB_URL": sandbox,
        "WEBSUB_HUB_URL": f"{sandbox}/subscribe",
        "X_CLIENT_ID": "sandbox-client",
        "X_CLIENT_SECRET": "sandbox-secret",
        "X_API_URL": sandbox,
        "X_AUTHORIZE_URL": f"{sandbox}/i/oauth2/authorize",
        "DISCORD_API_URL": sandbox,
        "SLACK_API_URL": sandbox,
        "TELEGRAM_API_URL": sandbox,
        "TELEGRAM_BOT_TOKEN": BOT_TOKEN,
        "HEARTBEAT_URL": f"{sandbox}/heartbeat",
        # A newcomer should see it happen: an unplanned start too is seen at the next check.
        "LIVE_CHECK_INTERVAL_SECONDS": os.environ.get("LIVE_CHECK_INTERVAL_SECONDS") or "2",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL") or "WARNING",
    }


def _write_env_file(instance: Path, settings: dict[str, str]) -> str:
    """For commands in another terminal: the same settings, as a shell reads them."""
    instance.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = instance / "rehearsal.env"
    lines = (f"export {name}='{value}'\n" for name, value in settings.items())
    path.write_text("# Written by `make run`: the settings of the rehearsal.\n" + "".join(lines), encoding="utf-8")
    return os.path.relpath(path)


def _serve(children: Children, environment: dict[str, str], port: int) -> None:
    children.start(
        *("-m", "gunicorn", "app:create_app()", "--bind", f"127.0.0.1:{port}", "--workers", "1"),
        *("--worker-class", "gthread", "--threads", "8", "--graceful-timeout", "25", "--log-level", "warning"),
        "--no-control-socket",
        env=environment,
    )
    await_page(f"http://127.0.0.1:{port}/healthz", children, START_SECONDS)


def _say(text: str, **values: str) -> None:
    executable = os.path.relpath(Path(sys.executable).with_name("flask"))
    sys.stdout.write(text.format(flask=executable, **values))
    sys.stdout.flush()


def flask(environment: dict[str, str], *arguments: str, given: str = "") -> str:
    """One command of Airhorn to its end; its standard output. Raises Stop with its own words when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app:create_app", *arguments],
        cwd=ROOT,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it did not say why"])[-1]
        raise Stop(f"flask {' '.join(arguments[:2])} failed. {last}", code=1)
    return done.stdout


def _batch(environment: dict[str, str], commands: list[list[str]]) -> list[Any]:
    """Several commands in one process: each start takes a second or two."""
    lines = "".join(json.dumps([*command, "--json"]) + "\n" for command in commands)
    return [json.loads(line) for line in flask(environment, "batch", given=lines).splitlines()]


if __name__ == "__main__":
    sys.exit(main())
