"""How the online learner sees a vector, learns from it and scores the next one."""
