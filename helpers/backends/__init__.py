"""What can stand behind ``cloud.start``: one module for each kind of local AWS."""
