"""Given a batch: the operators of the jobs, one a file."""
