"""AWS X-Ray: traces of requests, made by services, SDKs and the daemon, kept here, and asked for by its API."""
