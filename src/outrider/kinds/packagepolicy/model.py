from outrider.core.package_policies import PackagePolicySpec

__all__ = ["PackagePolicySpec"]
