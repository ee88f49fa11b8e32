"""What a sender's request says, as events: one reading for the collector, the jobs and files. Pure."""
