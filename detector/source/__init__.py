"""Where calls come from: a broker, files, memory."""
