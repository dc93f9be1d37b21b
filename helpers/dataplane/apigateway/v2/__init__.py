"""API Gateway version 2, the control plane's name for HTTP APIs and WebSocket APIs: what both kinds share."""
