"""Commands of the command line, a file each; ``automl.cli`` registers them."""
