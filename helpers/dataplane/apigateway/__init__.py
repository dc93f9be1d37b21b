"""API Gateway: REST, HTTP and WebSocket APIs that answer. One idea a module; ``plane`` joins them."""
