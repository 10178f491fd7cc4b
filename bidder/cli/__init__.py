"""The commands: thin, a file a topic. They parse, ask the rooms below, and print for people or as JSON."""
