"""Masking of personal data: names, e-mail addresses and phone numbers; ids stay readable."""

from recon.masking.texts import mask_id, mask_json, mask_text

__all__ = ["mask_id", "mask_json", "mask_text"]
