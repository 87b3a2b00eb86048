"""What every answer says to browsers: nothing from elsewhere, nothing inline, no frames, no copies of private pages."""

from flask import Flask, Response, g

from config import Settings

RULES = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self' data:",  # Bootstrap draws its own marks as data
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def policy(**changes: str) -> str:
    """The content security policy, with other values where named: `form_action="'self' https://x.com"`."""
    rules = RULES | {name.replace("_", "-"): value for name, value in changes.items()}
    return "; ".join(f"{name} {value}" for name, value in rules.items())


POLICY = policy()
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: over https the protection against forged forms compares it.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
HTTPS_FOR_A_YEAR = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


def always(settings: Settings) -> dict[str, str]:
    """What goes with every answer, files too."""
    return ALWAYS | (HTTPS_FOR_A_YEAR if settings.is_public else {})


def allow_form_to(origin: str) -> None:
    """Lets the forms of this answer lead to one other origin: browsers hold what a form redirects to as well to it."""
    g.form_action = f"'self' {origin}"


def hide_address() -> None:
    """For pages whose address holds a secret: what is asked from there says the origin, never the path.

    Not no-referrer: browsers would send their forms without an origin, which is what forged ones look like.
    """
    g.hide_address = True


def init_app(app: Flask, settings: Settings) -> None:
    """Adds the headers to every answer, errors too."""
    common = always(settings)

    @app.after_request
    def add(response: Response) -> Response:
        response.headers.update(common)
        if form_action := g.get("form_action"):
            response.headers["Content-Security-Policy"] = policy(form_action=form_action)
        if g.get("hide_address"):
            response.headers["Referrer-Policy"] = "strict-origin"
        # Nothing is kept, so the way back after signing out shows nothing either.
        response.headers.setdefault("Cache-Control", "no-store")
        response.vary.add("Cookie")
        return response
