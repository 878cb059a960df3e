"""Profiles: which tables and columns of an application hold the data that rules refer to; loaded or drafted."""

from recon.profile.model import Column, KeyPart, Only, Profile, RunRecord, Table
from recon.profile.reading import BUILT_IN, load_profile

__all__ = ["BUILT_IN", "Column", "KeyPart", "Only", "Profile", "RunRecord", "Table", "load_profile"]
