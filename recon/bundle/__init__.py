"""A migration bundle: the importer's report of what it did, validated."""

from recon.bundle.model import Bundle
from recon.bundle.reading import open_bundle
from recon.bundle.tables import FRAMES, frames

__all__ = ["FRAMES", "Bundle", "frames", "open_bundle"]
