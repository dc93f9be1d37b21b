"""CodeDeploy for Lambda: traffic moves from one version of a function to another, in steps, behind an alias."""
