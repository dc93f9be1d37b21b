"""What runs inside an execution environment; nothing here is imported by the course's own process."""
