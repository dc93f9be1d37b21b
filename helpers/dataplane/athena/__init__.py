"""Amazon Athena: SQL over files in S3."""
