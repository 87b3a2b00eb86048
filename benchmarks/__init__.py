"""How fast, how big, how dear: each module measures one figure; `python -m benchmarks [names…]` runs them."""
