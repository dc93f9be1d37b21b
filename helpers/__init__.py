"""The course's shared modules: ``cloud`` is the AWS on this machine, ``teaching`` is what a notebook shows."""
