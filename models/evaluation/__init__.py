"""How good the scores of a data set are, beside those of simpler and of other models."""
