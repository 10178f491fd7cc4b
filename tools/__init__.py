"""Scripts of the project: generated files, set-up."""
