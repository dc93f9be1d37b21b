"""Step Functions: workflows, run by moto's interpreter of the Amazon States Language and completed here."""
