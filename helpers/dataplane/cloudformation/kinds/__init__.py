"""How each type of resource is made, changed and deleted: one module for a group of services."""
