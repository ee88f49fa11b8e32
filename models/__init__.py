"""What it means: pure Python, numpy, River. No I/O, no clock, no Flink."""
