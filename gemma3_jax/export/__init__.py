"""One checkpoint, other runtimes: variables in, a file out. Nothing here is imported before it is asked for."""
