"""OpenAPI: REST APIs from a document, and a document from a REST API."""
