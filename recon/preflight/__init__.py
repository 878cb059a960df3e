"""What has to hold before an import."""
