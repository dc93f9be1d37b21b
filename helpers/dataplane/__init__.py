"""The data plane that moto leaves out, one module or package for each AWS service."""
