"""Static files: each under an address that changes with its content, compressed once, kept by browsers for good."""

import gzip
import hashlib
import logging
import os
import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, NoReturn

import flask_bootstrap
from flask import Flask, abort
from whitenoise import WhiteNoise
from whitenoise.responders import StaticFile

from config import ROOT

log = logging.getLogger(__name__)

#: endpoint → address, folder, and what of it is served; of Bootstrap only the style is used
SOURCES = {
    "static": ("/static/", ROOT / "static", "**/*"),
    "bootstrap.static": (
        "/bootstrap/static/",
        Path(flask_bootstrap.__file__).parent / "static" / "bootstrap5",
        "css/bootstrap.min.css",
    ),
}
PREFIXES = tuple(prefix for prefix, _, _ in SOURCES.values())
FOR_GOOD = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    """One file: its name with the digest of its content in it, and where it is."""

    name: str
    url: str
    path: Path
    digest: str


def init_app(app: Flask, *, compressed: Path, headers: Mapping[str, str]) -> None:
    """Serves the files before anything else looks at the request: no session, no database. Costs nothing until asked.

    `compressed` is a folder for the compressed copies, shared by all processes; `headers` go with every file.
    """
    app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=_nothing)
    app.view_functions["bootstrap.static"] = _nothing  # it would serve all of Bootstrap, under lasting names
    app.url_defaults(_with_digest)
    app.wsgi_app = Assets(app.wsgi_app, compressed, headers)  # type: ignore[method-assign]


def _nothing(filename: str) -> NoReturn:  # noqa: ARG001 - the route's
    abort(404)


def _with_digest(endpoint: str, values: dict[str, Any]) -> None:
    """Makes `url_for("static", filename="a/b.css")` lead to the file as it is now."""
    if endpoint in SOURCES and (asset := assets().get((endpoint, values.get("filename", "")))):
        values["filename"] = asset.name


@cache
def assets() -> dict[tuple[str, str], Asset]:
    """(endpoint, name as templates write it) → file. Read once per process."""
    found = {}
    for endpoint, (prefix, folder, pattern) in SOURCES.items():
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and not path.name.startswith("."):
                plain = path.relative_to(folder)
                digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
                name = plain.with_name(f"{plain.stem}.{digest}{plain.suffix}").as_posix()
                found[endpoint, plain.as_posix()] = Asset(name, f"{prefix}{name}", path, digest)
    return found


class Assets(WhiteNoise):  # type: ignore[misc]  # whitenoise is not typed
    """Answers for the files in `assets()`; everything else is the application's."""

    def __init__(self, application: Any, compressed: Path, headers: Mapping[str, str]) -> None:
        super().__init__(application)
        self._folder, self._headers = compressed, headers
        self._lock, self._is_ready = Lock(), False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or not environ.get("PATH_INFO", "").startswith(PREFIXES):
            return self.application(environ, start_response)
        with self._lock:
            if not self._is_ready:
                self.files = {asset.url: self._served(asset) for asset in assets().values()}
                self._is_ready = True
        return super().__call__(environ, start_response)

    def _served(self, asset: Asset) -> StaticFile:
        about = {
            **self._headers,
            "Content-Type": _content_type(self.media_types.get_type(str(asset.path))),
            "Cache-Control": FOR_GOOD,
            "ETag": f'"{asset.digest}"',
        }
        copy = self._compressed(asset)
        return StaticFile(str(asset.path), list(about.items()), encodings={"gzip": str(copy)} if copy else None)

    def _compressed(self, asset: Asset) -> Path | None:
        """The compressed copy; processes that start at once make the same one. None: the file goes as it is."""
        copy = self._folder / f"{asset.digest}.gz"
        if copy.is_file():
            return copy
        fresh = copy.with_name(f"{copy.name}.{secrets.token_hex(4)}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh.write_bytes(gzip.compress(asset.path.read_bytes(), 9, mtime=0))
            os.replace(fresh, copy)
        except OSError as error:
            log.warning("a static file is served uncompressed", extra={"file": str(asset.path), "error": str(error)})
            return None
        return copy


def _content_type(kind: str) -> str:
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
