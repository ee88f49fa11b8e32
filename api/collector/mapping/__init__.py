"""What all protocols share on the way from a sender's words to an event. Pure."""
