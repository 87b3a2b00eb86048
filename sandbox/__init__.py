"""Stand-ins: HTTP servers on loopback that behave like YouTube and X, faults included. Imports nothing of ours."""
