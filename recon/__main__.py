"""`python -m recon` is the command `recon`."""

from recon.cli import main

main()
