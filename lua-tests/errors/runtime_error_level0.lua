error("bare text", 0)
