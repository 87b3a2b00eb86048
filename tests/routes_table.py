"""Who may use which route: every endpoint has its line, and the generated tests hold the application to it."""

#: endpoint → "open" (nobody has to be signed in), "anyone" (who is signed in), "member" and "admin" of the podcast in
#: its address, "site_admin" (of the server)
ROUTES: dict[str, str] = {
    "admin.people": "site_admin",
    "auth.appearance": "open",
    "auth.confirm": "anyone",
    "auth.sign_in": "open",
    "auth.sign_out": "anyone",
    "bootstrap.static": "open",
    "connections.callback": "open",
    "connections.connect": "anyone",
    "connections.disconnect": "anyone",
    "connections.show": "anyone",
    "dashboard.home": "anyone",
    "health.healthz": "open",
    "health.readyz": "open",
    "podcasts.show": "member",
    "podcasts.tweets": "member",
    "static": "open",
}
