"""DynamoDB: the physics that moto leaves out. moto keeps the tables and the items."""
