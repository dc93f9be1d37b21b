"""Lambda's data plane: ``plane`` joins its parts; ``environment`` is where a function runs."""
