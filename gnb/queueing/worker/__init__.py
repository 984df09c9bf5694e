"""Worker processes: the RQ worker, the supervisor of its processes, their loop, RQ's commands and registry."""
