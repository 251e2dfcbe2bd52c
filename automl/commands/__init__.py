"""Commands with files of their own, which ``automl.cli`` registers."""
