"""What RBAC grants to somebody: each rule, with the role that has it and the binding that gives it."""

import msgspec

from outrider.operators.kubernetes.grants import read_grants
from outrider.operators.kubernetes.places import Failure, Place, Places, in_each, places
from outrider.operators.kubernetes.subjects import SubjectWord, identity_of, subject_of, subject_word
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class AccessRulesParams(Places, kw_only=True):
    """Whose rules.

    Attributes:
        subject: user/NAME, group/NAME or serviceaccount/NAMESPACE/NAME.
        groups: Groups that a user is in, which the cluster cannot know; other than those that it gives itself.
    """

    subject: SubjectWord
    groups: list[str] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        """Bring the subject into its one form.

        Raises:
            InvalidConfigError: It is none.
        """
        self.subject = subject_word(self.subject)


class GrantedRule(msgspec.Struct, kw_only=True):
    """A rule.

    Attributes:
        namespace: Where; `*` for everywhere.
        via: The subject itself, or a group that it is in.
        rule: Verbs, resources, and in brackets the names that it is limited to.
    """

    cluster: str
    namespace: str
    via: str
    binding: str
    role: str
    rule: str


class AccessRulesResult(msgspec.Struct, kw_only=True):
    """The rules; what other authorizers than RBAC allow is not seen.

    Attributes:
        failed: Clusters and namespaces that gave none, and why.
    """

    items: list[GrantedRule]
    failed: list[Failure] = []


async def run(params: AccessRulesParams, context: Context) -> AccessRulesResult:
    """Read them.

    Raises:
        DeniedError: The caller may not read roles and bindings.
    """
    async with places(params, context, every=True) as here:
        found, failed = await in_each(here, lambda place: _rules(params, place))
    return AccessRulesResult(items=[rule for rules in found for rule in rules], failed=failed)


async def _rules(params: AccessRulesParams, place: Place) -> list[GrantedRule]:
    grants = (await read_grants(place)).of(identity_of(subject_of(params.subject), params.groups))
    return [
        GrantedRule(
            cluster=place.cluster.name,
            namespace=one.namespace or "*",
            via=one.subject.word,
            binding=one.binding,
            role=one.role,
            rule=one.rule.text,
        )
        for one in grants
    ]


OPERATION = Implementation(
    params=AccessRulesParams, result=AccessRulesResult, run=run, target=lambda params: params.subject
)
