"""WebSocket APIs: connections that stay open, routes chosen by the message, and messages pushed back to clients."""
