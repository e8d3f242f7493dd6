"""What Gradle resolves, by its own rules."""
