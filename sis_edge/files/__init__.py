"""The ground floor: files, folders, hashes, names and the cache. It imports nothing of ours but the errors."""
