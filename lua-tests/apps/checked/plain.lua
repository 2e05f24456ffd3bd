io.open("file"):close()
