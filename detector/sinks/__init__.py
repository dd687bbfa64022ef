"""Where records leave: topics of a broker, or files of a run folder."""
