"""`python -m smartvm` is the command `smartvm`."""

from smartvm.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
