"""A real LocalStack on this machine without Docker: its environment, its start, and what it finds there as plug-ins."""
