"""Valid answers and inputs, spoiled in a thousand ways, for everything that reads what comes from outside."""
