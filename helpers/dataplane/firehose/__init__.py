"""Amazon Data Firehose: records in, files out."""
