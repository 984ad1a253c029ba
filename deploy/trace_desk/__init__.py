"""The trace desk: an OTLP receiver that keeps the latest traces in memory and draws them in a web page."""
