"""CloudWatch metrics and alarms: the part that moto, which keeps both, leaves out."""
