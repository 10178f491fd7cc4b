"""Pages for people: one self-contained HTML file with plots as inline SVG, opened from disk, printed well."""
