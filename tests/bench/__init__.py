"""Speed and memory, side by side with what others have built: `make bench`. It measures and never asserts."""
