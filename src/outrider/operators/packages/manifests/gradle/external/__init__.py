"""Plugins that others than Gradle publish, one file each: what they change of a lock, in the versions that were compared with Gradle."""
