"""Evidence: a folder whose manifest says what was in it and what it was made from, the record of all, signatures."""
