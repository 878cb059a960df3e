"""Wild Apricot's API, read and never written: client, shapes of its answers, and a check for each entity."""
