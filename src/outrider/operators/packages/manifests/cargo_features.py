"""What the features of a package may bring in: https://doc.rust-lang.org/cargo/reference/features.html#the-features-section."""

from collections.abc import Mapping, Sequence

from outrider.core.errors import InvalidConfigError


def refuse_unknown_features(form: str, features: Mapping[str, Sequence[str]], needs: Mapping[str, bool]) -> None:
    """Refuse features that bring in what there is not, as Cargo does.

    Args:
        form: The manifest, for errors.
        features: What each brings in, as it is written.
        needs: By the key of each dependency, whether it is optional.

    Raises:
        InvalidConfigError: There is such a one.
    """
    for name, values in features.items():
        for value in values:
            key, slash, _ = value.partition("/")
            key = key.removesuffix("?")
            is_there = key in needs if slash else needs.get(value.removeprefix("dep:"), False) or value in features
            if not is_there:
                raise InvalidConfigError(
                    f"{form}: features.{name} includes {value}, which is neither an optional dependency nor another feature",
                    path=f"features.{name}", found=value, expected="a feature, dep:NAME of an optional dependency, or NAME/FEATURE of a dependency",
                    suggestions=["correct it, or leave it out"],
                )  # fmt: skip
