"""What every trouble means, and what to do about it."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from services.causes import SECTIONS

bp = Blueprint("help", __name__)


@bp.get("/troubleshooting")
def troubleshooting() -> ResponseReturnValue:
    return render_template("help/troubleshooting.html", sections=SECTIONS)
