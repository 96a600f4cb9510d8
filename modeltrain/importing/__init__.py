"""Get data: from folders, archives, tables and lists of addresses into one dataset."""
