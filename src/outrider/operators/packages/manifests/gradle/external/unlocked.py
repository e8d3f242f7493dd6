"""Plugins that add no configuration and no dependency, as the real Gradle shows of each with a project of Java."""

from outrider.operators.packages.manifests.gradle.external.plugin import External, Part

_TEST_LOGGER = "com.adarshr.test-logger"
PLUGINS = (
    # It prints what tests come to.
    External(
        id=_TEST_LOGGER, versions=r"4\.0\.0", expected="4.0.0", artifact="com.adarshr:gradle-test-logger-plugin",
        parts={_TEST_LOGGER: Part()}, passed=frozenset(("testlogger",)),
    ),
)  # fmt: skip
