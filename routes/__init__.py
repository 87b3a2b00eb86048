"""HTTP in, HTTP out: load or refuse, validate, one service call, render or redirect."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Registers the blueprints."""
