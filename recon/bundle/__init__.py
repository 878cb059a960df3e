"""A migration bundle: what the importer says it did, validated."""

from recon.bundle.model import Bundle
from recon.bundle.reading import open_bundle
from recon.bundle.tables import FRAMES, frames

__all__ = ["FRAMES", "Bundle", "frames", "open_bundle"]
