"""The `outrider` command. What must be quick is answered before anything else is imported."""

import sys


def main() -> None:
    """Run the command line and exit with its status."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["version"]):
        from outrider.version import __version__

        print(f"outrider {__version__}")
        sys.exit(0)
    if len(arguments) >= 2 and arguments[1] == "serve":
        from outrider.surfaces.serve import serve_part

        sys.exit(serve_part(arguments[0], arguments[2:]))
    from outrider.surfaces.cli.app import run

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
