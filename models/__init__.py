"""Every learner behind one contract: score(X), learn(X, y), state()."""
