"""What must hold whatever happens: a model, a state machine, a kill matrix, races, mutants and fuzzing."""
