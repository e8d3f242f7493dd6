"""Makes composer.lock from the composer.json beside it."""

from pathlib import Path

from outrider.operators.packages.composer.program import composer_program
from outrider.operators.packages.composer.settings import ComposerSettings
from outrider.operators.packages.locks.making.manifests import folder_of, manifest_beside
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import composer
from outrider.operators.packages.manifests.composer import FORM, asked, read_manifest
from outrider.operators.packages.resolving.questions import Question

FORMS = ((r"composer\.lock", "composer.lock"),)
USUAL_NAME = "composer.lock"
_PLUGIN_API = "composer-plugin-api"


async def make(form: str, path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    del form
    manifest = read_manifest(manifest_beside(path, FORM, question), question.environment)
    wanted = asked(manifest, question, folder_of(path))
    answer = await resolved("composer", wanted)
    program = await composer_program(wanted.environment, wanted.cache, wanted.clock)
    settings = ComposerSettings(wanted.environment, wanted.folder, program.default)
    plugin_api = program.platform.get(_PLUGIN_API, composer.USUAL_PLUGIN_API)
    return Made(composer.written(manifest, answer, settings.platform, plugin_api), answer.notes)
