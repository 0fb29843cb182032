"""What the standard says, in its own words; imports nothing of ours."""
