-- Raises when it is loaded.
error("raised while loading")
