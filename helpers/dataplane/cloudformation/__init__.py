"""CloudFormation: stacks, change sets and the SAM transform, made by API calls through the front door."""
