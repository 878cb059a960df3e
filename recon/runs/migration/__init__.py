"""The guided flow of a migration around anyone's importer: steps, each behind a gate, recorded so that none is lost."""
