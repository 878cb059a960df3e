"""A generated club that moved from Wild Apricot, intact or with planted faults, for trying recon."""

from recon.demo.club import Club, generate
from recon.demo.exports import write_exports
from recon.demo.fault import Fault
from recon.demo.faults import FAULTS
from recon.demo.files import DemoPaths, plant, write_bundle, write_demo, write_sqlite
from recon.demo.servers import write_demo_to

__all__ = [
    "FAULTS",
    "Club",
    "DemoPaths",
    "Fault",
    "generate",
    "plant",
    "write_bundle",
    "write_demo",
    "write_demo_to",
    "write_exports",
    "write_sqlite",
]
