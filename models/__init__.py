"""Tables, column types, engine and migrations: a leaf that imports nothing of ours."""
