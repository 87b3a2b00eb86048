"""Real processes, real kill -9, and what must be true afterwards."""
