"""What must hold before an import: environment, source, dry run, policies, backup, people; profile coverage."""
