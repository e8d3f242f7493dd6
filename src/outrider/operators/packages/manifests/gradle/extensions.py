"""What plugins add to scripts of Gradle, by its types: `configure<JavaPluginExtension> { }`."""

from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.flattening import Event

JAVA_EXTENSIONS = ("JavaPluginExtension", "JavaPluginConvention")
PUBLISHING_EXTENSIONS = ("PublishingExtension", "SigningExtension")
TOOL_EXTENSIONS = {
    "JacocoPluginExtension": "jacoco", "CheckstyleExtension": "checkstyle", "PmdExtension": "pmd", "CodeNarcExtension": "codenarc",
}  # fmt: skip
# These change nothing of what is locked.
PASSED_EXTENSIONS = (
    *PUBLISHING_EXTENSIONS, "JavaApplication", "BasePluginExtension", "DistributionContainer", "IdeaModel", "EclipseModel",
)  # fmt: skip


def type_of(known: Evaluator, event: Event) -> str:
    """Return the type that a call has between angle brackets; empty where it has none.

    Args:
        known: What finds what expressions come to.
        event: The call.
    """
    words = known.script.words[event.statement.first : event.statement.first + 3]
    return words[2].value if len(words) == 3 and words[1].value == "<" else ""
