"""Live: a talking head whose sound is not known yet."""
