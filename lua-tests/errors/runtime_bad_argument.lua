math.floor("not a number")
