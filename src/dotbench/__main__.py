"""`python -m dotbench` is `dotbench`."""

from dotbench.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
